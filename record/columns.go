package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Columns reads a batch column by column, for codecs that lay records out so.
// Records are in groups, one for each [Series], in the order in which the series
// first occur; in a group they keep their order. Call [Columns.Read], look at the
// fields, take the values of each column of Cols, in order and each once, by
// [Columns.Numbers] or [Columns.Strings], and ask [Columns.Err] at the end.
//
// It holds no values, only where in each row the next one is: 32 bytes a record,
// which are kept for the next batch.
type Columns struct {
	ColumnSet
	Series []Series
	Of     []int64 // the series of each record, in the order of the batch
	Times  []int64 // ms since 1970, by group
	Seqs   []int64 // sequence numbers, by group

	rows  []Row
	order []uint32 // by group: which row
	at    []uint32 // of each row: where its next value is
	next  int      // the column to be taken
	bad   error
	known map[string]uint32 // series by key, while there are several
	key   []byte
}

// Series is what a run of records has in common: all but sequence number, time
// and values.
type Series struct {
	Device  string  // of each record's ID
	Boot    uint64  // likewise
	Schema  *Schema // nil for records without one
	Ref     string  // the schema's, which a record may name without having one
	Present []byte  // with a Schema: which of its fields there are, lowest bit first
	Meta    []Meta  // of each record
	Cols    []int   // its readings: which columns, rising
	N       int     // records

	form  byte
	head  []byte   // what its rows have between the time and the first reading
	skip  [][]byte // without a Schema: what is before the value of each reading
	taken int      // readings
}

// Read takes the rows of b apart; c borrows them. The error, which wraps
// [ErrRow], names the record whose row is damaged.
func (c *Columns) Read(b *Batch) error {
	n := len(b.rows)
	c.rows, c.next, c.bad = b.rows, 0, nil
	c.Series = c.Series[:0]
	c.ColumnSet.Reset()
	c.Of, c.order, c.at = resized(c.Of, n), resized(c.order, n), resized(c.at, n)
	c.Times, c.Seqs = resized(c.Times, n), resized(c.Seqs, n)
	clear(c.known)
	last := uint32(0)
	for i := range c.rows {
		row := &c.rows[i]
		values, ok := 0, false
		if i > 0 {
			values, ok = c.Series[last].match(row)
		}
		if !ok {
			var err error
			if last, err = c.find(row, b.dec); err != nil {
				return fmt.Errorf("record %s: %w", row.ID, err)
			}
			if values, ok = c.Series[last].match(row); !ok {
				return fmt.Errorf("record %s: %w: damaged", row.ID, ErrRow)
			}
		}
		c.Of[i], c.at[i] = int64(last), uint32(values)
		c.Series[last].N++
	}
	c.group()
	return nil
}

