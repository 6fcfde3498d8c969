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

// The sample telemetry is of 2020, which is not what a wrong clock would give.
const options = `project: e2e
schemas: [SCHEMAS]
records:
  max_age_days: 3650
  units: {temp: "[degF]"}
`

// schema1 is the schema of the sample telemetry.
const schema1 = `{"name": "env", "version": 1, "fields": [
  {"name": "co", "kind": "float"},
  {"name": "humidity", "kind": "float", "unit": "%RH", "min": 0, "max": 100},
  {"name": "light", "kind": "bool"},
  {"name": "lpg", "kind": "float"},
  {"name": "motion", "kind": "bool"},
  {"name": "smoke", "kind": "float"},
  {"name": "temp", "kind": "float", "unit": "Cel", "min": -40, "max": 85, "required": true}]}`

// schema2 takes higher temperatures, and has a field more.
var schema2 = strings.NewReplacer(`"version": 1`, `"version": 2`, `"max": 85, "required": true}`,
	`"max": 125, "required": true}, {"name": "fan", "kind": "int"}`).Replace(schema1)

// render renders the backend of the schema's versions into dir/out and returns
// the path of the job's script.
func render(t *testing.T, dir string, schemas ...string) string {
	t.Helper()
	var names []string
	for i, schema := range schemas {
		names = append(names, "env-"+strconv.Itoa(i+1)+".json")
		require.NoError(t, os.WriteFile(filepath.Join(dir, names[i]), []byte(schema), 0o644))
	}
	file := filepath.Join(dir, "backend.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(options, "SCHEMAS", strings.Join(names, ", "), 1)), 0o644))
	command(t, rivulet(t), "backend", "render", "-options", file, "-out", filepath.Join(dir, "out"))
	script := filepath.Join(dir, "out", "glue", "env_stream_etl.py")
	require.FileExists(t, script)
	return script
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
