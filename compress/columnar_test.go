package compress

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// rowsOf encodes records as rows, by a schema for those that name it. Floats that
// validation refuses are written into the row all the same.
func rowsOf(t testing.TB, schema *record.Schema, recs []record.Record) []record.Row {
	t.Helper()
	rows := make([]record.Row, len(recs))
	for i := range recs {
		tame := recs[i].Clone()
		var wild []float64 // in the place of floats that mark where they go
		for k, rd := range tame.Readings {
			if f := rd.Value.Float(); rd.Value.Kind() == record.Float && (f-f != 0) {
				wild = append(wild, f)
				tame.Readings[k].Value = record.FloatValue(mark)
			}
		}
		row, err := record.AppendRecord(nil, schema, &tame, time.Time{})
		require.NoError(t, err)
		for at := 0; len(wild) > 0 && at+8 <= len(row); at++ {
			if binary.LittleEndian.Uint64(row[at:]) == math.Float64bits(mark) {
				binary.LittleEndian.PutUint64(row[at:], math.Float64bits(wild[0]))
				wild = wild[1:]
			}
		}
		require.Empty(t, wild)
		rows[i] = record.Row{ID: recs[i].ID, Data: row}
	}
	return rows
}

var mark = math.Float64frombits(0x4bad_cafe_0dec_0de5)

// requireSame encodes records with c and requires that exactly they come back.
func requireSame(t testing.TB, c Codec, schema *record.Schema, want []record.Record) (frame []byte) {
	t.Helper()
	b := record.NewBatch(record.NewDecoder(schema))
	b.Set(rowsOf(t, schema, want))
	frame, err := c.NewEncoder().AppendFrame(nil, b)
	require.NoError(t, err)
	n := 0
	err = Decode(frame, 1<<30, func(r *record.Record) error {
		if n < len(want) && !same(r, &want[n]) {
			require.Equal(t, want[n], r.Clone(), "record %d of %d", n, len(want))
			t.Fatalf("record %d of %d differs in bits: %v, want %v", n, len(want), r, want[n])
		}
		n++
		return nil
	}, schema)
	require.NoError(t, err)
	require.Equal(t, len(want), n)
	return frame
}

// same compares floats by their bits, which Equal cannot do with NaN.
func same(a, b *record.Record) bool {
	ok := a.ID == b.ID && a.Time.Equal(b.Time) && a.Schema == b.Schema && len(a.Meta) == len(b.Meta) && len(a.Readings) == len(b.Readings)
	for i := 0; ok && i < len(a.Meta); i++ {
		ok = a.Meta[i] == b.Meta[i]
	}
	for i := 0; ok && i < len(a.Readings); i++ {
		ok = a.Readings[i] == b.Readings[i]
	}
	return ok
}

// column makes records of one device with one reading.
func columnOf[T any](values []T, value func(T) record.Value) []record.Record {
	recs := make([]record.Record, len(values))
	for i, v := range values {
		recs[i] = record.Record{ID: record.ID{Device: "pi", Boot: 17, Seq: uint64(i + 1)}, Time: time.UnixMilli(1_790_000_000_000 + int64(i)*1000).UTC(),
			Readings: []record.Reading{{Name: "v", Value: value(v)}}}
	}
	return recs
}

