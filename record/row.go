package record

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"
)

// A row is a record in compact binary form, as the buffer holds it. The id is
// not in the row: the buffer keeps it beside the row.
//
//	form byte     1 schema row, 2 free row; bit 4 (0x10): metadata follows the time
//	time          zigzag varint, ms since 1970-01-01T00:00:00Z
//	[metadata]    count byte, then per pair: name, value
//	schema row:   fingerprint, 8 bytes big-endian
//	              presence, one bit a field, lowest bit first
//	              the present fields' values in schema order
//	free row:     schema ref ("" for none), count varint,
//	              then per reading: name, kind byte, value
//
//	name, ref, string value: uvarint length, UTF-8 bytes
//	float: 8 bytes little-endian; int: zigzag varint; bool: one byte, 0 or 1
const (
	formSchema = 0x01
	formFree   = 0x02
	formMask   = 0x0f
	flagMeta   = 0x10
)

// rowWriter appends a row to buf[start:].
type rowWriter struct {
	buf      []byte
	start    int
	presence int // offset of the presence bits
}

// The years 0 to 9999, which RFC 3339 can write, in seconds since 1970.
const minTime, maxTime = -62_167_219_200, 253_402_300_799

func (w *rowWriter) head(bad *faults, form byte, t time.Time) {
	if sec := t.Unix(); sec < minTime || sec > maxTime {
		bad.add("ts", strconv.Itoa(t.UTC().Year()), "the year is outside 0 to 9999, which RFC 3339 cannot write")
	}
	w.buf = append(w.buf, form)
	w.buf = binary.AppendVarint(w.buf, t.UnixMilli())
}

// meta writes one pair. The first one opens the metadata with its count byte, at
// the offset at, so that records without metadata spend nothing on it.
func (w *rowWriter) meta(bad *faults, at int, name, value string) {
	checkMeta(bad, name, value)
	if w.buf[w.start]&flagMeta == 0 {
		w.buf[w.start] |= flagMeta
		w.buf = append(w.buf, 0)
	}
	w.buf[at]++
	w.buf = appendBytes(w.buf, name)
	w.buf = appendBytes(w.buf, value)
}

func (w *rowWriter) fingerprint(p uint64) { w.buf = binary.BigEndian.AppendUint64(w.buf, p) }

func (w *rowWriter) openPresence(fields int) {
	w.presence = len(w.buf)
	for range (fields + 7) / 8 {
		w.buf = append(w.buf, 0)
	}
}

func (w *rowWriter) present(i int, v Value) {
	w.buf[w.presence+i/8] |= 1 << (i % 8)
	w.value(v)
}

func (w *rowWriter) value(v Value) {
	switch v.kind {
	case Float:
		w.buf = binary.LittleEndian.AppendUint64(w.buf, v.bits)
	case Int:
		w.buf = binary.AppendVarint(w.buf, int64(v.bits))
	case Bool:
		w.buf = append(w.buf, byte(v.bits))
	case String:
		w.buf = appendBytes(w.buf, v.str)
	}
}

// finish returns the grown slice, or dst as it was when something was wrong.
func (w *rowWriter) finish(bad *faults, dst []byte) ([]byte, error) {
	if n := len(w.buf) - w.start; n > MaxRowBytes {
		bad.add("record", strconv.Itoa(n)+" bytes", "above the limit of "+strconv.Itoa(MaxRowBytes)+" bytes encoded")
	}
	if err := bad.err(); err != nil {
		return dst, err
	}
	return w.buf, nil
}

