package record

import (
	"encoding/binary"
	"fmt"
)

// Columns reads a batch column by column, for codecs that lay records out so.
// Records are in groups, one for each [Series], in the order in which the series
// first occur; in a group they keep their order. Call [Columns.Read], look at the
// fields, take the values of each column of Cols, in order and each once, by
// [Columns.Numbers] or [Columns.Strings], and ask [Columns.Err] at the end.
//
// It holds no values, only where in each row the next one is, 32 bytes a record, and
// what records do not have in common, at most [MostDiverse] bytes or those of one
// record. That memory is kept for the next batch. Time is linear in the bytes of the rows.
type Columns struct {
	ColumnSet
	Series []Series
	Shapes []Shape // those of the series, in the order in which they first occur
	Of     []int64 // the series of each record, in the order of the batch
	Times  []int64 // ms since 1970, by group
	Seqs   []int64 // sequence numbers, by group

	rows     []Row
	order    []uint32 // by group: which row
	at       []uint32 // of each row: where its next value is
	starts   []int    // of each series: where in order its group is
	users    []uint32 // by column: the series that have it, rising
	usersEnd []int    // of each column: where its users end
	next     int      // the column to be taken
	steps    int      // for tests: how often it was looked at something
	bad      error
	index    seriesIndex
}

// Read takes the rows of b apart; c borrows them. It returns how many of them it
// has taken, from the first on: not all, if these have so little in common that
// memory would not suffice for more, but at least one. The error, which wraps
// [ErrRow], names the record whose row is damaged.
func (c *Columns) Read(b *Batch) (taken int, err error) {
	n := len(b.rows)
	c.rows, c.next, c.bad, c.steps = b.rows, 0, nil, 0
	c.ColumnSet.Reset()
	c.resetSeries()
	c.Of, c.at = resized(c.Of, n), resized(c.at, n)
	last := -1
	for i := range c.rows {
		row := &c.rows[i]
		values, ok := 0, false
		if last >= 0 {
			values, ok = c.match(last, row)
		}
		if !ok {
			if last, err = c.find(row, b.dec); err != nil {
				return 0, fmt.Errorf("record %s: %w", row.ID, err)
			}
			if i > 0 && c.index.spent > MostDiverse {
				return i, nil
			}
			if values, ok = c.match(last, row); !ok {
				return 0, fmt.Errorf("record %s: %w: damaged", row.ID, ErrRow)
			}
		}
		c.Of[i], c.at[i] = int64(last), uint32(values)
		c.Series[last].N++
	}
	c.group()
	return n, nil
}

// group orders the records by series, and the columns' series by column.
func (c *Columns) group() {
	c.starts = resized(c.starts, len(c.Series))
	c.usersEnd = resized(c.usersEnd, len(c.Cols))
	clear(c.usersEnd)
	for i := range c.Cols {
		c.Cols[i].N = 0
	}
	at, users := 0, 0
	for i := range c.Series {
		s := &c.Series[i]
		c.starts[i] = at
		at += s.N
		for _, col := range c.Shapes[s.Shape].Cols {
			c.Cols[col].N += s.N
			c.usersEnd[col]++
			users++
		}
	}
	c.users = resized(c.users, users)
	from := 0
	for col, n := range c.usersEnd { // where each column's begin, until they are filled
		c.usersEnd[col], from = from, from+n
	}
	for i := range c.Series {
		for _, col := range c.Shapes[c.Series[i].Shape].Cols {
			c.users[c.usersEnd[col]] = uint32(i)
			c.usersEnd[col]++
			c.steps++
		}
	}
	c.order = resized(c.order, len(c.rows))
	c.Times, c.Seqs = resized(c.Times, len(c.rows)), resized(c.Seqs, len(c.rows))
	for i, s := range c.Of {
		at := c.starts[s]
		c.starts[s]++
		row := &c.rows[i]
		c.order[at], c.Seqs[at] = uint32(i), int64(row.ID.Seq)
		c.Times[at], _ = binary.Varint(row.Data[1:])
	}
	for i := range c.Series {
		c.starts[i] -= c.Series[i].N
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
	from := 0
	if c.next > 0 {
		from = c.usersEnd[c.next-1]
	}
	for _, i := range c.users[from:c.usersEnd[c.next]] {
		s := &c.Series[i]
		skip := 0
		if heads := c.Shapes[s.Shape].skip; heads != nil {
			skip = len(heads[s.taken])
		}
		s.taken++
		c.steps++
		fn(c.order[c.starts[i]:c.starts[i]+s.N], skip)
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
	c.resetSeries()
	clear(c.Series[:cap(c.Series)])
	clear(c.Shapes[:cap(c.Shapes)])
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
