package spark

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/sample"
)

// render renders the backend of testdata with the first versions of its schema into
// dir/out, and returns the path of the job's script. Version 2 takes higher
// temperatures, and has a field more.
func render(t *testing.T, dir string, versions int) (script string) {
	t.Helper()
	all := []string{"env-1.json", "env-2.json"}
	for _, name := range all {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), testdata(t, name), 0o644))
	}
	text := string(testdata(t, "backend.yaml"))
	require.Contains(t, text, "[env-1.json]")
	text = strings.Replace(text, "[env-1.json]", "["+strings.Join(all[:versions], ", ")+"]", 1)
	options := filepath.Join(dir, "backend.yaml")
	require.NoError(t, os.WriteFile(options, []byte(text), 0o644))
	command(t, rivulet(t), "backend", "render", "-options", options, "-out", filepath.Join(dir, "out"))
	script = filepath.Join(dir, "out", "glue", "env_stream_etl.py")
	require.FileExists(t, script)
	return script
}

func testdata(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// observation is a record of the sample file. Its numbers are read by strconv, not
// by the module's own parser.
type observation struct {
	Device   string            `json:"device_id"`
	TS       time.Time         `json:"ts"`
	Meta     map[string]string `json:"meta"`
	Readings map[string]any    `json:"readings"`
	line     string
}

// readSample returns the path of the sample file and its records, for each device in
// order.
func readSample(t *testing.T) (file string, byDevice map[string][]observation) {
	t.Helper()
	file = sample.File(t, root)
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	byDevice = map[string][]observation{}
	n := 0
	for scan := bufio.NewScanner(z); scan.Scan(); n++ {
		o := observation{line: scan.Text()}
		dec := json.NewDecoder(strings.NewReader(o.line))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&o), "%s", o.line)
		byDevice[o.Device] = append(byDevice[o.Device], o)
	}
	require.Equal(t, sample.Records, n, file)
	return file, byDevice
}

// requireStored checks that a row holds an observation: all of it, bit for bit, and
// in the right place.
func (o observation) requireStored(t *testing.T, r row) {
	t.Helper()
	require.Equal(t, o.Device, r.Device)
	require.Equal(t, o.TS.UnixMicro(), r.TS, "%s: ts", o.line)
	require.Equal(t, "device", r.TSSource, "%s", o.line)
	require.Nil(t, r.DeviceTS, "%s", o.line)
	require.Equal(t, o.Meta, r.Meta, "%s", o.line)
	require.Empty(t, r.Extra, "%s", o.line)
	require.Equal(t, o.TS.UTC().Format("year=2006/month=01/day=02/batch="), r.Partition[:len("year=2006/month=01/day=02/batch=")], "%s", o.line)
	for name, value := range r.Readings {
		given, ok := o.Readings[name]
		if !ok {
			require.Nil(t, value, "%s: %s", o.line, name)
			continue
		}
		if n, ok := given.(json.Number); ok {
			want := float(t, n)
			if name == "temp" {
				fahrenheit := want * 1.8 // rounded, so that it is not fused with the sum
				want = fahrenheit + 32
			}
			require.Equal(t, want, float(t, value), "%s: %s", o.line, name)
			continue
		}
		require.Equal(t, given, value, "%s: %s", o.line, name)
	}
	for name := range o.Readings {
		require.Contains(t, r.Readings, name)
	}
}

// float returns the float of a JSON number. Two are equal if their bits are, but
// for zeros of different signs.
func float(t *testing.T, v any) float64 {
	t.Helper()
	n, ok := v.(json.Number)
	require.True(t, ok, "%v is no number", v)
	f, err := strconv.ParseFloat(n.String(), 64)
	require.NoError(t, err)
	return f
}
