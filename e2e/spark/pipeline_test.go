package spark

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/sample"
)

// The agent replays a day of telemetry with every codec, the generated job stores
// it, and the table has every record once, in its place, with the values of the
// file.
func TestPipeline(t *testing.T) {
	url, python := endpoint(t), python41(t)
	file, want := readSample(t)
	script := render(t, t.TempDir(), 1)
	codecs := []string{"none", "gzip", "zstd", "columnar"}
	var args []string
	lakes := map[string]string{}
	began := time.Now()
	for i, codec := range codecs {
		s := newStream(t, "pipeline-"+codec)
		out := command(t, agent(t), "-stream", s.name, "-endpoint", url, "-replay", file, "-rate", "max", "-codec", codec, "-drain", drain, "-json")
		var figures struct{ Delivered int }
		require.NoError(t, json.Unmarshal(out, &figures))
		require.Equal(t, sample.Records, figures.Delivered)
		dir, uri := newLake(t)
		lakes[codec] = dir
		if i > 0 {
			args = append(args, "--")
		}
		args = append(args, "--lake", uri, "--stream", s.name, "--endpoint-url", url, "--trigger", "available-now")
	}
	t.Logf("sent with %v in %.1f s", codecs, time.Since(began).Seconds())

	// One Spark for all of them, as it takes long to start.
	began = time.Now()
	batches := start(t, python, script, nil, args...).wait()
	require.Len(t, batches, len(codecs))
	t.Logf("stored in %.1f s", time.Since(began).Seconds())
	for i, codec := range codecs {
		b := batches[i]
		require.Equal(t, batch{Batch: b.Batch, Records: sample.Records, Stored: sample.Records, Reasons: map[string]int{}, Seconds: b.Seconds}, b)
		rows, letters := readLake(t, lakes[codec])
		require.Empty(t, letters, codec)
		require.Len(t, rows, sample.Records, codec)
		requireSample(t, rows, want)
	}
}

// requireSample checks that the rows are the records of the file, each once, and
// numbered from 1 in its order.
func requireSample(t *testing.T, rows []row, want map[string][]observation) {
	t.Helper()
	seen, boots := map[string]map[uint64]bool{}, map[string]string{}
	for _, r := range rows {
		require.NotNil(t, r.Seq)
		require.NotNil(t, r.Boot)
		if seen[r.Device] == nil {
			seen[r.Device], boots[r.Device] = map[uint64]bool{}, *r.Boot
		}
		require.Equal(t, boots[r.Device], *r.Boot, r.Device)
		require.False(t, seen[r.Device][*r.Seq], "%s %d is stored twice", r.Device, *r.Seq)
		seen[r.Device][*r.Seq] = true
		require.Greater(t, *r.Seq, uint64(0))
		require.LessOrEqual(t, *r.Seq, uint64(len(want[r.Device])), r.Device)
		want[r.Device][*r.Seq-1].requireStored(t, r)
		require.Nil(t, r.Schema)
		require.InDelta(t, time.Now().UnixMicro(), r.Arrival, float64(long.Microseconds()))
		require.NotEmpty(t, r.Number)
	}
	for device := range want {
		require.Len(t, seen[device], len(want[device]), device)
	}
}
