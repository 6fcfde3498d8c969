package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/term"
)

const tried = `{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":1,"readings":{"temperature":20.5}}

{"device_id":"pi","boot":"9f3c01d2e4a5b687","seq":2,"readings":{"temperature":131.5}}
`

// script writes a program for the shell and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no shell")
	}
	file := filepath.Join(t.TempDir(), "python")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755))
	return file
}

// It says what to do when something is missing.
func TestBackendTryMistakes(t *testing.T) {
	started(t)
	t.Setenv("JAVA_HOME", filepath.Dir(filepath.Dir(fakeJava(t))))
	require.NoError(t, os.WriteFile("day.ndjson", []byte(tried), 0o644))
	require.NoError(t, os.WriteFile("empty.ndjson", []byte("\n\n"), 0o644))
	for _, c := range []struct {
		want string
		code int
		args []string
	}{
		{"which records? Give -input FILE", exitUsage, nil},
		{"no such file", exitFailed, []string{"-input", "none", "-keep", "kept"}},
		{"there is no record in it", exitFailed, []string{"-input", "empty.ndjson", "-python", script(t, "")}},
		{"-keep takes a directory that is not there yet", exitFailed, []string{"-input", "day.ndjson", "-python", script(t, ""), "-keep", "."}},
		{"has no pyspark, pandas; these make one that has all", exitFailed, []string{"-input", "day.ndjson", "-python", script(t, "echo pyspark pandas")}},
		{"-m pip install pyspark==4.1.1 pyarrow pandas zstandard==0.25.0\n", exitFailed, []string{"-input", "day.ndjson", "-python", "./none", "-keep", "kept"}},
		{"the job failed: exit status 3; the end of what Spark said:\n  it does not work\n", exitFailed,
			[]string{"-input", "day.ndjson", "-python", script(t, `[ "$1" = -c ] || { echo it does not work; echo "=== Streaming Query ==="; exit 3; } >&2`)}},
	} {
		code, out, err := cli(append([]string{"backend", "try"}, c.args...)...)
		require.Equal(t, c.code, code, err)
		require.Empty(t, out)
		require.Contains(t, err, c.want)
		require.NoDirExists(t, "kept", "nothing was missing yet when it was made")
	}

	t.Setenv("JAVA_HOME", "nowhere")
	_, _, err := cli("backend", "try", "-input", "day.ndjson", "-python", script(t, ""))
	require.Contains(t, err, "spark needs Java 17 or later, and "+filepath.Join("nowhere", "bin", "java")+" cannot be run")
}

func fakeJava(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "bin")
	require.NoError(t, os.Mkdir(dir, 0o755))
	java := filepath.Join(dir, "java")
	require.NoError(t, os.Rename(script(t, "exit 0\n"), java))
	return java
}

