package record

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// batchOf makes a batch of n records.
func batchOf(t testing.TB, n int, fn func(i int, r *Record)) *Batch {
	rows := make([]Row, n)
	for i := range rows {
		r := Record{ID: ID{"d", 1, uint64(i + 1)}, Readings: []Reading{{"v", IntValue(int64(i))}}}
		fn(i, &r)
		data, err := AppendRecord(nil, nil, &r, time.UnixMilli(int64(i)))
		require.NoError(t, err)
		rows[i] = Row{r.ID, data}
	}
	b := NewBatch(NewDecoder())
	b.Set(rows)
	return b
}

// takeAll takes every column and returns how many values there were.
func takeAll(t testing.TB, c *Columns) (values int) {
	var buf []int64
	for i := range c.Cols {
		if c.Cols[i].Kind == String {
			c.Strings(func(string) { values++ })
			continue
		}
		buf = c.Numbers(buf[:0])
		require.Len(t, buf, c.Cols[i].N)
		values += len(buf)
	}
	require.NoError(t, c.Err())
	return values
}

// TestColumnsAreLinear: however many series and columns there are, no more is
// looked at than each reading of a series, twice.
func TestColumnsAreLinear(t *testing.T) {
	for name, fn := range map[string]func(i int, r *Record){
		"new names each": func(i int, r *Record) { r.Readings[0].Name = fmt.Sprint("n", i) },
		"a few of many": func(i int, r *Record) {
			for k := range 8 {
				r.Readings = append(r.Readings, Reading{fmt.Sprint("n", (i*k*7+k)%500+1000*k), BoolValue(true)})
			}
		},
		"devices":  func(i int, r *Record) { r.ID.Device = fmt.Sprint(i) },
		"one kind": func(int, *Record) {},
	} {
		b := batchOf(t, 4000, fn)
		var c Columns
		n, err := c.Read(b)
		require.NoError(t, err)
		b.Set(b.Rows()[:n])
		_, err = c.Read(b)
		require.NoError(t, err)
		values := takeAll(t, &c)
		t.Logf("%s: %d records, %d series, %d columns, %d values: %d steps", name, n, len(c.Series), len(c.Cols), values, c.steps)
		require.GreaterOrEqual(t, values, n)
		require.LessOrEqual(t, c.steps, 2*values, name)
	}
}

// TestColumnsTakeWhatFits: of records without anything in common as many as memory
// is there for, and one always.
func TestColumnsTakeWhatFits(t *testing.T) {
	b := batchOf(t, 6000, func(i int, r *Record) { r.Readings[0].Name = fmt.Sprint("n", i) })
	var c Columns
	n, err := c.Read(b)
	require.NoError(t, err)
	require.Greater(t, n, 1000)
	require.Less(t, n, 6000)
	b.Set(b.Rows()[:n])
	again, err := c.Read(b)
	require.NoError(t, err)
	require.Equal(t, n, again, "as many as it said")
	c.Forget()

	large := batchOf(t, 3, func(i int, r *Record) {
		for k := range MaxReadings - 1 {
			r.Readings = append(r.Readings, Reading{fmt.Sprint(i, "-", k), BoolValue(true)})
		}
	})
	for range 30 {
		n, err := c.Read(large)
		require.NoError(t, err)
		require.Equal(t, 3, n, "what was spent on a batch before does not count")
	}
}

// TestSeriesInTurnDoNotAllocate: a gateway's devices speak in turn.
func TestSeriesInTurnDoNotAllocate(t *testing.T) {
	b := batchOf(t, 2000, func(i int, r *Record) {
		r.ID.Device, r.Meta = fmt.Sprint("d", i%5), []Meta{{"site", fmt.Sprint(i % 3)}}
	})
	var c Columns
	var buf []int64
	run := func() {
		if n, err := c.Read(b); err != nil || n != b.Len() {
			panic(err)
		}
		for range c.Cols {
			buf = c.Numbers(buf[:0])
		}
	}
	run()
	require.LessOrEqual(t, testing.AllocsPerRun(10, run), 10.0)
	require.Len(t, c.Series, 15)
}
