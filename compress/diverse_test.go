package compress

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// diverse are n records that have little in common, by what they do not have in common.
func diverse(n int) map[string][]record.Record {
	many := func(fn func(i int, r *record.Record)) []record.Record {
		recs := make([]record.Record, n)
		for i := range recs {
			recs[i] = at(i, float("v", float64(i)))
			fn(i, &recs[i])
		}
		return recs
	}
	return map[string][]record.Record{
		"names": many(func(i int, r *record.Record) { r.Readings[0].Name = fmt.Sprint("n", i) }),
		"two names": many(func(i int, r *record.Record) {
			r.Readings = append(r.Readings, integer(fmt.Sprint("a", i), 1), integer(fmt.Sprint("b", i), 1))
		}),
		"many names": many(func(i int, r *record.Record) {
			for k := range i % 40 {
				r.Readings = append(r.Readings, boolean(fmt.Sprintf("%x", 100*i+k), true))
			}
		}),
		"devices":        many(func(i int, r *record.Record) { r.ID.Device = fmt.Sprint("d", i) }),
		"boots":          many(func(i int, r *record.Record) { r.ID.Boot = uint64(i) * 0x9e3779b97f4a7c15 }),
		"metadata":       many(func(i int, r *record.Record) { r.Meta = []record.Meta{{Name: "m", Value: fmt.Sprint(i)}} }),
		"metadata names": many(func(i int, r *record.Record) { r.Meta = []record.Meta{{Name: fmt.Sprint("m", i), Value: ""}} }),
		"much metadata": many(func(i int, r *record.Record) {
			for k := range 64 {
				r.Meta = append(r.Meta, record.Meta{Name: fmt.Sprintf("%x", k), Value: fmt.Sprintf("%x", 64*i+k)})
			}
		}),
		"schemas": many(func(i int, r *record.Record) { r.Schema = fmt.Sprint("s/", i) }),
		"strings": many(func(i int, r *record.Record) { r.Readings[0] = phrase("s", fmt.Sprint(i)) }),
		"orders": many(func(i int, r *record.Record) {
			r.Readings = nil
			for k := range 6 {
				r.Readings = append(r.Readings, integer(fmt.Sprint("o", (i*(k+1)+k*k)%7+10*k), 1))
			}
			for k := range 6 { // the same names, turned
				j := (k + i) % 6
				r.Readings[k], r.Readings[j] = r.Readings[j], r.Readings[k]
			}
		}),
		"two devices in turn": many(func(i int, r *record.Record) { r.ID.Device = fmt.Sprint("d", i%2) }),
	}
}

// frames encodes rows as the sender does: what is too much for a frame is split.
func frames(t testing.TB, e Encoder, b *record.Batch, rows []record.Row) (out [][]byte) {
	for len(rows) > 0 {
		n := len(rows)
		for {
			b.Set(rows[:n])
			frame, err := e.AppendFrame(nil, b)
			var split *SplitError
			if errors.As(err, &split) {
				require.Greater(t, n, split.Rows)
				require.GreaterOrEqual(t, split.Rows, 1)
				n = split.Rows
				continue
			}
			require.NoError(t, err)
			out = append(out, frame)
			break
		}
		rows = rows[n:]
	}
	return out
}

// TestDiverseRecordsComeBack: whatever records have in common, nothing is lost, and
// decoders with their default limit take the frames.
func TestDiverseRecordsComeBack(t *testing.T) {
	e := Columnar.NewEncoder()
	for name, recs := range diverse(9000) {
		b := record.NewBatch(record.NewDecoder())
		n := 0
		for _, frame := range frames(t, e, b, rowsOf(t, nil, recs)) {
			require.NoError(t, Decode(frame, 0, func(r *record.Record) error {
				if !same(r, &recs[n]) {
					require.Equal(t, recs[n], r.Clone(), "%s: record %d", name, n)
				}
				n++
				return nil
			}))
		}
		require.Equal(t, len(recs), n, name)
	}
}

// TestPatternsOfALargeSchema: records that have, each, other fields of many are
// within the limit of decoders.
func TestPatternsOfALargeSchema(t *testing.T) {
	fields := make([]record.Field, record.MaxReadings)
	for i := range fields {
		fields[i] = record.Field{Name: fmt.Sprint("f", i), Kind: record.Bool}
	}
	var schemas []*record.Schema
	var rows []record.Row
	for version := range 8 {
		schema, err := record.NewSchema("wide", version+1, fields...)
		require.NoError(t, err)
		schemas = append(schemas, schema)
		recs := make([]record.Record, record.MaxReadings)
		for i := range recs {
			recs[i] = at(i, boolean(fmt.Sprint("f", i), true))
			recs[i].Schema = schema.Ref()
		}
		rows = append(rows, rowsOf(t, schema, recs)...)
	}
	n := 0
	for _, frame := range frames(t, Columnar.NewEncoder(), record.NewBatch(record.NewDecoder(schemas...)), rows) {
		require.NoError(t, Decode(frame, 0, func(*record.Record) error { n++; return nil }, schemas...))
	}
	require.Equal(t, len(rows), n)
}

// encoderMemory is what an encoder may hold for frames of as many records, as Columnar says.
func encoderMemory(records int) uint64 {
	return 40<<10 + 12<<20/10 + 200*uint64(records) + record.MostDiverse
}

// TestEncoderMemoryOfDiverseRecords: what the encoder holds is bounded by the number
// of records, whatever is in them, and what it allocates by a few times that.
func TestEncoderMemoryOfDiverseRecords(t *testing.T) {
	for name, recs := range diverse(12_000) {
		rows := rowsOf(t, nil, recs)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&before)
		e := Columnar.NewEncoder().(*columnarEncoder)
		b := record.NewBatch(record.NewDecoder())
		b.Set(rows)
		dst := make([]byte, 0, 1<<20)
		n := len(rows)
		for {
			b.Set(rows[:n])
			_, err := e.AppendFrame(dst, b)
			var split *SplitError
			if !errors.As(err, &split) {
				require.NoError(t, err)
				break
			}
			n = split.Rows
		}
		runtime.ReadMemStats(&after)
		total := after.TotalAlloc - before.TotalAlloc - uint64(cap(dst))
		runtime.GC()
		runtime.ReadMemStats(&after)
		live := uint64(max(int64(after.HeapAlloc)-int64(before.HeapAlloc)-int64(cap(dst)), 0))
		runtime.KeepAlive(recs)
		runtime.KeepAlive(rows)
		runtime.KeepAlive(dst)
		runtime.KeepAlive(e)
		t.Logf("%s: %d of %d records, %d KiB live, %d KiB allocated in all", name, n, len(rows), live>>10, total>>10)
		assert.LessOrEqual(t, live, encoderMemory(n), name)
		require.LessOrEqual(t, total, 2*encoderMemory(n), name)
	}
}