func TestColumnarFloats(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	special := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0x7ff0000000000001),
		math.Float64frombits(0xfff8000000000123), math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64,
		0x1p-1022, 0x1p-1023, 1, -1, 0.1, 1e15, 1e16, 1 << 53, 1<<53 + 2, -1e15, 0.30000000000000004, 123456789.123456}
	pick := map[string]func(i int) float64{
		"any bits":         func(int) float64 { return math.Float64frombits(rng.Uint64()) },
		"special":          func(int) float64 { return special[rng.IntN(len(special))] },
		"decimals":         func(int) float64 { return float64(rng.IntN(2000)-1000) / 100 },
		"decimals and -0":  func(i int) float64 { return []float64{math.Copysign(0, -1), 0.1, 0, 0.2}[min(i*i%37, 3)] },
		"times a tenth":    func(int) float64 { return float64(rng.IntN(2000)-1000) * 0.1 },
		"singles":          func(int) float64 { return float64(float32(rng.NormFloat64())) },
		"single decimals":  func(int) float64 { return float64(float32(float64(rng.IntN(2000)-1000) / 10)) },
		"times a single":   func(int) float64 { return float64(float32(rng.IntN(2000)-1000) * float32(0.1)) },
		"sixteenths":       func(int) float64 { return float64(rng.IntN(2000)-1000) / 16 },
		"few":              func(int) float64 { return math.Sqrt(float64(rng.IntN(20))) },
		"constant":         func(int) float64 { return math.Pi },
		"constant NaN":     func(int) float64 { return math.NaN() },
		"line":             func(i int) float64 { return float64(i) * math.Pi },
		"decimal, but one": func(i int) float64 { return []float64{0.5, math.Pi}[(i+1)%37/36] },
		"subnormals":       func(int) float64 { return math.Float64frombits(rng.Uint64() >> 13) },
	}
	for name, next := range pick {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 2, 3, 50, 1000} {
				values := make([]float64, n)
				for i := range values {
					values[i] = next(i)
				}
				requireSame(t, Columnar, nil, columnOf(values, record.FloatValue))
			}
		})
	}
}

func TestColumnarInts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	ends := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64}
	pick := map[string]func(i int) int64{
		"ends":      func(int) int64 { return ends[rng.IntN(len(ends))] },
		"any":       func(int) int64 { return int64(rng.Uint64()) },
		"one end":   func(int) int64 { return math.MinInt64 },
		"counter":   func(i int) int64 { return int64(i) * 17 },
		"overflows": func(i int) int64 { return math.MaxInt64 - 10 + int64(i) },
		"pages":     func(int) int64 { return 4096 * int64(rng.IntN(1000)-500) },
		"far units": func(int) int64 { return []int64{math.MinInt64, 0, 1 << 62}[rng.IntN(3)] },
		"two ends":  func(i int) int64 { return []int64{0, math.MinInt64}[i%2] },
		"codes":     func(int) int64 { return []int64{200, 301, 404, 1 << 40}[rng.IntN(4)] },
	}
	for name, next := range pick {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 2, 3, 50, 1000} {
				values := make([]int64, n)
				for i := range values {
					values[i] = next(i)
				}
				requireSame(t, Columnar, nil, columnOf(values, record.IntValue))
			}
		})
	}
}

// TestColumnarDerived: columns that are functions of others, and nearly are.
func TestColumnarDerived(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	floats := []float64{math.Inf(1), math.Inf(-1), math.NaN(), 0, math.Copysign(0, -1), 1e308, -1e308, 5e-324}
	for name, f := range map[string]func(x float64) (leader, led record.Value){
		"Fahrenheit": func(x float64) (record.Value, record.Value) {
			c := math.Round(x*100) / 10
			return record.FloatValue(c), record.FloatValue(c*1.8 + 32)
		},
		"volts of counts": func(x float64) (record.Value, record.Value) {
			n := int64(x * 1000)
			return record.IntValue(n), record.FloatValue(float64(n) * 3.3 / 4096)
		},
		"a power": func(x float64) (record.Value, record.Value) {
			r := math.Round(x * 500)
			return record.FloatValue(math.Pow(r+1, -1.7)), record.FloatValue(math.Pow(r+1, -2.3))
		},
		"huge and not finite": func(x float64) (record.Value, record.Value) {
			i := int(x * 100)
			return record.FloatValue(floats[i%8]), record.FloatValue(floats[(i*3)%8] * 1.0000001)
		},
		"ints that are equal as floats": func(x float64) (record.Value, record.Value) {
			n := int64(1<<60) + int64(x*9)
			return record.IntValue(n), record.FloatValue(math.Sin(float64(n & 15)))
		},
		"noise and its double": func(float64) (record.Value, record.Value) {
			x := rng.Float64()
			return record.FloatValue(x), record.FloatValue(x * 2.2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{2, 10, 70, 3000} {
				var recs []record.Record
				for i := range n {
					a, b := f(rng.Float64())
					recs = append(recs, record.Record{ID: record.ID{Device: "pi", Seq: uint64(i + 1)}, Time: time.UnixMilli(int64(i)).UTC(),
						Readings: []record.Reading{{Name: "x", Value: a}, {Name: "y", Value: b}}})
				}
				requireSame(t, Columnar, nil, recs)
				broken := append([]record.Record(nil), recs...)
				last := broken[n-1].Clone()
				last.Readings[1].Value = record.FloatValue(math.E)
				broken[n-1] = last
				requireSame(t, Columnar, nil, broken)
			}
		})
	}
}

