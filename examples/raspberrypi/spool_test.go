package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// nowhere returns flags that send to an endpoint where nobody listens.
func nowhere(t *testing.T) []string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return []string{"-stream", "elsewhere", "-endpoint", "http://" + l.Addr().String(), "-drain", "0s"}
}

// A backlog is the device's: what could not be sent to one stream goes to the
// next, behind nothing and before what is new.
func TestBacklogGoesToTheNextStream(t *testing.T) {
	for _, mode := range []string{"group", "always", "interval", "spill", "never"} {
		t.Run(mode, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "not", "there yet")
			spool := []string{"-replay", "-", "-events", "-spool", dir, "-spool-max", "4MiB", "-sync", mode}

			first := agentRun(t, context.Background(), strings.NewReader(generate(300)), append(nowhere(t), spool...)...)
			f := first.figures
			require.Zero(t, first.code, first.stderr)
			require.EqualValues(t, 300, f.Put)
			require.EqualValues(t, 300, f.Pending)
			require.Zero(t, f.Recovered)
			require.False(t, f.Degraded)
			require.NotZero(t, f.FlashBytes)
			require.NotZero(t, f.Fsyncs)
			require.Empty(t, f.Error)
			events := sumEvents(t, first.stdout)
			require.Equal(t, f.Spooled, events["spooled"])
			require.Zero(t, events["delivered"])
			if mode != "never" { // it waits for the system
				require.EqualValues(t, 300, f.Spooled)
			}

			second := agentRun(t, context.Background(), strings.NewReader(generate(100)), spool...)
			f = second.figures
			require.Zero(t, second.code, "%s\n%s", second.stdout, second.stderr)
			require.EqualValues(t, 100, f.Put)
			require.EqualValues(t, 300, f.Recovered)
			require.EqualValues(t, 400, f.Delivered)
			require.EqualValues(t, 400, f.Verified)
			require.Contains(t, second.stderr, "300 records from earlier runs are in "+dir)
			require.EqualValues(t, 400, sumEvents(t, second.stdout)["delivered"])
			boots := byBoot(t, second.stdout, "delivered")
			require.ElementsMatch(t, []uint64{300, 100}, slices.Collect(maps.Values(boots)), "%v", boots)

			third := agentRun(t, context.Background(), nil, spool...)
			third.good(t, 0)
			require.Zero(t, third.figures.Recovered)
			require.NotContains(t, third.stderr, "earlier runs")
		})
	}
}

// byBoot counts the records of the events of one name by their boot.
func byBoot(t *testing.T, stdout, name string) map[string]uint64 {
	t.Helper()
	sum := map[string]uint64{}
	for _, l := range strings.Split(stdout, "\n") {
		var e event
		if json.Unmarshal([]byte(l), &e) == nil && e.Event == name {
			sum[e.Boot] += e.Seq[1] - e.Seq[0] + 1
		}
	}
	return sum
}

