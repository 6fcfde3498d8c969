package spark

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What rivulet backend try is given: records that are stored, and on lines 2, 5 and
// 6 some that are not; line 4 is empty.
const tried = `{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":1,"ts":"2026-11-01T00:00:00Z","readings":{"temp":20.5,"light":true}}
{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":2,"ts":"2026-11-01T00:00:01Z","readings":{"temp":131.5}}
{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":3,"ts":"2026-11-02T00:00:01Z","readings":{"temp":30,"pressure":1013}}

{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":4
{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":5,"ts":"2026-11-01T00:00:01Z","readings":{"light":true}}
{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":1,"ts":"2026-11-01T00:00:00Z","readings":{"temp":20.5,"light":true}}
{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":6,"ts":"1970-01-01T00:00:00Z","readings":{"temp":-1.5}}
`

func TestTry(t *testing.T) {
	python := python41(t)
	dir := t.TempDir()
	render(t, dir, 1)
	options := filepath.Join(dir, "backend.yaml")
	input := filepath.Join(dir, "day.ndjson.gz")
	require.NoError(t, os.WriteFile(input, []byte(zipped(t, tried)), 0o644))
	keep := filepath.Join(dir, "kept")

	stdout, stderr, err := run(rivulet(t), "backend", "try", "-options", options, "-input", input, "-python", python, "-keep", keep, "-json")
	require.NoError(t, err, "%s", stderr)
	require.Equal(t, "rivulet backend: starting Spark\nrivulet backend: running the job\nrivulet backend: reading what it stored\n", string(stderr))
	var got struct {
		Table       string
		Lines       int
		Stored      int
		Duplicates  int
		Corrected   int `json:"clocks_corrected"`
		DeadLetters int `json:"dead_letters"`
		Reasons     map[string]int
		Partitions  []map[string]any
		Columns     []struct {
			Name, Type, Min, Max string
			Filled               int
		}
		First   []map[string]any
		Letters []struct {
			Line           int
			Reason, Detail string
		}
		Script, Lake string
	}
	require.NoError(t, json.Unmarshal(stdout, &got), "%s", stdout)
	require.Equal(t, "e2e.env", got.Table)
	require.Equal(t, []int{7, 3, 1, 1, 3}, []int{got.Lines, got.Stored, got.Duplicates, got.Corrected, got.DeadLetters})
	require.Equal(t, map[string]int{"json": 1, "missing": 1, "range": 1}, got.Reasons)
	require.Len(t, got.Partitions, 3)
	require.Equal(t, map[string]any{"path": "year=2026/month=11/day=01", "rows": 1.0}, got.Partitions[0])
	require.Len(t, got.First, 3)
	require.Equal(t, 68.9, got.First[0]["temp"]) // °F
	for i, line := range []int{2, 5, 6} {
		require.Equal(t, line, got.Letters[i].Line)
	}
	require.Contains(t, got.Letters[0].Detail, "131.5")
	for _, c := range got.Columns {
		if c.Name == "temp" {
			require.Equal(t, []string{"double", "29.3", "86.0"}, []string{c.Type, c.Min, c.Max})
			require.Equal(t, 3, c.Filled)
		}
	}
	require.FileExists(t, got.Script)
	rows, letters := readLake(t, got.Lake)
	require.Len(t, rows, 3)
	require.Len(t, letters, 3)
}
