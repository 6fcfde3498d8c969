package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Series is what a run of records has in common: all but sequence number, time
// and values.
type Series struct {
	Device string // of each record's ID
	Boot   uint64 // likewise
	Shape  int    // in Columns.Shapes: its readings
	N      int    // records

	form  byte
	meta  []byte // as in its rows, the count before it; nil for none
	taken int    // readings
}

// Shape is what readings a series has.
type Shape struct {
	Schema  *Schema // nil for records without one
	Ref     string  // the schema's, which a record may name without having one
	Present []byte  // with a Schema: which of its fields there are, lowest bit first
	Cols    []int   // its readings: which columns, rising

	head []byte   // what its rows have between the metadata and the first reading
	skip [][]byte // without a Schema: what is before the value of each reading
}

// AppendMeta appends the metadata of each record of the series to dst.
func (s *Series) AppendMeta(dst []Meta) []Meta {
	rd := rowReader{b: s.meta}
	for n := rd.byte(); n > 0 && !rd.bad; n-- {
		dst = append(dst, Meta{rd.str(), rd.str()})
	}
	return dst
}

// seriesIndex finds series and shapes that there are already.
type seriesIndex struct {
	series map[seriesKey]int
	shapes map[string]int // by form without its flag, head and skip
	key    []byte
	spent  int // of MostDiverse
}

type seriesKey struct {
	device, meta string
	boot         uint64
	shape        int
}

// MostDiverse is how many bytes of memory, about, it may take what the records of a
// batch do not have in common: devices, boots, metadata, names.
const MostDiverse = 1 << 20

// What that takes with all who have to do with it, about: this package's and an
// encoder's structures, and their indexes.
const (
	seriesCost  = 256 // a series
	metaCost    = 80  // each of its metadata
	readingCost = 192 // a reading of a shape
	useCost     = 4   // a reading of a series
)

func (c *Columns) resetSeries() {
	c.Series, c.Shapes = c.Series[:0], c.Shapes[:0]
	if c.index.series == nil {
		c.index.series, c.index.shapes = map[seriesKey]int{}, map[string]int{}
	}
	clear(c.index.series)
	clear(c.index.shapes)
	c.index.spent = 0
}

// match tells whether a row is of the series, and where in it the readings begin.
func (c *Columns) match(series int, row *Row) (values int, ok bool) {
	s := &c.Series[series]
	shape := &c.Shapes[s.Shape]
	if row.ID.Boot != s.Boot || row.ID.Device != s.Device || len(row.Data) == 0 || row.Data[0] != s.form {
		return 0, false
	}
	rd := rowReader{b: row.Data[1:]}
	rd.varint()
	if rd.bad || !bytes.HasPrefix(rd.b, s.meta) || !bytes.HasPrefix(rd.b[len(s.meta):], shape.head) {
		return 0, false
	}
	rd.b = rd.b[len(s.meta)+len(shape.head):]
	values = len(row.Data) - len(rd.b)
	for _, head := range shape.skip {
		if !bytes.HasPrefix(rd.b, head) {
			return 0, false
		}
		rd.b = rd.b[len(head):]
		if rd.value(Kind(head[len(head)-1])); rd.bad {
			return 0, false
		}
	}
	return values, true
}

// find returns the series of a row, a new one if there is none like it.
func (c *Columns) find(row *Row, dec *Decoder) (int, error) {
	rd := rowReader{b: row.Data}
	form := rd.byte()
	rd.varint()
	var meta []byte
	pairs := byte(0)
	if form&flagMeta != 0 {
		before := rd.b
		pairs = rd.byte()
		for n := 2 * int(pairs); n > 0 && !rd.bad; n-- {
			rd.str()
		}
		meta = before[:len(before)-len(rd.b)]
	}
	shape, err := c.findShape(form&^flagMeta, &rd, dec)
	if err != nil {
		return 0, err
	}
	key := seriesKey{row.ID.Device, unsafe.String(unsafe.SliceData(meta), len(meta)), row.ID.Boot, shape}
	if i, ok := c.index.series[key]; ok {
		return i, nil
	}
	i := len(c.Series)
	c.index.series[key] = i
	c.index.spent += seriesCost + metaCost*int(pairs) + useCost*len(c.Shapes[shape].Cols)
	c.Series = append(c.Series, Series{Device: row.ID.Device, Boot: row.ID.Boot, Shape: shape, form: form, meta: meta})
	return i, nil
}

