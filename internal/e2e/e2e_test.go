package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/sample"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

const shards = 4

// Each way to the emulator, in one of the codecs.
var ways = []struct{ env, wire, codec string }{
	{"KINESIS_LOCAL_PLAIN", "json", "none"},
	{"KINESIS_LOCAL_PLAIN", "cbor", "gzip"},
	{"KINESIS_LOCAL_TLS", "json", "zstd"},
	{"KINESIS_LOCAL_TLS", "cbor", "columnar"},
}

// The agent replays a day of telemetry into the emulator, rivulet tail reads it
// back, and every value is the one of the file, in order per device.
func TestReplayAndTail(t *testing.T) {
	for _, w := range ways {
		if os.Getenv(w.env) == "" {
			t.Skipf("%s is not set: run scripts/e2e.sh, which starts the emulator", w.env)
		}
	}
	agent, rivulet := build(t, "./examples/raspberrypi"), build(t, "./cmd/rivulet")
	file := sample.File(t, filepath.Join("..", ".."))
	want := readFile(t, file)

	for i, w := range ways {
		t.Run(fmt.Sprintf("%s %s %s", w.env, w.wire, w.codec), func(t *testing.T) {
			endpoint := os.Getenv(w.env)
			stream := fmt.Sprintf("e2e-%d-%d", os.Getpid(), i)
			createStream(t, endpoint, stream)
			at := []string{"-stream", stream, "-endpoint", endpoint}
			if strings.HasPrefix(endpoint, "https:") {
				at = append(at, "-insecure")
			}

			began := time.Now()
			stdout := command(t, agent, append(at, "-replay", file, "-rate", "max", "-wire", w.wire, "-codec", w.codec, "-drain", "60s", "-json")...)
			var figures map[string]any
			require.NoError(t, json.Unmarshal(stdout, &figures), "%s", stdout)
			for name, n := range map[string]int{"put": sample.Records, "delivered": sample.Records, "pending": 0, "expired": 0, "evicted": 0,
				"rejected": 0, "corrupt": 0, "duplicates_sent": 0, "verified": 0} {
				require.EqualValues(t, n, figures[name], "%s in %s", name, stdout)
			}
			sent := time.Since(began)

			began = time.Now()
			lines := command(t, rivulet, append([]string{"tail"}, append(at, "-from", "trim_horizon")...)...)
			check(t, lines, want)
			t.Logf("sent in %.1f s, %v bytes up; read in %.1f s", sent.Seconds(), figures["wire_bytes_up"], time.Since(began).Seconds())
		})
	}
}

// check compares the lines of rivulet tail with the file: per device the same
// observations, in order, with sequence numbers from 1.
func check(t *testing.T, lines []byte, want map[string][]observation) {
	t.Helper()
	got := map[string][]observation{}
	count := 0
	scan := bufio.NewScanner(bytes.NewReader(lines))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		o, id := parse(t, scan.Bytes())
		got[id.Device] = append(got[id.Device], o)
		require.EqualValues(t, len(got[id.Device]), id.Seq, "out of order: %s", scan.Bytes())
		count++
	}
	require.NoError(t, scan.Err())
	require.Equal(t, sample.Records, count)
	require.Len(t, got, len(want))
	for device := range want {
		require.Len(t, got[device], len(want[device]), device)
		for i := range want[device] {
			require.Equal(t, want[device][i], got[device][i], "%s, record %d", device, i+1)
		}
	}
}

func createStream(t *testing.T, endpoint, name string) {
	t.Helper()
	c, err := wire.NewClient(wire.Config{Endpoint: endpoint, Insecure: strings.HasPrefix(endpoint, "https:"), Protocol: wire.JSON,
		Credentials: wire.EnvCredentials(), Region: os.Getenv("AWS_REGION")})
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err = c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(shards)})
	require.NoError(t, err)
	require.NoError(t, kinesis.NewStreamExistsWaiter(c.Client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 200*time.Millisecond
	}).Wait(ctx, &kinesis.DescribeStreamInput{StreamName: &name}, 30*time.Second))
}

// build builds a program of the module and returns its path.
func build(t *testing.T, pkg string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", program, pkg)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go build %s\n%s", pkg, out)
	return program
}

// command runs a program to its end and returns its stdout; what it says on
// stderr is shown when it fails.
func command(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Stdin = &stdout, &stderr, io.Reader(nil)
	require.NoError(t, cmd.Run(), "%v\n%s", args, &stderr)
	return stdout.Bytes()
}
