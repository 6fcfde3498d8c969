package compress

import (
	"bufio"
	kg "compress/gzip"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/rivulet-iot/rivulet/record"
)

func sampleRows(t testing.TB, withSchema bool) (map[string][]record.Row, *record.Schema) {
	f, err := os.Open("/work/shared/data/rpi-telemetry.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, _ := kg.NewReader(f)
	sc := bufio.NewScanner(z)
	var s *record.Schema
	out := map[string][]record.Row{}
	for sc.Scan() {
		r, err := record.ParseJSON(sc.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if s == nil && withSchema {
			var fs []record.Field
			for _, rd := range r.Readings {
				fs = append(fs, record.Field{Name: rd.Name, Kind: rd.Value.Kind()})
			}
			s, err = record.NewSchema("env", 1, fs...)
			if err != nil {
				t.Fatal(err)
			}
		}
		row, err := record.AppendRecord(nil, s, &r, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		d := r.ID.Device
		out[d] = append(out[d], record.Row{ID: record.ID{Device: d, Boot: 17, Seq: uint64(len(out[d]) + 1)}, Data: row})
	}
	return out, s
}

func TestZZ(t *testing.T) {
	for _, ws := range []bool{true, false} {
		rows, s := sampleRows(t, ws)
		for _, c := range []Codec{Columnar} {
			enc := c.NewEncoder()
			b := record.NewBatch(record.NewDecoder(s))
			for _, n := range []int{1, 12, 60, 120, 500, 2000, 7000} {
				bytes, recs := 0, 0
				var st time.Duration
				for _, v := range rows {
					for i := 0; i+n <= len(v); i += n {
						b.Set(v[i : i+n])
						t0 := time.Now()
						f, err := enc.AppendFrame(nil, b)
						st += time.Since(t0)
						if err != nil {
							t.Fatal(err)
						}
						bytes += len(f)
						if os.Getenv("VERIFY") != "" && i/n%7 == 0 {
							var want, got []string
							b.Each(func(r *record.Record) error { want = append(want, string(record.AppendJSON(nil, r))); return nil })
							if err := Decode(f, 0, func(r *record.Record) error { got = append(got, string(record.AppendJSON(nil, r))); return nil }, s); err != nil {
								t.Fatal(err)
							}
							if !slices.Equal(want, got) {
								t.Fatal("differ", len(want), len(got), want[0], got[0])
							}
						}
						recs += n
					}
				}
				fmt.Printf("%-9s schema=%v n=%d %.2f B/rec  %.0f ns/rec\n", c.Name(), ws, n, float64(bytes)/float64(recs), float64(st)/float64(recs))
			}
		}
	}
}
