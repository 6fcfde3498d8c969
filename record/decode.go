package record

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"
)

// Decoder reads rows. It knows the schemas given to it and interns the names
// that free rows repeat. It is not safe for concurrent use.
type Decoder struct {
	schemas map[uint64]*Schema
	names   map[string]string
}

// maxInterned bounds the memory of a Decoder against rows whose names never repeat.
const maxInterned = 4096

// NewDecoder returns a Decoder that knows the given schemas.
func NewDecoder(schemas ...*Schema) *Decoder {
	d := &Decoder{schemas: map[uint64]*Schema{}, names: map[string]string{}}
	for _, s := range schemas {
		d.Add(s)
	}
	return d
}

// Add makes a schema known.
func (d *Decoder) Add(s *Schema) {
	if s != nil {
		d.schemas[s.print] = s
	}
}

// AddStored makes a schema known by the document that was stored with rows of it,
// maybe by another version of this package: names and kinds, in their order, are
// all that reading takes, so a rule or a member that has changed since does not
// matter. The fingerprint is the one in the rows.
func (d *Decoder) AddStored(fingerprint uint64, doc []byte) error {
	if len(doc) > maxSchemaBytes {
		return fmt.Errorf("record: the schema document has %d bytes, the limit is %d", len(doc), maxSchemaBytes)
	}
	var stored schemaDoc
	if err := json.Unmarshal(doc, &stored); err != nil {
		return fmt.Errorf("record: schema document: %w", err)
	}
	s := &Schema{name: stored.Name, version: stored.Version, ref: stored.Name + "/" + strconv.Itoa(stored.Version), print: fingerprint}
	for _, f := range stored.Fields {
		kind, ok := parseKind(f.Kind)
		if !ok || badName(f.Name) != "" || f.Name == "" {
			return fmt.Errorf("record: schema document: field %q of kind %q cannot be read by this version", f.Name, f.Kind)
		}
		s.fields = append(s.fields, Field{Name: f.Name, Kind: kind, Unit: f.Unit})
	}
	if len(s.fields) == 0 || len(s.fields) > MaxReadings {
		return fmt.Errorf("record: schema document: %d fields", len(s.fields))
	}
	d.schemas[fingerprint] = s
	return nil
}

// Decode reads one row into r, reusing its slices. Strings in r may alias row:
// r is valid while row is unchanged. The id is left as it is. A row of a schema
// that is not known, or one that is damaged, gives an error that wraps ErrRow.
func (d *Decoder) Decode(r *Record, row []byte) error {
	id := r.ID
	r.reset()
	r.ID = id
	rd := rowReader{b: row}
	form := rd.byte()
	r.Time = time.UnixMilli(rd.varint()).UTC()
	if form&flagMeta != 0 {
		n := int(rd.byte())
		for range n {
			if rd.bad {
				break
			}
			r.Meta = append(r.Meta, Meta{d.intern(rd.bytes()), rd.str()})
		}
	}
	switch form &^ flagMeta {
	case formSchema:
		if err := d.schemaRow(r, &rd); err != nil {
			return err
		}
	case formFree:
		r.Schema = d.intern(rd.bytes())
		n := rd.uvarint()
		if n > MaxReadings {
			rd.bad = true
		}
		for i := uint64(0); i < n && !rd.bad; i++ {
			name := d.intern(rd.bytes())
			r.Readings = append(r.Readings, Reading{name, rd.value(Kind(rd.byte()))})
		}
	default:
		return fmt.Errorf("%w: form byte %#02x is unknown to this version", ErrRow, form)
	}
	if rd.bad || len(rd.b) != 0 {
		return fmt.Errorf("%w: damaged %d bytes before its end", ErrRow, len(rd.b))
	}
	return nil
}

func (d *Decoder) schemaRow(r *Record, rd *rowReader) error {
	var print uint64
	if fp := rd.take(8); len(fp) == 8 {
		print = binary.BigEndian.Uint64(fp)
	}
	s := d.schemas[print]
	if s == nil {
		return fmt.Errorf("%w: its schema %016x is not known here", ErrRow, print)
	}
	r.Schema = s.ref
	presence := rd.take(uint64((len(s.fields) + 7) / 8))
	if rd.bad {
		return nil // the caller reports it
	}
	for i := range s.fields {
		if presence[i/8]&(1<<(i%8)) != 0 && !rd.bad {
			r.Readings = append(r.Readings, Reading{s.fields[i].Name, rd.value(s.fields[i].Kind)})
		}
	}
	return nil
}

func (d *Decoder) intern(b []byte) string {
	if s, ok := d.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(d.names) < maxInterned {
		d.names[s] = s
	}
	return s
}

// rowReader reads the parts of a row; bad is set for good by the first that is
// not there.
type rowReader struct {
	b   []byte
	bad bool
}

func (r *rowReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *rowReader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *rowReader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

func (r *rowReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	return v
}

func (r *rowReader) skip(n int) {
	if n <= 0 {
		r.bad = true
		return
	}
	r.b = r.b[n:]
}

func (r *rowReader) bytes() []byte { return r.take(r.uvarint()) }

// str returns a string that aliases the row, which Decode documents.
func (r *rowReader) str() string {
	b := r.bytes()
	if !utf8.Valid(b) {
		r.bad = true
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

func (r *rowReader) value(k Kind) Value {
	switch k {
	case Float:
		if b := r.take(8); len(b) == 8 {
			return FloatValue(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case Int:
		return IntValue(r.varint())
	case Bool:
		b := r.byte()
		if b > 1 {
			r.bad = true
		}
		return BoolValue(b == 1)
	case String:
		return StringValue(r.str())
	}
	r.bad = true
	return Value{}
}
