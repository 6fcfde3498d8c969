package producer_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// quarters are four shards of the same size, s0 to s3.
func quarters() (out []types.Shard) {
	for i, r := range partition.Even(4) {
		out = append(out, types.Shard{ShardId: aws.String(fmt.Sprint("s", i)),
			HashKeyRange: &types.HashKeyRange{StartingHashKey: aws.String(r.Start.String()), EndingHashKey: aws.String(r.End.String())}})
	}
	return out
}

func quarter(key string) int { return int(partition.HashKey(key).Hi >> 62) }

// throttling returns a Kinesis of four shards, the first of which throttles while hot says so.
func throttling(hot func() bool) *fake {
	f := &fake{shards: func(int) []types.Shard { return quarters() }}
	f.put = func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
		out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
		for i, e := range in.Records {
			if q := quarter(*e.PartitionKey); q == 0 && hot() {
				out.Records[i].ErrorCode = aws.String("ProvisionedThroughputExceededException")
			} else {
				out.Records[i] = types.PutRecordsResultEntry{SequenceNumber: aws.String("1"), ShardId: aws.String(fmt.Sprint("s", q))}
			}
		}
		return out, nil
	}
	return f
}

// devicesOf returns n device ids of the first shard, or of the others.
func devicesOf(first bool, n int) (out []string) {
	for i := 0; len(out) < n; i++ {
		if d := fmt.Sprint("dev-", i); (quarter(d) == 0) == first {
			out = append(out, d)
		}
	}
	return out
}

// TestOneHotShard: of four shards one throttles for good, for a day. No record of the
// other shards is lost or refused, and they are hardly later than without it.
func TestOneHotShard(t *testing.T) {
	const interval = 10 * time.Second
	hours := 2
	if os.Getenv("TORTURE") != "" {
		hours = 24
	}
	for _, percent := range []int{1, 30} {
		for _, disk := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d percent, disk %v", percent, disk), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					var buf retry.Buffer
					var err error
					if disk {
						buf, err = retry.Open(dir, retry.Options{MaxBytes: 1 << 20, Sync: retry.SyncNever})
					} else {
						buf, err = retry.NewMemory(retry.Options{MaxBytes: 512 << 10})
					}
					require.NoError(t, err)
					h := &hotShard{t: t, put: map[string]time.Time{}}
					p := newProducer(t, throttling(func() bool { return true }), producer.Config{Buffer: buf, FlushInterval: interval, OnDelivery: h.on})
					h.run(p, percent, time.Duration(hours)*time.Hour)
					end(p)
					slices.Sort(h.delays)
					t.Logf("%d others, p99 after %v, the last after %v; %d hot ones evicted", len(h.delays), h.delays[len(h.delays)*99/100], h.delays[len(h.delays)-1], h.evicted)
					require.LessOrEqual(t, h.delays[len(h.delays)*99/100], 2*interval)
					require.NotZero(t, h.evicted, "the test has to fill the buffer")
				})
			})
		}
	}
}

// hotShard puts records, and notes what becomes of those of other shards.
type hotShard struct {
	t       *testing.T
	mu      sync.Mutex
	put     map[string]time.Time // of records of other shards, by id
	delays  []time.Duration
	evicted uint64 // of the hot shard
	ended   bool
}

func (h *hotShard) on(d producer.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range d.IDs {
		if quarter(r.Device) == 0 {
			h.evicted += r.Len()
			continue
		}
		if d.Err != nil && !h.ended {
			h.t.Errorf("a record of another shard was lost: %v", d.Err)
		}
		for seq := r.First; seq <= r.Last; seq++ {
			id := record.ID{Device: r.Device, Boot: r.Boot, Seq: seq}.String()
			h.delays = append(h.delays, time.Since(h.put[id]))
			delete(h.put, id)
		}
	}
}

func (h *hotShard) run(p *producer.Producer, percent int, d time.Duration) {
	hot, others := devicesOf(true, 3), devicesOf(false, 20)
	end := time.Now().Add(d)
	for i := 0; time.Now().Before(end); i++ {
		device := others[i%len(others)]
		if i%100 < percent {
			device = hot[i%len(hot)]
		}
		h.mu.Lock() // OnDelivery waits
		id, err := p.PutRecord(ctx, &record.Record{ID: record.ID{Device: device}, Schema: "free",
			Readings: []record.Reading{{Name: "v", Value: record.IntValue(int64(i))}}})
		require.NoError(h.t, err)
		if quarter(device) != 0 {
			h.put[id.String()] = time.Now()
		}
		h.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
	}
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
}
