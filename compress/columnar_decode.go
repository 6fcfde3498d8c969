package compress

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"

	"github.com/rivulet-iot/rivulet/record"
)

// columnarDecoder takes a frame apart. Whatever it is told to expect is taken from
// the limit before memory is. The first thing that is wrong is kept in err, and
// ends the rest.
type columnarDecoder struct {
	coder   rangeDecoder
	head    headModel
	own     model
	left    int64 // of the limit
	err     error
	schemas []*record.Schema

	texts  []string
	n      int // texts that were referred to
	shapes []*shape
	boots  []uint64          // new ones
	marks  []Mark            // of each device and boot
	marked map[record.ID]int // where in marks; without Seq
	series []frameSeries
	of     []int64
	set    record.ColumnSet
	cols   []frameColumn
}

// shape is what readings a series has.
type shape struct {
	ref  string
	cols []int
	cost int64 // of the readings of a record, strings left out
}

type frameSeries struct {
	id    record.ID
	shape *shape
	meta  []record.Meta
	n     int
	at    []int // of each reading: where in its column the next value is
	next  int   // where in seqs and times the next record is
}

type frameColumn struct {
	values []int64
	texts  []string // of a string column, what the values are places in
}

// What a record, and each reading or text or series of it, is counted as beside
// the bytes of strings: about what it takes in record JSON, and in memory.
const (
	recordCost = record.BaseSize
	smallCost  = record.ReadingSize
)

func (d *columnarDecoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
	}
}

// spend takes n times each from the limit. It tells whether there was enough.
func (d *columnarDecoder) spend(n, each int64) bool {
	if d.err != nil {
		return false
	}
	if n < 0 || each > 0 && n > d.left/each {
		d.err = fmt.Errorf("%w: its parts ask for more than it", ErrTooLarge)
		return false
	}
	d.left -= n * each
	return true
}

func (d *columnarDecoder) number() int64 {
	if d.err != nil {
		return 0
	}
	return d.head.decode(&d.coder)
}

// count reads a number that must be from 0 to most.
func (d *columnarDecoder) count(what string, most int64) int {
	n := d.number()
	if n < 0 || n > most {
		d.fail("%d %s", n, what)
		return 0
	}
	return int(n)
}

// numbers reads a column of n numbers.
func (d *columnarDecoder) numbers(n int) []int64 {
	if d.err != nil {
		return nil
	}
	v := make([]int64, n)
	decodeNumbers(&d.coder, &d.head, &d.own, v)
	return v
}

// decodeColumnar calls fn with each record of a frame.
func (c *Decoder) decodeColumnar(frame []byte, limit int64, fn func(*record.Record) error) error {
	if len(frame) < columnarHead {
		return fmt.Errorf("%w: it ends too early", ErrCorrupt)
	}
	if !fits(frame, binary.BigEndian.Uint32(frame)) {
		return fmt.Errorf("%w: its checksum is wrong", ErrCorrupt)
	}
	if version := frame[3] &^ columnarDeflate; version != columnarVersion {
		return fmt.Errorf("%w: a columnar frame of version %d, which this program is too old for", ErrFormat, version)
	}
	d := &columnarDecoder{left: limit, schemas: c.Schemas, head: newHead, marked: map[record.ID]int{}}
	d.coder.start(d.readText(frame[columnarHead:], frame[3]&columnarDeflate != 0))
	records := d.number()
	if records < 1 {
		d.fail("%d records", records)
	}
	if !d.spend(records, recordCost) {
		return d.err
	}
	if c.MaxRecords > 0 && records > c.MaxRecords {
		return tooMany(c.MaxRecords)
	}
	d.readSeries(int(records))
	seqs, times := d.readSeqs(int(records)), d.numbers(int(records))
	for _, t := range times {
		if t < minTime || t > maxTime {
			d.fail("a time of %d ms", t)
		}
	}
	d.readColumns(int(records))
	if d.err != nil {
		return d.err
	}
	if err := d.emit(seqs, times, fn); err != nil {
		return err
	}
	d.tell(seqs, c.Marks)
	return nil
}

// The first and last ms of the years 0 and 9999, which RFC 3339 can write.
const minTime, maxTime = -62167219200000, 253402300799999

// readText reads the frame's strings and returns what follows them.
func (d *columnarDecoder) readText(in []byte, deflated bool) (rest []byte) {
	length := func() int64 {
		n, size := binary.Uvarint(in)
		if size <= 0 || n > math.MaxInt32 {
			d.fail("the length of its text is damaged")
			return 0
		}
		in = in[size:]
		return int64(n)
	}
	size := length()
	stored := size
	if deflated {
		stored = length()
	}
	if !d.spend(size, 1) {
		return nil
	}
	if stored > int64(len(in)) {
		d.fail("its text is cut short")
		return nil
	}
	text, rest := in[:stored], in[stored:]
	if deflated {
		inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(text)), size+1))
		if err == nil && int64(len(inflated)) != size {
			err = fmt.Errorf("it is not %d bytes", size)
		}
		if err != nil {
			d.fail("its text cannot be inflated: %w", err)
			return nil
		}
		text = inflated
	}
	all := string(text)
	for at := 0; at < len(text); {
		n, size := binary.Uvarint(text[at:])
		if size <= 0 || n > uint64(len(text)-at-size) {
			d.fail("its text is damaged at %d", at)
			return nil
		}
		at += size
		s := all[at : at+int(n)]
		at += int(n)
		if !utf8.ValidString(s) {
			d.fail("its text is not UTF-8 at %d", at)
		}
		if !d.spend(1, smallCost) {
			return nil
		}
		d.texts = append(d.texts, s)
	}
	return rest
}

// str reads a reference to a string.
func (d *columnarDecoder) str() string {
	back := d.number()
	if back == 0 {
		return d.newText()
	}
	if back < 0 || back > int64(d.n) {
		d.fail("string %d before the first", back)
		return ""
	}
	return d.texts[d.n-int(back)]
}

func (d *columnarDecoder) newText() string {
	if d.n == len(d.texts) {
		d.fail("it has %d strings and refers to more", d.n)
	}
	if d.err != nil {
		return ""
	}
	d.n++
	return d.texts[d.n-1]
}

// emit hands out the records in the order they were put.
func (d *columnarDecoder) emit(seqs, times []int64, fn func(*record.Record) error) error {
	var r record.Record
	for _, i := range d.of {
		s := &d.series[i]
		r = record.Record{ID: s.id, Schema: s.shape.ref, Meta: s.meta, Readings: r.Readings[:0]}
		r.ID.Seq = uint64(seqs[s.next])
		r.Time = time.UnixMilli(times[s.next]).UTC()
		s.next++
		for k, c := range s.shape.cols {
			col := &d.cols[c]
			v := col.values[s.at[k]]
			s.at[k]++
			rd := record.Reading{Name: d.set.Cols[c].Name}
			switch d.set.Cols[c].Kind {
			case record.Float:
				rd.Value = record.FloatValue(math.Float64frombits(uint64(v)))
			case record.Int:
				rd.Value = record.IntValue(v)
			case record.Bool:
				rd.Value = record.BoolValue(v == 1)
			default:
				rd.Value = record.StringValue(col.texts[v])
			}
			r.Readings = append(r.Readings, rd)
		}
		if err := fn(&r); err != nil {
			return err
		}
	}
	return nil
}