// A directory that is wiped, or lost with its card, takes no ids with it: the same file
// sent once more is other records.
func TestIdsOfAWipedSpool(t *testing.T) {
	dir, file := filepath.Join(t.TempDir(), "spool"), filepath.Join(t.TempDir(), "in.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(generate(300)), 0o600))
	seen := map[string]bool{}
	for range 2 {
		r := agentRun(t, context.Background(), nil, "-replay", file, "-spool", dir, "-events")
		r.good(t, 300)
		for l := range strings.Lines(r.stdout) {
			var e event
			if json.Unmarshal([]byte(l), &e) != nil || e.Event != "delivered" {
				continue
			}
			boot, err := record.ParseBoot(e.Boot)
			require.NoError(t, err)
			for n := e.Seq[0]; n <= e.Seq[1]; n++ {
				id := record.ID{Device: e.Device, Boot: boot, Seq: n}.String()
				require.False(t, seen[id], "%s was given to two records", id)
				seen[id] = true
			}
		}
		require.NoError(t, os.RemoveAll(dir))
	}
	require.Len(t, seen, 600)
}

// What a device's id or a reason holds must not work on the terminal that shows it, and is
// the same to who reads the JSON.
func TestEventsAreSafeToShow(t *testing.T) {
	var out bytes.Buffer
	var tl tally
	tl.init(true, &out)
	const device = "pi \u009b31m\u202e <&>"
	tl.delivery(producer.Delivery{IDs: []producer.IDRange{{Device: device, Boot: 0x9f3c, First: 1, Last: 2}}})
	require.Equal(t, `{"event":"delivered","device":"pi \u009b31m\u202e <&>","boot":"0000000000009f3c","seq":[1,2]}`+"\n", out.String())
	var e event
	require.NoError(t, json.Unmarshal(out.Bytes(), &e))
	require.Equal(t, device, e.Device)

	var stdout, stderr bytes.Buffer
	require.Equal(t, 2, run(context.Background(), []string{"-codec", "\x1b[2J\nraspberrypi: all is well"}, nil, &stdout, &stderr))
	require.NotContains(t, stderr.String(), "\x1b")
	require.NotContains(t, stderr.String(), "\nraspberrypi: all")
}

func TestSummaryOfASpool(t *testing.T) {
	dir := t.TempDir()
	summary := func(in string, args ...string) string {
		var stdout, stderr bytes.Buffer
		require.Zero(t, run(context.Background(), append(args, "-replay", "-", "-spool", dir), strings.NewReader(in), &stdout, &stderr), stderr.String())
		return stdout.String()
	}
	s := summary(generate(3), nowhere(t)...)
	require.Contains(t, s, "3 pending")
	require.Contains(t, s, "3 records made durable; ")
	require.Contains(t, s, "3 records stay in "+dir+" for the next run")

	s = summary(generate(2))
	require.Contains(t, s, "2 records and 3 of earlier runs in ")
	require.NotContains(t, s, "for the next run")
	require.Contains(t, s, "all 2 records read back equal, bit for bit; the 3 of earlier runs were whole")
}

func TestSensorsWithASpool(t *testing.T) {
	dir := t.TempDir()
	first := agentRun(t, context.Background(), nil, append(nowhere(t), "-duration", "300ms", "-interval", "50ms", "-spool", dir)...)
	require.Zero(t, first.code, first.stderr)
	require.Positive(t, first.figures.Pending)
	second := agentRun(t, context.Background(), nil, "-duration", "300ms", "-interval", "50ms", "-spool", dir)
	require.Zero(t, second.code, second.stderr)
	require.Equal(t, first.figures.Pending, second.figures.Recovered)
	require.Equal(t, second.figures.Put+second.figures.Recovered, second.figures.Verified)
}

func TestSpoolInUse(t *testing.T) {
	dir := t.TempDir()
	d, err := retry.Open(dir, retry.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	var stdout, stderr bytes.Buffer
	require.Equal(t, 1, run(context.Background(), []string{"-replay", "-", "-spool", dir}, strings.NewReader(""), &stdout, &stderr))
	require.Empty(t, stdout.String())
	require.Equal(t, fmt.Sprintf("raspberrypi: -spool %s is in use: lock %s: held by process %d; stop that process, or use another directory\n",
		dir, filepath.Join(dir, "LOCK"), os.Getpid()), stderr.String())
}

func TestSpoolIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	var stdout, stderr bytes.Buffer
	require.Equal(t, 1, run(context.Background(), []string{"-replay", "-", "-spool", file}, strings.NewReader(""), &stdout, &stderr))
	require.Contains(t, stderr.String(), "-spool: ")
	require.Contains(t, stderr.String(), file)
}

// Where there is no disk, the agent works all the same, says so, and loses what
// it cannot send.
func TestDegradedSpool(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a directory in which nothing can be made, also by root")
	}
	spool := []string{"-replay", "-", "-spool", "/proc/rivulet", "-events"}
	good := agentRun(t, context.Background(), strings.NewReader(generate(30)), spool...)
	good.good(t, 30)
	require.True(t, good.figures.Degraded)
	require.Contains(t, good.stderr, "the buffer's disk cannot be used: entries are kept in memory: ")

	bad := agentRun(t, context.Background(), strings.NewReader(generate(30)), append(nowhere(t), spool...)...)
	require.Equal(t, 1, bad.code)
	require.True(t, bad.figures.Degraded)
	require.EqualValues(t, 30, bad.figures.Evicted)
	require.EqualValues(t, 30, sumEvents(t, bad.stdout)["evicted"])
	require.Contains(t, bad.stderr, "30 of 30 records were not delivered: 30 not yet sent after 0s of waiting (-drain) and not kept, because /proc/rivulet could not be written to (")
}

// A full spool makes a replay wait, and nothing is dropped.
func TestReplayLargerThanTheSpool(t *testing.T) {
	const n = 8_000
	in := generate(n)
	require.Greater(t, len(in), 4*minSpool)
	agentRun(t, context.Background(), strings.NewReader(in), "-replay", "-", "-spool", t.TempDir(), "-spool-max", "256KiB").good(t, n)
}

func TestParseBytes(t *testing.T) {
	for s, want := range map[string]int64{"262144": 262144, "512KiB": 512 << 10, "64mib": 64 << 20, "2GiB": 2 << 30, "1 TiB": 1 << 40, "0": 0,
		"9223372036854775807": math.MaxInt64} {
		n, err := parseBytes(s)
		require.NoError(t, err, s)
		require.Equal(t, want, n, s)
	}
	for _, s := range []string{"", "MiB", "1.5MiB", "-1", "-1KiB", "64M", "9223372036854775808", "9007199254740992KiB", "1KiBKiB"} {
		_, err := parseBytes(s)
		require.Error(t, err, s)
	}
}

// The smallest spool is the smallest that the buffer takes.
func TestSmallestSpool(t *testing.T) {
	_, err := retry.Open(t.TempDir(), retry.Options{MaxBytes: minSpool - 1})
	require.Error(t, err)
	d, err := retry.Open(t.TempDir(), retry.Options{MaxBytes: minSpool})
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestNotLost(t *testing.T) {
	lost := &producer.LostError{}
	require.NoError(t, notLost(nil))
	require.NoError(t, notLost(lost))
	require.NoError(t, notLost(errors.Join(lost)))
	require.ErrorIs(t, notLost(errors.Join(lost, io.ErrShortWrite)), io.ErrShortWrite)
	require.ErrorIs(t, notLost(io.ErrShortWrite), io.ErrShortWrite)
}

// Deliveries and what is spooled are told by different goroutines.
func TestEventsAreWholeLines(t *testing.T) {
	var out lineWriter
	var tl tally
	tl.init(true, &out)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 500 {
			tl.spooled([]retry.Range{{Device: "d", Boot: 1, First: 1, Last: 2}, {Device: "e", Boot: 1, First: 1, Last: 2}})
		}
	}()
	for range 500 {
		tl.delivery(producer.Delivery{IDs: []producer.IDRange{{Device: "d", Boot: 1, First: 1, Last: 2}}})
	}
	<-done
	require.Equal(t, 1500, out.lines)
	require.Zero(t, out.broken)
}

// lineWriter counts writes that are one line, and others; it is not locked.
type lineWriter struct{ lines, broken int }

func (w *lineWriter) Write(p []byte) (int, error) {
	if w.lines++; bytes.Count(p, []byte("\n")) != 1 || p[len(p)-1] != '\n' {
		w.broken++
	}
	return len(p), nil
}