// TestColumnarSeries: many devices, boots, metadata, schemas, and records with
// different readings in one frame.
func TestColumnarSeries(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	schema, err := record.NewSchema("env", 3, record.Field{Name: "a", Kind: record.Float}, record.Field{Name: "b", Kind: record.Int},
		record.Field{Name: "c", Kind: record.Bool}, record.Field{Name: "d", Kind: record.String}, record.Field{Name: "e", Kind: record.Float})
	require.NoError(t, err)
	value := map[string]func() record.Value{"a": func() record.Value { return record.FloatValue(rng.NormFloat64()) },
		"b": func() record.Value { return record.IntValue(rng.Int64N(99)) }, "c": func() record.Value { return record.BoolValue(rng.IntN(2) == 1) },
		"d": func() record.Value { return record.StringValue(fmt.Sprint("text ", rng.IntN(5))) }, "e": func() record.Value { return record.FloatValue(7) }}
	for _, n := range []int{1, 10, 400} {
		var recs []record.Record
		for i := range n {
			r := record.Record{ID: record.ID{Device: fmt.Sprint("dev-", rng.IntN(5)), Boot: uint64(rng.IntN(3)) * math.MaxUint32 / 2, Seq: rng.Uint64()},
				Time: time.UnixMilli(rng.Int64N(1 << 41)).UTC(), Meta: []record.Meta{}, Readings: []record.Reading{}}
			names := []string{"a", "b", "c", "d", "e"}
			switch rng.IntN(4) {
			case 0: // without a schema, in any order
				rng.Shuffle(5, func(i, k int) { names[i], names[k] = names[k], names[i] })
				names = names[:rng.IntN(6)]
				if r.Schema = "other/1"; rng.IntN(2) == 0 {
					r.Schema = "other/2"
				}
			case 1: // the schema, not all of it
				names = []string{"a", "c", "e"}[:rng.IntN(4)]
				r.Schema = "env/3"
			default:
				r.Schema = "env/3"
			}
			for _, name := range names {
				r.Readings = append(r.Readings, record.Reading{Name: name, Value: value[name]()})
			}
			if rng.IntN(3) == 0 {
				r.Meta = append(r.Meta, record.Meta{Name: "site", Value: fmt.Sprint(rng.IntN(3))}, record.Meta{Name: "unique", Value: fmt.Sprint(i)})
			}
			recs = append(recs, r)
		}
		requireSame(t, Columnar, schema, recs)
	}
}

func TestColumnarEmptyAndLarge(t *testing.T) {
	empty := []record.Record{{ID: record.ID{Device: "é", Seq: math.MaxUint64}, Time: time.UnixMilli(minTime).UTC()}, {ID: record.ID{Device: "é"}, Time: time.UnixMilli(maxTime).UTC()}}
	requireSame(t, Columnar, nil, empty)

	texts := []string{"", "a", "\x00\n\"", "日本語", string(make([]byte, 10_000))}
	requireSame(t, Columnar, nil, columnOf(texts, record.StringValue))

	values := make([]float64, 100_000)
	for i := range values {
		values[i] = math.Floor(math.Sin(float64(i)/999)*1000) / 10
	}
	frame := requireSame(t, Columnar, nil, columnOf(values, record.FloatValue))
	t.Logf("100,000 records in %d bytes", len(frame))
	require.NoError(t, Decode(frame, 0, func(*record.Record) error { return nil }), "within the default limit")
	size := int64(0)
	require.NoError(t, Decode(frame, 0, func(r *record.Record) error { size += r.Size(); return nil }))
	nothing := func(*record.Record) error { t.Fatal("a record of a frame that is over the limit"); return nil }
	for _, limit := range []int64{1, 100, size / 2, size - 1} {
		require.ErrorIs(t, Decode(frame, limit, nothing), ErrTooLarge)
	}

	for i := range values {
		values[i] = 7
	}
	bomb := requireSame(t, Columnar, nil, columnOf(values, record.FloatValue))
	require.Less(t, len(bomb), 100)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.ErrorIs(t, Decode(bomb, 1<<20, nothing), ErrTooLarge)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(128<<10))
}

