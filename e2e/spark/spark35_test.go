package spark

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/tools"
)

// sameOnSpark35 runs the script on Spark 3.5 over the records of a stream, in files,
// and requires the rows and dead letters that Spark 4.1 made of it.
func sameOnSpark35(t *testing.T, s *stream, script string, rows []row, letters []letter) {
	python := tools.Path(t, "spark-setup.sh", "spark35", "bin", "python")
	files := filepath.Join(t.TempDir(), "rows")
	command(t, python41(t), "dump_stream.py", s.name, endpoint(t), files, "5")
	began := time.Now()
	lake, uri := newLake(t)
	batches := start(t, python, script, []string{"ROWS=" + files}, "--lake", uri, "--stream", s.name, "--endpoint-url", endpoint(t), "--trigger", "available-now").wait()
	require.Len(t, batches, 5)
	t.Logf("stored in %.1f s", time.Since(began).Seconds())
	rows35, letters35 := readLake(t, lake)
	requireSame(t, comparable(rows), comparable(rows35))
	requireSame(t, withoutBatch(letters), withoutBatch(letters35))
}

// comparable returns the rows without what says which of two equal records was
// taken, and in which batch.
func comparable(rows []row) (all []row) {
	for _, r := range rows {
		r.Partition, r.Number = filepath.Dir(r.Partition), ""
		if r.TSSource == "device" {
			r.Arrival = 0
		}
		all = append(all, r)
	}
	return all
}

func withoutBatch(letters []letter) (all []letter) {
	for _, l := range letters {
		l.Batch = ""
		all = append(all, l)
	}
	return all
}

// requireSame requires the same elements, in any order.
func requireSame[T any](t *testing.T, want, got []T) {
	t.Helper()
	counts := map[string]int{}
	text := func(v T) string {
		data, err := json.Marshal(v)
		require.NoError(t, err)
		return string(data)
	}
	for _, v := range want {
		counts[text(v)]++
	}
	for _, v := range got {
		counts[text(v)]--
	}
	shown := 0
	for v, n := range counts {
		if n != 0 && shown < 10 {
			shown++
			t.Errorf("%+d times: %s", -n, v)
		}
	}
}