// match tells whether a row is of the series, and where in it the readings begin.
func (s *Series) match(row *Row) (values int, ok bool) {
	if row.ID.Boot != s.Boot || row.ID.Device != s.Device || len(row.Data) == 0 || row.Data[0] != s.form {
		return 0, false
	}
	rd := rowReader{b: row.Data[1:]}
	rd.varint()
	if rd.bad || !bytes.HasPrefix(rd.b, s.head) {
		return 0, false
	}
	rd.b = rd.b[len(s.head):]
	values = len(row.Data) - len(rd.b)
	for _, head := range s.skip {
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
func (c *Columns) find(row *Row, dec *Decoder) (uint32, error) {
	s := Series{Device: row.ID.Device, Boot: row.ID.Boot}
	rd := rowReader{b: row.Data}
	s.form = rd.byte()
	rd.varint()
	start := len(row.Data) - len(rd.b)
	if s.form&flagMeta != 0 {
		for range rd.byte() {
			name, value := rd.str(), rd.str()
			s.Meta = append(s.Meta, Meta{name, value})
		}
	}
	var readings []Column
	switch s.form &^ flagMeta {
	case formSchema:
		if err := dec.schemaHead(&s, &rd); err != nil {
			return 0, err
		}
		for i, f := range s.Schema.fields {
			if s.Present[i/8]&(1<<(i%8)) != 0 {
				readings = append(readings, Column{Name: f.Name, Kind: f.Kind})
			}
		}
		s.head = row.Data[start : len(row.Data)-len(rd.b)]
	case formFree:
		s.Ref = rd.str()
		n := rd.uvarint()
		s.head = row.Data[start : len(row.Data)-len(rd.b)]
		for i := uint64(0); i < n && !rd.bad; i++ {
			before := rd.b
			name, kind := rd.str(), Kind(rd.byte())
			s.skip = append(s.skip, before[:len(before)-len(rd.b)])
			rd.value(kind)
			readings = append(readings, Column{Name: name, Kind: kind})
		}
	default:
		return 0, fmt.Errorf("%w: form byte %#02x is unknown to this version", ErrRow, s.form)
	}
	if rd.bad || len(readings) > MaxReadings {
		return 0, fmt.Errorf("%w: damaged %d bytes before its end", ErrRow, len(rd.b))
	}
	return c.add(&s, readings), nil
}

// schemaHead reads the fingerprint and the presence bits of a schema's row.
func (d *Decoder) schemaHead(s *Series, rd *rowReader) error {
	var print uint64
	if fp := rd.take(8); len(fp) == 8 {
		print = binary.BigEndian.Uint64(fp)
	}
	if s.Schema = d.schemas[print]; s.Schema == nil {
		return fmt.Errorf("%w: its schema %016x is not known here", ErrRow, print)
	}
	s.Ref = s.Schema.ref
	if s.Present = rd.take(uint64(len(s.Schema.fields)+7) / 8); rd.bad {
		return fmt.Errorf("%w: it ends too early", ErrRow)
	}
	return nil
}

// add makes s known, unless there is one like it.
func (c *Columns) add(s *Series, readings []Column) uint32 {
	c.key = append(c.key[:0], s.form)
	c.key = binary.AppendUvarint(c.key, uint64(s.Boot))
	c.key = appendBytes(c.key, s.Device)
	c.key = append(c.key, s.head...)
	for _, h := range s.skip {
		c.key = append(c.key, h...)
	}
	if i, ok := c.known[string(c.key)]; ok {
		return i
	}
	if c.known == nil {
		c.known = map[string]uint32{}
	}
	i := uint32(len(c.Series))
	c.known[string(c.key)] = i
	s.Cols = c.Assign(readings)
	c.Series = append(c.Series, *s)
	return i
}

// group orders the records by series.
func (c *Columns) group() {
	for i := range c.Cols {
		c.Cols[i].N = 0
	}
	starts := make([]int, len(c.Series))
	at := 0
	for i := range c.Series {
		starts[i] = at
		at += c.Series[i].N
		for _, col := range c.Series[i].Cols {
			c.Cols[col].N += c.Series[i].N
		}
	}
	for i, s := range c.Of {
		at := starts[s]
		starts[s]++
		row := &c.rows[i]
		c.order[at], c.Seqs[at] = uint32(i), int64(row.ID.Seq)
		c.Times[at], _ = binary.Varint(row.Data[1:])
	}
}

// Numbers appends the values of the next column, a Float's bits, an Int, or 0 and
// 1 for a Bool, by group, to dst.
func (c *Columns) Numbers(dst []int64) []int64 {
	kind := c.Cols[c.next].Kind
	c.take(func(rows []uint32, skip int) {
		for _, i := range rows {
			row, at := c.rows[i].Data, int(c.at[i])+skip
			var v int64
			switch {
			case kind == Float && at+8 <= len(row):
				v = int64(binary.LittleEndian.Uint64(row[at:]))
				at += 8
			case kind == Bool && at < len(row) && row[at] <= 1:
				v = int64(row[at])
				at++
			case kind == Int && at < len(row):
				x, n := binary.Varint(row[at:])
				if n <= 0 {
					c.damaged(i)
				}
				v = x
				at += max(n, 0)
			default:
				c.damaged(i)
			}
			c.at[i] = uint32(at)
			dst = append(dst, v)
		}
	})
	return dst
}

// Strings calls fn with the values of the next column, by group. They alias rows.
func (c *Columns) Strings(fn func(string)) {
	c.take(func(rows []uint32, skip int) {
		for _, i := range rows {
			at := min(int(c.at[i])+skip, len(c.rows[i].Data))
			rd := rowReader{b: c.rows[i].Data[at:]}
			s := rd.str()
			if rd.bad {
				c.damaged(i)
			}
			c.at[i] = uint32(len(c.rows[i].Data) - len(rd.b))
			fn(s)
		}
	})
}

// take calls fn for each series that has the next column, with its rows and how
// many bytes are before the value, and moves on to the column after.
func (c *Columns) take(fn func(rows []uint32, skip int)) {
	at := 0
	for i := range c.Series {
		s := &c.Series[i]
		if s.taken < len(s.Cols) && s.Cols[s.taken] == c.next {
			skip := 0
			if s.skip != nil {
				skip = len(s.skip[s.taken])
			}
			s.taken++
			fn(c.order[at:at+s.N], skip)
		}
		at += s.N
	}
	c.next++
}

func (c *Columns) damaged(i uint32) {
	if c.bad == nil {
		c.bad = fmt.Errorf("record %s: %w: damaged", c.rows[i].ID, ErrRow)
	}
}

// Err returns what was wrong with a row, once all columns were taken.
func (c *Columns) Err() error {
	for i := range c.rows {
		if c.bad == nil && int(c.at[i]) != len(c.rows[i].Data) {
			c.damaged(uint32(i))
		}
	}
	return c.bad
}

// Forget lets go of the batch, which c borrows until then.
func (c *Columns) Forget() {
	c.rows = nil
	clear(c.Series[:cap(c.Series)])
	c.Series = c.Series[:0]
	clear(c.Cols[:cap(c.Cols)])
	c.Reset()
}

// resized returns a slice of that length, with the memory of s if it is enough.
func resized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