// What Spark finds is shown: here a program in its place says what it found, and
// keeps the rows that it got.
func TestBackendTryShows(t *testing.T) {
	started(t)
	t.Setenv("JAVA_HOME", filepath.Dir(filepath.Dir(fakeJava(t))))
	require.NoError(t, os.WriteFile("day.ndjson", []byte(tried), 0o644))
	py := script(t, `[ "$1" = -c ] && exit
echo 'rivulet-try: starting Spark'
echo '{"batch":"x","duplicates":2,"clocks_corrected":1}'
cat > "$6" <<END
{"rows":1,"dead_letters":1,"reasons":{"range":1},"spark":"4.1.1","seconds":12.3,
 "partitions":[{"path":"year=2026/month=11/day=25","rows":1}],
 "columns":[{"name":"temperature","type":"double","filled":1,"min":"20.5","max":"20.5"},{"name":"light","type":"boolean","filled":0,"min":null,"max":null}],
 "first":[{"device_id":"pi","boot":"9f3c01d2e4a5b687"}],
 "letters":[{"line":3,"reason":"range","detail":"temperature = 131.5: too hot","device_id":"pi"}]}
END
`)
	code, out, err := cli("backend", "try", "-input", "day.ndjson", "-python", py, "-keep", "kept")
	require.Zero(t, code, err)
	require.Equal(t, "rivulet backend: starting Spark\n", err)
	for _, want := range []string{
		": 2 lines read, 1 stored, 1 dead letter, 2 duplicates dropped; 12 s on Spark 4.1.1\n",
		"\n1 of the rows have the time of arrival",
		"\n  year=2026/month=11/day=25  1\n",
		"\ntemperature          double                        1  20.5\n",
		"\nlight                boolean                       0  \n",
		"\n  {\"device_id\":\"pi\",\"boot\":\"9f3c01d2e4a5b687\"}\n",
		"\n       1  range\n  line 3: range: temperature = 131.5: too hot\n",
		"kept/lake, the script is ",
	} {
		require.Contains(t, out, want)
	}
	rows, readErr := os.ReadFile(filepath.Join("kept", "rows", "rows.json"))
	require.NoError(t, readErr)
	require.Contains(t, string(rows), `"sequenceNumber":"1"`)
	require.Contains(t, string(rows), `"sequenceNumber":"3"`)
	require.NotContains(t, string(rows), `"sequenceNumber":"2"`, "an empty line is none")

	// Another way to name the Python, and the one that is found.
	t.Setenv("RIVULET_PYTHON", "./none")
	code, _, err = cli("backend", "try", "-input", "day.ndjson")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "python ./none, from RIVULET_PYTHON, cannot be run")
	t.Setenv("RIVULET_PYTHON", "")
	require.NoError(t, os.MkdirAll(filepath.Dir(venvPython(venv)), 0o755))
	require.NoError(t, os.Rename(py, venvPython(venv)))
	code, out, err = cli("backend", "try", "-input", "day.ndjson", "-json")
	require.Zero(t, code, err)
	got := unmarshal[trial](t, out)
	require.Equal(t, []int{2, 1, 2, 1, 1}, []int{got.Lines, got.Stored, got.Duplicates, got.Corrected, got.DeadLetters})
	require.Empty(t, got.Lake, "it is gone")
}

// What the input says, of whomever it is, drives no terminal: neither what is found
// in it, nor what Spark says when it fails.
func TestBackendTryEscapes(t *testing.T) {
	started(t)
	t.Setenv("JAVA_HOME", filepath.Dir(filepath.Dir(fakeJava(t))))
	require.NoError(t, os.WriteFile("day.ndjson", []byte(tried), 0o644))
	const raw = "\x1b[2J\x1b]0;owned\x07\u009b2J\x7f\u202eold\u2066\u2028\r"
	const inJSON = "\\u001b[2J\\u001b]0;owned\\u0007\u009b2J\x7f\u202eold\u2066\u2028\\nall is well\\r"
	result := strings.ReplaceAll(`{"rows":1,"dead_letters":1,"reasons":{"RAW":1},"spark":"RAW","seconds":1,
"partitions":[{"path":"RAW","rows":1}],"columns":[{"name":"RAW","type":"RAW","filled":1,"min":"RAW","max":"aRAW"}],
"first":[{"RAW":"RAW"}],"letters":[{"line":3,"reason":"RAW","detail":"RAW","device_id":"RAW"}]}`, "RAW", inJSON)
	require.NoError(t, os.WriteFile("result", []byte(result), 0o644))
	require.NoError(t, os.WriteFile("said", []byte(raw), 0o644))
	finds := script(t, `[ "$1" = -c ] && exit; echo "rivulet-try: $(cat said)"; cat result > "$6"`)
	fails := script(t, `[ "$1" = -c ] && exit; cat said said >&2; exit 3`)
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"text":  {0, []string{"-python", finds}},
		"JSON":  {0, []string{"-python", finds, "-json"}},
		"error": {exitFailed, []string{"-python", fails}},
	} {
		code, out, err := cli(append([]string{"backend", "try", "-input", "day.ndjson"}, c.args...)...)
		require.Equal(t, c.code, code, err)
		for _, said := range []string{out, err} {
			require.Equal(t, -1, strings.IndexFunc(said, func(r rune) bool { return r != '\n' && term.Unsafe(r) }), "%s: %q", name, said)
			require.NotContains(t, said, "\nall is well", name)
		}
		require.Contains(t, out+err, "owned", name)
	}
}
