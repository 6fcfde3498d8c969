package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/decode"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/record"
)

// awkward are numbers that a careless codec, or a float32, would change.
var awkward = []string{"5e-324", "1e21", "-0.0", "0.1", "50.0", "73.80000305175781", "1.7976931348623157e308", "9007199254740993", "-9223372036854775808",
	"0.30000000000000004", "123456789.12345679", "1E-7", "2.2250738585072011e-308", "0"}

// generate returns n lines of record JSON of three devices.
func generate(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"device_id":"dev %d é","ts":"2026-01-02T03:%02d:%02d.%03dZ","meta":{"name":"\"q\" <&> %d"},"readings":{`+
			`"a":%s,"b":%s,"on":%t,"note":"line\nbreak \u2028 %d"}}`+"\n",
			i%3, i/60%60, i%60, i%1000, i%2, awkward[i%len(awkward)], strconv.FormatFloat(float64(float32(i)*0.1), 'f', -1, 64), i%2 == 0, i%5)
	}
	return b.String()
}

// Every combination, against a stream outside of the agent, whose content is
// compared with the numbers as encoding/json and strconv read them.
func TestReplayEveryWay(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", kinesistest.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", kinesistest.SecretAccessKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	const n = 300
	in := generate(n)
	file := filepath.Join(t.TempDir(), "in.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(in), 0o600))
	for _, codec := range []string{"none", "gzip", "zstd", "columnar"} {
		for _, wire := range []string{"json", "cbor"} {
			for _, key := range []string{"device", "fixed:all", "spread:4"} {
				t.Run(codec+" "+wire+" "+key, func(t *testing.T) {
					agentRun(t, context.Background(), nil, "-replay", file, "-codec", codec, "-wire", wire, "-key", key).good(t, n)

					srv, err := kinesistest.Start(kinesistest.Config{})
					require.NoError(t, err)
					defer srv.Close()
					require.NoError(t, srv.CreateStream("s", 3, kinesistest.StreamOptions{}))
					r := agentRun(t, context.Background(), nil, "-replay", file, "-codec", codec, "-wire", wire, "-key", key,
						"-stream", "s", "-endpoint", srv.URL(), "-insecure")
					r.good(t, n)
					require.Equal(t, codec, r.figures.Codec)
					same(t, in, srv, "s")
				})
			}
		}
	}
}

// same requires that the stream holds the lines, in order per device.
func same(t *testing.T, in string, srv *kinesistest.Server, stream string) {
	t.Helper()
	var want [3][]string
	for i, l := range strings.Split(strings.TrimSpace(in), "\n") {
		want[i%3] = append(want[i%3], l)
	}
	var dec decode.Decoder
	all, err := srv.Records(stream)
	require.NoError(t, err)
	got := 0
	for _, k := range all {
		require.NoError(t, dec.Decode(k.Data, k.PartitionKey, func(it decode.Item) error {
			require.Equal(t, decode.Record, it.Kind, "%v", it.Err)
			var dev int
			_, err := fmt.Sscanf(it.Record.ID.Device, "dev %d é", &dev)
			require.NoError(t, err)
			require.LessOrEqual(t, it.Record.ID.Seq, uint64(len(want[dev])))
			sameRecord(t, want[dev][it.Record.ID.Seq-1], it.Record)
			got++
			return nil
		}))
	}
	require.Equal(t, len(want[0])+len(want[1])+len(want[2]), got)
}

func sameRecord(t *testing.T, line string, r *record.Record) {
	t.Helper()
	var want struct {
		Device   string `json:"device_id"`
		TS       time.Time
		Meta     map[string]string
		Readings map[string]any
	}
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&want))
	require.Equal(t, want.Device, r.ID.Device)
	require.True(t, want.TS.Equal(r.Time))
	require.Len(t, r.Meta, len(want.Meta))
	for _, m := range r.Meta {
		require.Equal(t, want.Meta[m.Name], m.Value)
	}
	require.Len(t, r.Readings, len(want.Readings))
	for _, x := range r.Readings {
		var v record.Value
		switch w := want.Readings[x.Name].(type) {
		case bool:
			v = record.BoolValue(w)
		case string:
			v = record.StringValue(w)
		case json.Number:
			if i, err := strconv.ParseInt(w.String(), 10, 64); err == nil {
				v = record.IntValue(i)
			} else {
				f, err := strconv.ParseFloat(w.String(), 64)
				require.NoError(t, err)
				v = record.FloatValue(f)
			}
		}
		require.True(t, v == x.Value, "%s: %v is not %v bit for bit", x.Name, x.Value, v) // Values compare by their bits
	}
}

// What does not fit the buffer waits; nothing is dropped.
func TestReplayLargerThanTheBuffer(t *testing.T) {
	const n = 45_000
	in := generate(n)
	require.Greater(t, len(in), 2*replayBuffer)
	agentRun(t, context.Background(), strings.NewReader(in), "-replay", "-", "-key", "fixed:one").good(t, n)
}

func TestBadLines(t *testing.T) {
	in := "\n" + strings.TrimSpace(generate(2)) + "\r\n{\"device_id\":\"d\"\nnot json\n   \n" +
		`{"device_id":"d","readings":{"x":1}}` + "\n" + strings.Repeat("x", record.MaxJSONBytes+9) + "\n" +
		`{"device_id":"d","readings":{"` + strings.Repeat("n", record.MaxNameBytes+1) + `":1}}` // no end of line
	r := agentRun(t, context.Background(), strings.NewReader(in), "-replay", "-")
	require.Equal(t, 1, r.code)
	require.EqualValues(t, 3, r.figures.Put)
	require.EqualValues(t, 3, r.figures.Verified)
	require.Equal(t, 4, r.figures.BadLines)
	for _, want := range []string{"-: line 4: ", "-: line 5: ", "-: line 8: longer than 1048576 bytes", "-: line 9: ", "4 line(s) of - were not sent"} {
		require.Contains(t, r.stderr, want)
	}
	require.Equal(t, 5, strings.Count(r.stderr, "\n"), r.stderr)
}

func TestManyBadLinesAreCounted(t *testing.T) {
	r := agentRun(t, context.Background(), strings.NewReader(strings.Repeat("?\n", 1000)), "-replay", "-")
	require.Equal(t, 1, r.code)
	require.Equal(t, 1000, r.figures.BadLines)
	require.Equal(t, maxBadLinesNamed+2, strings.Count(r.stderr, "\n"))
}

func TestGzipAndCutOffInput(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, generate(100))
	require.NoError(t, err)
	require.NoError(t, z.Close())

	agentRun(t, context.Background(), bytes.NewReader(b.Bytes()), "-replay", "-").good(t, 100)

	file := filepath.Join(t.TempDir(), "in.gz")
	require.NoError(t, os.WriteFile(file, b.Bytes()[:b.Len()-5], 0o600))
	r := agentRun(t, context.Background(), nil, "-replay", file)
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "could not be read to its end: "+file)
	require.Equal(t, r.figures.Put, r.figures.Verified)

	broken := io.MultiReader(strings.NewReader(generate(3)+`{"device_id":"cut`), iotest.ErrReader(errors.New("unplugged")))
	r = agentRun(t, context.Background(), broken, "-replay", "-")
	require.Equal(t, 1, r.code)
	require.EqualValues(t, 3, r.figures.Verified)
	require.Zero(t, r.figures.BadLines, "half a line is the reader's fault")
	require.Contains(t, r.stderr, "unplugged")
}