func TestColumnarSchemas(t *testing.T) {
	schema := func(name string, f record.Field) *record.Schema {
		s, err := record.NewSchema(name, 1, f)
		require.NoError(t, err)
		return s
	}
	mine := schema("mine", record.Field{Name: "v", Kind: record.Float, Unit: "Cel"})
	recs := columnOf([]float64{1, 2, 3}, record.FloatValue)
	for i := range recs {
		recs[i].Schema = "mine/1"
	}
	frame := requireSame(t, Columnar, mine, recs)
	nothing := func(*record.Record) error { t.Fatal("a record without its schema"); return nil }
	for _, known := range [][]*record.Schema{nil, {nil}, {schema("mine", record.Field{Name: "v", Kind: record.Float, Unit: "K"}), schema("other", record.Field{Name: "v", Kind: record.Float})}} {
		err := Decode(frame, 0, nothing, known...)
		require.ErrorIs(t, err, ErrSchema)
		require.ErrorContains(t, err, fmt.Sprintf("begins with %08x", mine.Fingerprint()>>32))
	}
}

// TestColumnarMemory holds the encoder to what its codec says that it takes.
func TestColumnarMemory(t *testing.T) {
	const records = 20_000
	rng := rand.New(rand.NewPCG(9, 9))
	var recs []record.Record
	for i := range records {
		r := record.Record{ID: record.ID{Device: "pi", Seq: uint64(i + 1)}, Time: time.UnixMilli(int64(i)).UTC()}
		for k := range 7 {
			r.Readings = append(r.Readings, record.Reading{Name: fmt.Sprint("r", k), Value: record.FloatValue(rng.Float64())}) // the most that any column takes
		}
		recs = append(recs, r)
	}
	b := record.NewBatch(record.NewDecoder())
	b.Set(rowsOf(t, nil, recs))
	dst := make([]byte, 0, 4<<20)
	enc := Columnar.NewEncoder()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := enc.AppendFrame(dst, b)
	require.NoError(t, err)
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d bytes a record", held/records)
	require.Less(t, held, int64(40<<10+200*records))
	allocs := testing.AllocsPerRun(3, func() { _, _ = enc.AppendFrame(dst, b) })
	require.Less(t, allocs, 60.0, "allocations a frame")
	runtime.KeepAlive(enc)
}

// TestColumnarSplits: records that take nothing here may be much elsewhere. A frame
// that its readers would refuse is not made.
func TestColumnarSplits(t *testing.T) {
	var fields []record.Field
	r := record.Record{ID: record.ID{Device: "pi", Seq: 1}, Time: time.UnixMilli(0).UTC(), Schema: "wide/1"}
	for i := range record.MaxReadings {
		fields = append(fields, record.Field{Name: fmt.Sprintf("a_reading_with_a_name_as_long_as_the_schema_lets_it_be_%09d", i), Kind: record.Bool})
		r.Readings = append(r.Readings, record.Reading{Name: fields[i].Name, Value: record.BoolValue(true)})
	}
	schema, err := record.NewSchema("wide", 1, fields...)
	require.NoError(t, err)
	row := rowsOf(t, schema, []record.Record{r})[0]
	rows := make([]record.Row, 3000)
	for i := range rows {
		rows[i] = row
	}
	b, enc := record.NewBatch(record.NewDecoder(schema)), Columnar.NewEncoder()
	b.Set(rows)
	out, err := enc.AppendFrame([]byte("kept"), b)
	require.ErrorContains(t, err, "split them")
	require.Equal(t, "kept", string(out))
	b.Set(rows[:700])
	frame, err := enc.AppendFrame(nil, b)
	require.NoError(t, err)
	require.NoError(t, Decode(frame, 0, func(*record.Record) error { return nil }, schema))
}

// TestRanksBySorting: encoder and decoder find the same ranks in their own ways.
func TestRanksBySorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 13))
	for _, n := range []int{1, 2, 100, 5000} {
		v := make([]int64, n)
		for i := range v {
			v[i] = int64(rng.IntN(n)-n/2) << rng.IntN(3)
		}
		var r ranks
		new(distinct).fill(&r, v)
		require.Equal(t, r, sorted(v))
	}
}
