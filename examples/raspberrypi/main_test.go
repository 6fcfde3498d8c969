package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is what a run wrote and returned.
type result struct {
	code           int
	stdout, stderr string
	figures        figures
	took           time.Duration
}

// agentRun runs the program in this process, with -json, and reads its last line.
func agentRun(t *testing.T, ctx context.Context, stdin io.Reader, args ...string) result {
	t.Helper()
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	var stdout, stderr syncBuffer
	began := time.Now()
	r := result{code: run(ctx, append(args, "-json"), stdin, &stdout, &stderr)}
	r.took, r.stdout, r.stderr = time.Since(began), stdout.String(), stderr.String()
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &r.figures), "%s\n%s", r.stdout, r.stderr)
	f := &r.figures
	require.Equal(t, f.Put+f.Recovered, f.Delivered+f.Pending+f.Expired+f.Evicted+f.Rejected+f.Corrupt, "the ledger does not add up: %s", r.stdout)
	return r
}

// good requires that n records were put, delivered and, embedded, verified.
func (r result) good(t *testing.T, n int) {
	t.Helper()
	require.Zero(t, r.code, "%s\n%s", r.stdout, r.stderr)
	require.EqualValues(t, n, r.figures.Put)
	require.EqualValues(t, n, r.figures.Delivered)
	if r.figures.Embedded {
		require.EqualValues(t, n, r.figures.Verified)
	} else {
		require.Zero(t, r.figures.Verified)
	}
	require.Empty(t, r.figures.Error)
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestSensors(t *testing.T) {
	r := agentRun(t, context.Background(), nil, "-duration", "2s", "-interval", "200ms", "-flush", "300ms", "-device", "bench 1")
	f := r.figures
	r.good(t, int(f.Put))
	require.GreaterOrEqual(t, f.Put, uint64(5), "200 ms apart for 2 s")
	require.LessOrEqual(t, f.Put, uint64(11))
	require.Equal(t, "bench 1", f.Device)
	require.Less(t, r.took, 6*time.Second)
	names := map[string]any{}
	for _, s := range f.Sensors {
		names[s.Name] = s.Value
	}
	require.NotEmpty(t, names)
	if runtime.GOOS == "linux" {
		require.Contains(t, names, "load_1m")
		require.IsType(t, 0.0, names["load_1m"])
	}
	for name, n := range map[string]uint64{"requests": f.Requests, "kinesis_records": f.KinesisRecords, "user_records": f.UserRecords,
		"payload_bytes": f.PayloadBytes, "put_payload_units": f.PayloadUnits, "wire_bytes_up": f.WireBytesUp,
		"wire_bytes_down": f.WireBytesDown, "json_bytes": f.JSONBytes} {
		require.NotZero(t, n, name)
	}
	require.Positive(t, f.CPUSeconds)
	for _, name := range strings.Fields("put delivered pending expired evicted rejected corrupt duplicates_sent requests kinesis_records user_records " +
		"payload_bytes put_payload_units wire_bytes_up wire_bytes_down peak_rss_bytes cpu_seconds verified spooled recovered flash_bytes fsyncs") {
		var all map[string]any
		require.NoError(t, json.Unmarshal([]byte(r.stdout), &all))
		require.IsType(t, 0.0, all[name], name)
	}
}

func TestSummaryForPeople(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"-duration", "300ms", "-interval", "100ms"}, strings.NewReader(""), &stdout, &stderr)
	require.Zero(t, code, stderr.String())
	require.Contains(t, stdout.String(), "records read back equal, bit for bit")
	if runtime.GOOS == "linux" {
		require.Contains(t, stdout.String(), "load_1m")
	}
	require.NotContains(t, stdout.String(), "\x1b", "colors are for terminals")
}

func TestEventsAddUp(t *testing.T) {
	in := generate(500)
	r := agentRun(t, context.Background(), strings.NewReader(in), "-replay", "-", "-events", "-key", "spread:3", "-flush", "1ms")
	r.good(t, 500)
	require.EqualValues(t, 500, sumEvents(t, r.stdout)["delivered"])
}

// sumEvents returns how many records the events on stdout are about, by name.
func sumEvents(t *testing.T, stdout string) map[string]uint64 {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	sum := map[string]uint64{}
	seen := map[string]bool{}
	for _, l := range lines[:len(lines)-1] {
		var e event
		require.NoError(t, json.Unmarshal([]byte(l), &e), l)
		require.NotEmpty(t, e.Device)
		require.NotZero(t, e.Boot)
		require.Positive(t, e.Seq[0])
		require.LessOrEqual(t, e.Seq[0], e.Seq[1])
		require.False(t, seen[l], "twice: %s", l)
		seen[l] = true
		sum[e.Event] += e.Seq[1] - e.Seq[0] + 1
	}
	return sum
}

// endless is a stdin like that of tail -f: some lines, and then nothing, which it
// tells by calling idle. Reading stays at most 65 lines ahead of putting, so by
// then most lines have been put.
type endless struct {
	lines io.Reader
	idle  func()
	done  chan struct{}
}

func (e *endless) Read(p []byte) (int, error) {
	if n, err := e.lines.Read(p); err == nil {
		return n, nil
	}
	e.idle()
	<-e.done
	return 0, io.EOF
}

// A run that is interrupted sends what it has, reads it back and says so.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	in := &endless{lines: strings.NewReader(generate(200)), idle: cancel, done: make(chan struct{})}
	defer close(in.done)
	r := agentRun(t, ctx, in, "-replay", "-", "-events", "-flush", "1h")
	r.good(t, int(r.figures.Put))
	require.True(t, r.figures.Interrupted)
	require.GreaterOrEqual(t, r.figures.Put, uint64(200-66))
	require.Equal(t, r.figures.Put, sumEvents(t, r.stdout)["delivered"])
	require.Contains(t, r.stderr, "stopping: sending")
}

func TestUnreachableEndpoint(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close()) // nobody listens there now

	r := agentRun(t, context.Background(), strings.NewReader(generate(30)), "-replay", "-", "-events",
		"-stream", "telemetry", "-endpoint", "http://"+addr, "-drain", "500ms")
	require.Equal(t, 1, r.code)
	require.Less(t, r.took, 3*time.Second)
	f := r.figures
	require.EqualValues(t, 30, f.Put)
	require.EqualValues(t, 30, f.Evicted)
	require.EqualValues(t, 30, sumEvents(t, r.stdout)["evicted"])
	require.Equal(t, "offline", f.State)
	require.Contains(t, r.stderr, "30 of 30 records were not delivered: 30 not yet sent after 500ms of waiting (-drain); stream telemetry is offline (refused).")
	require.Contains(t, r.stderr, "There is no way to the endpoint.")
}

func TestReplayOfAMissingFile(t *testing.T) {
	r := agentRun(t, context.Background(), nil, "-replay", "no/such.ndjson")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "no/such.ndjson")
}
