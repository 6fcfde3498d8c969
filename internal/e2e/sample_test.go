package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample is 30,162 readings of three Raspberry Pi boards, which are not part of
// the module; RIVULET_SAMPLE names another place. Where it is not there, readings
// of the same shape are generated.
const sample, sampleRecords = "../../../shared/data/rpi-telemetry.ndjson.gz", 30162

func sampleFile(t *testing.T) string {
	t.Helper()
	file := os.Getenv("RIVULET_SAMPLE")
	if file == "" {
		file = filepath.FromSlash(sample)
	}
	if _, err := os.Stat(file); err == nil {
		return file
	}
	t.Logf("no sample telemetry at %s; generating some", file)
	file = filepath.Join(t.TempDir(), "generated.ndjson.gz")
	f, err := os.Create(file)
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	rng := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2020, 7, 13, 0, 0, 0, 0, time.UTC)
	for range sampleRecords {
		at = at.Add(time.Duration(rng.IntN(3400)) * time.Millisecond)
		n := rng.IntN(3)
		_, err := fmt.Fprintf(z, `{"device_id":"00:00:00:00:00:%02d","ts":"%s","meta":{"name":"iot-device-%02d"},"readings":`+
			`{"co":%s,"humidity":%s,"light":%t,"lpg":%s,"motion":%t,"smoke":%s,"temp":%s}}`+"\n",
			n, at.Format("2006-01-02T15:04:05.000Z"), n, float(rng.Float64()/100), float(float64(float32(50+rng.IntN(300))/10)), rng.IntN(2) == 0,
			float(rng.Float64()/100), rng.IntN(50) == 0, float(rng.Float64()/50), float(18+float64(rng.IntN(100))/10))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	return file
}

func float(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// observation is a record without its id. Numbers are kept as their bits, and
// read by strconv, not by the module's own parser.
type observation struct {
	at       string
	meta     map[string]string
	readings map[string]any
}

type id struct {
	Device string `json:"device_id"`
	Seq    uint64 `json:"seq"`
}

func parse(t *testing.T, line []byte) (observation, id) {
	var r struct {
		id
		TS       string            `json:"ts"`
		Meta     map[string]string `json:"meta"`
		Readings map[string]any    `json:"readings"`
	}
	dec := json.NewDecoder(strings.NewReader(string(line)))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&r), "%s", line)
	for name, v := range r.Readings {
		n, ok := v.(json.Number)
		if !ok {
			continue
		}
		if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
			r.Readings[name] = i
			continue
		}
		f, err := strconv.ParseFloat(n.String(), 64)
		require.NoError(t, err)
		r.Readings[name] = math.Float64bits(f)
	}
	return observation{r.TS, r.Meta, r.Readings}, r.id
}

// readFile returns the observations of each device, in order.
func readFile(t *testing.T, file string) map[string][]observation {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	all, n := map[string][]observation{}, 0
	scan := bufio.NewScanner(z)
	scan.Buffer(nil, 1<<20)
	for ; scan.Scan(); n++ {
		o, id := parse(t, scan.Bytes())
		all[id.Device] = append(all[id.Device], o)
	}
	require.NoError(t, scan.Err())
	require.Equal(t, sampleRecords, n, file)
	return all
}
