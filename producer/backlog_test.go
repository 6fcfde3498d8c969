package producer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// relayed is a record of a gateway's, of seven readings like the sample telemetry.
type relayed struct {
	Device      string  `rivulet:",device"`
	Temperature float64 `rivulet:"temperature"`
	Humidity    float64 `rivulet:"humidity"`
	Pressure    float64 `rivulet:"pressure"`
	Load        float64 `rivulet:"load"`
	Memory      float64 `rivulet:"memory"`
	Disk        float64 `rivulet:"disk"`
	Motion      bool    `rivulet:"motion"`
}

const backlogBytes = 256 << 20 // quota

// fillBacklog leaves n records of three devices on disk, of two runs.
func fillBacklog(t testing.TB, dir string, n int) {
	schema, err := record.SchemaOf[relayed]("relayed", 1)
	require.NoError(t, err)
	for range 2 {
		buf, err := retry.Open(dir, retry.Options{MaxBytes: backlogBytes, Overflow: retry.Block})
		require.NoError(t, err)
		f := &fake{put: func(context.Context, int, *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			return nil, errors.New("offline")
		}}
		p := newProducer(t, f, producer.Config{Buffer: buf, Schema: schema, FlushInterval: time.Hour})
		for i := range n / 2 {
			x := float64(i)
			_, err := p.Put(ctx, &relayed{fmt.Sprint("pi-", i%3), 20 + x/1000, 40 + x/3000, 1013.25, x / 7, 512 - x/11, 70, i%50 == 0})
			require.NoError(t, err)
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		require.NoError(t, p.Close(gone), "nothing is lost")
	}
}

// drain is what draining a backlog took.
type drain struct {
	Open, Drain      time.Duration
	Records, Heap    uint64 // Heap: live bytes after opening, more than before
	Recovered, Bytes uint64
	PeakRSS          uint64
}

func drainBacklog(t testing.TB, dir string) (d drain) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	began := time.Now()
	buf, err := retry.Open(dir, retry.Options{MaxBytes: backlogBytes})
	require.NoError(t, err)
	d.Open = time.Since(began)
	d.Heap = heap() - min(before, heap())
	d.Recovered, d.Bytes = buf.Ledger().Recovered, uint64(buf.Ledger().Bytes)
	last := map[string]producer.IDRange{}
	began = time.Now()
	p := newProducer(t, &fake{}, producer.Config{Buffer: buf, OnDelivery: func(x producer.Delivery) {
		require.NoError(t, x.Err)
		for _, r := range x.IDs {
			l := last[r.Device]
			require.True(t, r.Boot != l.Boot && r.First == 1 || r.Boot == l.Boot && r.First == l.Last+1, "%v after %v", r, l)
			last[r.Device] = r
			d.Records += r.Len()
		}
	}})
	require.NoError(t, p.Flush(ctx))
	d.Drain = time.Since(began)
	require.NoError(t, p.Close(ctx))
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); f[0] == "VmHWM:" {
			kb, _ := strconv.ParseUint(f[1], 10, 64)
			d.PeakRSS = kb << 10
		}
	}
	return d
}

// TestBacklogDrainsInOrder also holds opening to a memory that goes with the
// segments and not with the records.
func TestBacklogDrainsInOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	fillBacklog(t, dir, 60_000)
	d := drainBacklog(t, dir)
	require.EqualValues(t, []uint64{60_000, 60_000}, []uint64{d.Records, d.Recovered})
	require.Less(t, d.Heap, uint64(256<<10), "bytes of heap after opening")
	again := drainBacklog(t, dir)
	require.Zero(t, again.Records, "it was delivered")
}

const backlogEnv = "RIVULET_TEST_BACKLOG"

// TestBacklogChild is the process that BenchmarkBacklog measures.
func TestBacklogChild(t *testing.T) {
	dir := os.Getenv(backlogEnv)
	if dir == "" {
		t.Skip("only as a child of BenchmarkBacklog")
	}
	out, err := json.Marshal(drainBacklog(t, dir))
	require.NoError(t, err)
	fmt.Printf("drain: %s\n", out)
}

// BenchmarkBacklog opens and drains a million records in a process of its own.
// Peak memory is that of the whole process, with the producer, its encoder and what go
// test brings, and without TLS.
func BenchmarkBacklog(b *testing.B) {
	const records = 1_000_000
	dir := filepath.Join(b.TempDir(), "spool")
	fillBacklog(b, dir, records)
	for b.Loop() {
		copied := filepath.Join(b.TempDir(), "copy")
		require.NoError(b, os.CopyFS(copied, os.DirFS(dir)))
		cmd := exec.Command(os.Args[0], "-test.run", "^TestBacklogChild$")
		cmd.Env = append(os.Environ(), backlogEnv+"="+copied)
		out, err := cmd.CombinedOutput()
		require.NoError(b, err, "%s", out)
		_, after, _ := strings.Cut(string(out), "drain: ")
		line, _, _ := strings.Cut(after, "\n")
		var d drain
		require.NoError(b, json.Unmarshal([]byte(line), &d), "%s", out)
		require.EqualValues(b, records, d.Records)
		b.ReportMetric(float64(d.Open.Microseconds())/1000, "ms-open")
		b.ReportMetric(d.Drain.Seconds(), "s-drain")
		b.ReportMetric(float64(d.PeakRSS)/(1<<20), "MiB-peak-rss")
		b.ReportMetric(float64(d.Heap)/1024, "KiB-heap-after-open")
		b.ReportMetric(float64(d.Bytes)/records, "disk-B/record")
		b.ReportMetric(0, "ns/op")
	}
}
