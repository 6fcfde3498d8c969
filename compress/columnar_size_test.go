package compress

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// frameBytes returns the bytes a record of all whole frames of n records.
func frameBytes(t *testing.T, c Codec, schema *record.Schema, rows []record.Row, n int) (total, records int) {
	b, enc := record.NewBatch(record.NewDecoder(schema)), c.NewEncoder()
	b.SetMark(func(string, uint64) record.Mark { return record.Mark{Complete: true} })
	var frame []byte
	for i := 0; i+n <= len(rows); i += n {
		b.Set(rows[i : i+n])
		var err error
		frame, err = enc.AppendFrame(frame[:0], b)
		require.NoError(t, err)
		total, records = total+len(frame), records+n
	}
	return total, records
}

// TestSampleBudgets holds frames of real telemetry to the budgets of bytes a
// record, and closer: to what they took when this was written.
func TestSampleBudgets(t *testing.T) {
	file := os.Getenv("RIVULET_SAMPLE")
	if file == "" {
		file = filepath.FromSlash("../../shared/data/rpi-telemetry.ndjson.gz")
	}
	f, err := os.Open(file)
	if err != nil {
		t.Skipf("no sample telemetry: %v; RIVULET_SAMPLE may name it", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	lines := bufio.NewScanner(z)
	recs := map[string][]record.Record{}
	var fields []record.Field
	for lines.Scan() {
		r, err := record.ParseJSON(lines.Bytes())
		require.NoError(t, err)
		if fields == nil {
			for _, rd := range r.Readings {
				fields = append(fields, record.Field{Name: rd.Name, Kind: rd.Value.Kind()})
			}
		}
		r.ID.Boot, r.ID.Seq = boot, uint64(len(recs[r.ID.Device])+1)
		recs[r.ID.Device] = append(recs[r.ID.Device], r)
	}
	schema, err := record.NewSchema("board", 1, fields...)
	require.NoError(t, err)
	for _, c := range []struct {
		n             int
		budget, known float64
	}{{12, 22, 19.15}, {60, 12.5, 8.23}, {500, 6, 4.1}, {2000, 4.6, 3.3}} {
		for _, s := range []*record.Schema{schema, nil} {
			total, records := 0, 0
			for _, device := range recs {
				b, n := frameBytes(t, Columnar, s, rowsOf(t, s, device), c.n)
				total, records = total+b, records+n
			}
			each := float64(total) / float64(records)
			t.Logf("%d records, schema %v: %.2f bytes a record", c.n, s != nil, each)
			if s != nil {
				require.LessOrEqual(t, each, c.budget)
				require.LessOrEqual(t, each, c.known, "it was less once")
			}
		}
	}
}

// TestBeatsZstd: on telemetry of one value, whatever its shape, columns take less
// than zstd over JSON lines.
func TestBeatsZstd(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	walk, count := 20.0, 0.0
	series := map[string]func(i int) float64{
		"random walk":         func(int) float64 { walk += math.Round(rng.NormFloat64()*10) / 100; return math.Round(walk*100) / 100 },
		"random walk, exact":  func(int) float64 { walk += rng.NormFloat64() / 10; return walk },
		"sine with noise":     func(i int) float64 { return math.Round(1000*math.Sin(float64(i)/50)+rng.NormFloat64()*10) / 10 },
		"sine, exact":         func(i int) float64 { return math.Sin(float64(i) / 50) },
		"counter":             func(int) float64 { count += float64(rng.IntN(3)); return count },
		"counter that resets": func(i int) float64 { return float64(i % 1000) },
		"steps":               func(i int) float64 { return float64(i/97%5) * 12.5 },
		"constant":            func(int) float64 { return 21.5 },
		"noise, decimal":      func(int) float64 { return float64(rng.IntN(100_000)) / 1000 },
		"noise":               func(int) float64 { return rng.Float64() },
		"noise, single":       func(int) float64 { return float64(rng.Float32()) },
		"on and off":          func(int) float64 { return float64(rng.IntN(2)) },
	}
	for name, next := range series {
		values := make([]float64, 4000)
		for i := range values {
			values[i] = next(i)
		}
		recs := columnOf(values, record.FloatValue)
		for i := range recs { // a clock that is a little late now and then
			recs[i].Time = recs[i].Time.Add(time.Duration(rng.IntN(20)) * time.Millisecond)
		}
		schema, err := record.NewSchema("one", 1, record.Field{Name: "v", Kind: record.Float})
		require.NoError(t, err)
		said := name + ":"
		for _, n := range []int{1, 12, 60, 500, 2000} {
			for _, s := range []*record.Schema{nil, schema} {
				rows := rowsOf(t, s, recs)
				mine, records := frameBytes(t, Columnar, s, rows, n)
				theirs, _ := frameBytes(t, Zstd, s, rows, n)
				require.Less(t, mine, theirs, "%s, %d records a frame", name, n)
				if s != nil {
					said += fmt.Sprintf(" %d: %.2f of %.2f", n, float64(mine)/float64(records), float64(theirs)/float64(records))
				}
			}
		}
		t.Log(said)
	}
}