// The schedule is from the start, so what a record takes does not add up.
func TestRate(t *testing.T) {
	r := agentRun(t, context.Background(), strings.NewReader(generate(51)), "-replay", "-", "-rate", "100")
	r.good(t, 51)
	require.GreaterOrEqual(t, r.took, 500*time.Millisecond)
	require.Less(t, r.took, 5*time.Second)
}

func TestDurationEndsAReplay(t *testing.T) {
	r := agentRun(t, context.Background(), strings.NewReader(generate(1000)), "-replay", "-", "-rate", "20", "-duration", "300ms")
	r.good(t, int(r.figures.Put))
	require.Less(t, r.figures.Put, uint64(20))
	require.Positive(t, r.figures.Put)
}

func TestReadLine(t *testing.T) {
	long := strings.Repeat("y", record.MaxJSONBytes+100)
	r := bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader("a\n"+long+"\nb")), 16)
	for _, want := range []struct {
		text string
		err  error
	}{{"a\n", nil}, {"", errLongLine}, {"b", io.EOF}, {"", io.EOF}} {
		text, err := readLine(r)
		require.Equal(t, want.text, string(text))
		require.Equal(t, want.err, err)
	}
}

// sample is 30,162 readings of three boards, which are not part of the module.
const sample, sampleRecords = "../../../shared/data/rpi-telemetry.ndjson.gz", 30162

func TestSample(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute under the race detector")
	}
	file := os.Getenv("RIVULET_SAMPLE")
	if file == "" {
		file = filepath.FromSlash(sample)
	}
	if _, err := os.Stat(file); err != nil {
		t.Skipf("no sample telemetry at %s (RIVULET_SAMPLE)", file)
	}
	for _, codec := range []string{"none", "gzip", "zstd", "columnar"} {
		for _, wire := range []string{"json", "cbor"} {
			t.Run(codec+" "+wire, func(t *testing.T) {
				t.Parallel()
				r := agentRun(t, context.Background(), nil, "-replay", file, "-rate", "max", "-codec", codec, "-wire", wire)
				r.good(t, sampleRecords)
				t.Logf("%v; %d bytes up, %.1f a record", r.took, r.figures.WireBytesUp, float64(r.figures.WireBytesUp)/sampleRecords)
			})
		}
	}
}