func appendBytes(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func checkMeta(bad *faults, name, value string) {
	if problem := nameProblem("a metadata name", name); problem != "" {
		bad.add("meta", strconv.Quote(name), problem)
	}
	if problem := badString(value); problem != "" {
		bad.add("meta."+name, strconv.Quote(value), problem)
	}
}

// AppendRecord validates r and appends it to dst as a row. When s is not nil and
// r.Schema is s.Ref() or "", r must satisfy s; otherwise r is free-form and
// keeps the names of its readings and of its schema. A zero Time becomes now. It
// keeps no reference to r and does not allocate unless dst must grow or r is
// refused.
func AppendRecord(dst []byte, s *Schema, r *Record, now time.Time) ([]byte, error) {
	free := s == nil || r.Schema != "" && r.Schema != s.ref
	bad := faults{schema: r.Schema}
	form := byte(formFree)
	if !free {
		form, bad.schema = formSchema, s.ref
	}
	if !r.Time.IsZero() {
		now = r.Time
	}
	w := rowWriter{start: len(dst), buf: dst}
	w.head(&bad, form, now)
	if len(r.Meta) > MaxMeta {
		bad.add("meta", strconv.Itoa(len(r.Meta))+" pairs", "above the limit of "+strconv.Itoa(MaxMeta))
		return dst, bad.err()
	}
	at := len(w.buf)
	for i := range r.Meta {
		for j := range i {
			if r.Meta[j].Name == r.Meta[i].Name {
				bad.add("meta."+r.Meta[i].Name, "", "given twice")
			}
		}
		w.meta(&bad, at, r.Meta[i].Name, r.Meta[i].Value)
	}
	if len(r.Readings) > MaxReadings {
		bad.add("readings", strconv.Itoa(len(r.Readings)), "above the limit of "+strconv.Itoa(MaxReadings))
		return dst, bad.err()
	}
	if free {
		w.freeReadings(&bad, r)
	} else {
		w.schemaReadings(&bad, s, r)
	}
	return w.finish(&bad, dst)
}

func (w *rowWriter) freeReadings(bad *faults, r *Record) {
	if problem := refProblem(r.Schema); problem != "" {
		bad.add("schema", strconv.Quote(r.Schema), problem)
	}
	w.buf = appendBytes(w.buf, r.Schema)
	w.buf = binary.AppendUvarint(w.buf, uint64(len(r.Readings)))
	for i := range r.Readings {
		name, v := r.Readings[i].Name, r.Readings[i].Value
		if problem := nameProblem("a reading's name", name); problem != "" {
			bad.add("readings", strconv.Quote(name), problem)
		}
		for j := range i { // at most 512, mostly under 20: cheaper than a map
			if r.Readings[j].Name == name {
				bad.add(name, v.shown(), "given twice")
				break
			}
		}
		switch {
		case !v.kind.valid():
			bad.add(name, v.shown(), "has no kind; use FloatValue, IntValue, BoolValue or StringValue")
			continue
		case v.kind == Float && !finite(v.bits):
			bad.add(name, v.shown(), notFinite)
		case v.kind == String && badString(v.str) != "":
			bad.add(name, v.shown(), badString(v.str))
		}
		w.buf = appendBytes(w.buf, name)
		w.buf = append(w.buf, byte(v.kind))
		w.value(v)
	}
}

func (w *rowWriter) schemaReadings(bad *faults, s *Schema, r *Record) {
	w.fingerprint(s.print)
	w.openPresence(len(s.fields))
	known := 0
	for i := range s.fields {
		f := &s.fields[i]
		var v Value
		ok := i < len(r.Readings) && r.Readings[i].Name == f.Name
		if ok { // in the schema's order, as nearly always
			v = r.Readings[i].Value
		} else {
			v, ok = r.Get(f.Name)
		}
		switch {
		case ok:
			known++
			f.check(bad, v)
			w.present(i, v)
		case f.Required:
			bad.add(f.Name, "", "required, but absent")
		}
	}
	if known == len(r.Readings) {
		return
	}
	for i := range r.Readings {
		rd := &r.Readings[i]
		if _, ok := s.index[rd.Name]; !ok {
			bad.add(rd.Name, rd.Value.shown(), "is not a field of schema "+s.ref)
		}
		for j := range i {
			if r.Readings[j].Name == rd.Name {
				bad.add(rd.Name, rd.Value.shown(), "given twice")
				break
			}
		}
	}
}

func finite(bits uint64) bool { f := math.Float64frombits(bits); return f-f == 0 }

// ErrRow is wrapped by every error of reading a row.
var ErrRow = errors.New("record: not a row")
