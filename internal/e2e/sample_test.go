package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/sample"
)

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
	require.Equal(t, sample.Records, n, file)
	return all
}