// findShape returns the shape of the rest of a row of that form, a new one if there is none like it.
func (c *Columns) findShape(form byte, rd *rowReader, dec *Decoder) (int, error) {
	start := rd.b
	c.index.key = append(c.index.key[:0], form)
	var schema *Schema
	var present, names []byte
	count := uint64(0)
	switch form {
	case formSchema:
		var err error
		if schema, present, err = dec.schemaHead(rd); err != nil {
			return 0, err
		}
		c.index.key = append(c.index.key, start[:len(start)-len(rd.b)]...)
	case formFree:
		rd.str()
		count = rd.uvarint()
		names = rd.b
		c.index.key = append(c.index.key, start[:len(start)-len(rd.b)]...)
		for i := uint64(0); i < count && !rd.bad; i++ {
			before := rd.b
			rd.str()
			kind := Kind(rd.byte())
			c.index.key = append(c.index.key, before[:len(before)-len(rd.b)]...)
			rd.value(kind)
		}
	default:
		return 0, fmt.Errorf("%w: form byte %#02x is unknown to this version", ErrRow, form)
	}
	if rd.bad || count > MaxReadings {
		return 0, fmt.Errorf("%w: damaged %d bytes before its end", ErrRow, len(rd.b))
	}
	if i, ok := c.index.shapes[string(c.index.key)]; ok {
		return i, nil
	}
	s := Shape{Schema: schema, Present: present}
	if schema != nil {
		s.head = start[:8+len(present)]
		s.Cols = c.Assign(s.ofSchema())
	} else {
		s.head = start[:len(start)-len(names)]
		s.Cols = c.Assign(s.free(names, int(count)))
	}
	i := len(c.Shapes)
	c.index.shapes[string(c.index.key)] = i
	c.index.spent += readingCost * len(s.Cols)
	c.Shapes = append(c.Shapes, s)
	return i, nil
}

// ofSchema returns the readings of rows that have a schema.
func (s *Shape) ofSchema() []Column {
	s.Ref = s.Schema.ref
	readings := make([]Column, 0, len(s.Schema.fields))
	for i := range s.Schema.fields {
		if f := &s.Schema.fields[i]; s.Present[i/8]&(1<<(i%8)) != 0 {
			readings = append(readings, Column{Name: f.Name, Kind: f.Kind})
		}
	}
	return readings
}

// free returns the readings of rows without one, of which names is the rest of one.
func (s *Shape) free(names []byte, count int) []Column {
	ref := rowReader{b: s.head}
	s.Ref, s.skip = ref.str(), make([][]byte, count)
	readings := make([]Column, count)
	in := rowReader{b: names}
	for i := range readings {
		before := in.b
		readings[i] = Column{Name: in.str(), Kind: Kind(in.byte())}
		s.skip[i] = before[:len(before)-len(in.b)]
		in.value(readings[i].Kind)
	}
	return readings
}

// schemaHead reads the fingerprint and the presence bits of a schema's row.
func (d *Decoder) schemaHead(rd *rowReader) (schema *Schema, present []byte, err error) {
	var print uint64
	if fp := rd.take(8); len(fp) == 8 {
		print = binary.BigEndian.Uint64(fp)
	}
	if schema = d.schemas[print]; schema == nil {
		return nil, nil, fmt.Errorf("%w: its schema %016x is not known here", ErrRow, print)
	}
	if present = rd.take(uint64(len(schema.fields)+7) / 8); rd.bad {
		return nil, nil, fmt.Errorf("%w: it ends too early", ErrRow)
	}
	return schema, present, nil
}
