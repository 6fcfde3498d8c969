package spark

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What rivulet backend try is given: records that are stored, and on lines 2, 5 and
// 6 some that are not; line 4 is empty.
const tried = `{"device_id":"pi","boot":1,"seq":1,"ts":"2026-11-01T00:00:00Z","readings":{"temp":20.5,"light":true}}
{"device_id":"pi","boot":1,"seq":2,"ts":"2026-11-01T00:00:01Z","readings":{"temp":131.5}}
{"device_id":"pi","boot":1,"seq":3,"ts":"2026-11-02T00:00:01Z","readings":{"temp":30,"pressure":1013}}

{"device_id":"pi","boot":1,"seq":4
{"device_id":"pi","boot":1,"seq":5,"ts":"2026-11-01T00:00:01Z","readings":{"light":true}}
{"device_id":"pi","boot":1,"seq":1,"ts":"2026-11-01T00:00:00Z","readings":{"temp":20.5,"light":true}}
{"device_id":"pi","boot":1,"seq":6,"ts":"1970-01-01T00:00:00Z","readings":{"temp":-1.5}}
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

// It says what to do when something is missing, and fails at once.
func TestTryMistakes(t *testing.T) {
	dir := t.TempDir()
	render(t, dir, 1)
	options := filepath.Join(dir, "backend.yaml")
	bare := filepath.Join(dir, "bare")
	require.NoError(t, os.WriteFile(bare, []byte("#!/bin/sh\necho pyspark pandas\n"), 0o755))
	input := filepath.Join(dir, "day.ndjson")
	require.NoError(t, os.WriteFile(input, []byte(tried), 0o644))
	for _, c := range []struct {
		want string
		code int
		args []string
	}{
		{"Give -input FILE", 2, nil},
		{"no such file", 1, []string{"-input", filepath.Join(dir, "none")}},
		{"there is no record in it", 1, []string{"-input", os.DevNull}},
		{"not there yet", 1, []string{"-input", input, "-keep", dir}},
		{"has no pyspark, pandas; these make one that has all", 1, []string{"-input", input, "-python", bare}},
		{"-m pip install pyspark==4.1.1 pyarrow pandas zstandard==0.25.0", 1, []string{"-input", input, "-python", filepath.Join(dir, "none")}},
		{"the job failed: exit status 1", 1, []string{"-input", input, "-python", broken(t, dir)}},
	} {
		stdout, stderr, err := run(rivulet(t), append([]string{"backend", "try", "-options", options}, c.args...)...)
		require.Error(t, err)
		require.Empty(t, stdout)
		require.Contains(t, string(stderr), c.want)
		require.Contains(t, err.Error(), "exit status "+string(rune('0'+c.code)), "%s", stderr)
		require.NotContains(t, string(stderr), "\x1b", "no colours in a pipe")
	}
}

// broken returns a Python that has all and fails.
func broken(t *testing.T, dir string) string {
	file := filepath.Join(dir, "broken")
	text := strings.Join([]string{"#!/bin/sh", `[ "$1" = -c ] && exit 0`, "echo it does not work >&2", "exit 1", ""}, "\n")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o755))
	return file
}
