package producer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/retry"
)

// watchLedger samples the ledger until the returned func is called.
func watchLedger(t *testing.T, p *producer.Producer) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	samples := 0
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(7 * time.Millisecond):
				st := p.Stats()
				if !st.Balanced() {
					t.Errorf("the ledger does not add up: %+v", st)
					return
				}
				samples++
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
		require.Greater(t, samples, 100)
	}
}

// TestBadStream is the field: a third of all entries throttled, some failing
// inside AWS, answers lost and empty, and shards split and merged meanwhile.
func TestBadStream(t *testing.T) {
	inBubble(t, 4, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		b.Inject(kinesistest.Fault{Effect: kinesistest.FailEntries("ProvisionedThroughputExceededException", 0.30)})
		b.Inject(kinesistest.Fault{Effect: kinesistest.FailEntries("InternalFailure", 0.05)})
		b.Inject(kinesistest.Fault{Rate: 0.02, Effect: kinesistest.LoseReply()})
		b.Inject(kinesistest.Fault{Rate: 0.01, Effect: kinesistest.EmptyReply(true)})
		var ds deliveries
		p := newProducer(t, b.client(), producer.Config{FlushInterval: 200 * time.Millisecond, OnDelivery: ds.on})
		stop := watchLedger(t, p)
		const devices, each = 12, 2500
		rng := rand.New(rand.NewPCG(4, 2))
		want := map[string]uint64{}
		for i := range devices * each {
			d := fmt.Sprintf("device-%02d", rng.IntN(devices))
			putAs(t, p, d, int64(i))
			want[d]++
			if i%20 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			if i == devices*each/3 {
				_, _, err := b.SplitShard("s", "shardId-000000000001")
				require.NoError(t, err)
			}
			if i == devices*each/2 {
				_, err := b.MergeShards("s", "shardId-000000000002", "shardId-000000000003")
				require.NoError(t, err)
			}
		}
		require.NoError(t, p.Flush(context.Background()))
		stop()
		st := p.Stats()
		t.Logf("%+v", st)
		require.EqualValues(t, devices*each, st.Put)
		require.Equal(t, st.Put, st.Delivered)
		require.NotZero(t, st.Throttled)
		require.NotZero(t, st.Unknown)
		duplicates := inOrder(t, stored(t, b.Server), want)
		require.NotZero(t, duplicates)
		require.LessOrEqual(t, uint64(duplicates), st.DuplicatesSent, "each duplicate was announced")
		require.NoError(t, p.Close(context.Background()))

		reported := uint64(0)
		for _, d := range ds.all {
			require.NoError(t, d.Err)
			require.NotEmpty(t, d.SequenceNumber)
			reported += d.Records()
		}
		require.Equal(t, st.Delivered, reported)
	})
}

// air is an API whose link can be down, and that counts what is tried then.
type air struct {
	producer.API
	down         bool
	calls, bytes int
}

func (a *air) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	if !a.down {
		return a.API.PutRecords(ctx, in, opts...)
	}
	a.calls++
	for _, r := range in.Records {
		a.bytes += len(r.Data)
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ENETUNREACH}
}

// TestThirtyDaysOffline puts a record every ten seconds for a month without a
// link: memory keeps to its ceiling, the oldest are evicted and reported by exact
// ranges, the calls are few, and when the link is back the rest drains.
func TestThirtyDaysOffline(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		air := &air{API: b.client()}
		var ds deliveries
		const memory = 1 << 20
		p := newProducer(t, air, producer.Config{FlushInterval: time.Minute, MaxMemory: memory, Codec: compress.None, OnDelivery: ds.on})
		var before, after runtime.MemStats
		const days, total = 30, 30 * 24 * 360
		put(t, p, 1)
		require.NoError(t, p.Flush(context.Background()))
		air.down = true
		for i := range total {
			if i == total/2 {
				runtime.GC()
				runtime.ReadMemStats(&before)
			}
			putAs(t, p, "pi", int64(i))
			time.Sleep(10 * time.Second)
			if i%5000 == 0 {
				st := p.Stats()
				require.True(t, st.Balanced())
				require.LessOrEqual(t, st.Bytes, int64(memory))
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(memory), "memory grew in the second fortnight")
		st := p.Stats()
		require.Equal(t, producer.Offline, st.State)
		require.NotEmpty(t, st.Advice)
		t.Logf("%d calls in %d days, %d evicted, %d pending in %d bytes", air.calls, days, st.Evicted, st.Pending, st.Bytes)
		require.Less(t, air.calls, days*24*60*2+100, "on average not more often than every half minute")
		require.Greater(t, air.calls, days*24*50)
		require.Less(t, air.bytes, air.calls*6000, "a try costs little")

		air.down = false
		require.NoError(t, p.Flush(context.Background()))
		st = p.Stats()
		require.Zero(t, st.Pending)
		require.EqualValues(t, total+1, st.Put)
		require.Equal(t, st.Put, st.Delivered+st.Evicted)
		require.NoError(t, p.Close(context.Background()))

		// Evictions and deliveries together name each id once.
		var all []producer.IDRange
		evicted := uint64(0)
		for _, d := range ds.all {
			all = append(all, d.IDs...)
			if d.Err != nil {
				var lost *producer.LostError
				require.ErrorAs(t, d.Err, &lost)
				require.Equal(t, retry.Evicted, lost.Outcome)
				evicted += d.Records()
			}
		}
		require.Equal(t, st.Evicted, evicted)
		slices.SortFunc(all, func(a, b producer.IDRange) int { return int(int64(a.First) - int64(b.First)) })
		next := uint64(1)
		for _, r := range all {
			require.Equal(t, next, r.First, "%v", r)
			next = r.Last + 1
		}
		require.EqualValues(t, total+2, next)
		recs := stored(t, b.Server)
		require.Len(t, recs, int(st.Delivered))
		require.EqualValues(t, 1, recs[0].ID.Seq)
		for i, r := range recs[1:] {
			require.Equal(t, st.Evicted+uint64(i)+2, r.ID.Seq, "the newest, in order: nothing older was held on to")
		}
	})
}

// poison refuses every call that carries a record under the key "poison", or
// every call at all.
func poison(all *bool) func(int, *http.Request) (*http.Response, error) {
	return func(_ int, r *http.Request) (*http.Response, error) {
		body := readBody(r)
		if *all || contains(body, `"PartitionKey":"poison"`) {
			return refusal(r, "InvalidArgumentException", "no such thing"), nil
		}
		return nil, nil
	}
}

func TestPoisonIsFoundAndTheRestGoesOn(t *testing.T) {
	inBubble(t, 4, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		all := false
		b.link.fail = poison(&all)
		var ds deliveries
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, OnDelivery: ds.on})
		want := map[string]uint64{}
		for i := range 300 {
			d := fmt.Sprint("d", i%40)
			putAs(t, p, d, int64(i))
			want[d]++
			if i == 150 {
				_, err := p.PutBytes(context.Background(), "poison", "", []byte("bad"))
				require.NoError(t, err)
			}
		}
		untilDelivered(t, p, time.Minute)
		st := p.Stats()
		require.EqualValues(t, []uint64{300, 1}, []uint64{st.Delivered, st.Rejected})
		require.Less(t, st.Requests, uint64(25))
		inOrder(t, stored(t, b.Server), want)
		var lost *producer.LostError
		for _, d := range ds.all {
			if d.Err != nil {
				require.ErrorAs(t, d.Err, &lost)
			}
		}
		require.NotNil(t, lost)
		require.Equal(t, retry.Rejected, lost.Outcome)
		require.Len(t, lost.IDs, 1)
		require.Equal(t, "pi", lost.IDs[0].Device)
		require.ErrorContains(t, lost, "no such thing")
		require.NoError(t, p.Close(context.Background()))
	})
}

// TestRefusingEverythingLosesNothing: when the endpoint refuses all, the records
// are not to blame, and none is given up.
func TestRefusingEverythingLosesNothing(t *testing.T) {
	inBubble(t, 4, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		all := true
		b.link.fail = poison(&all)
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second})
		put(t, p, 500)
		for i := range 50 {
			putAs(t, p, fmt.Sprint("d", i%5), int64(i))
		}
		time.Sleep(time.Hour)
		st := p.Stats()
		require.EqualValues(t, 550, st.Pending)
		require.Equal(t, producer.Paused, st.State)
		require.Less(t, st.Requests, uint64(60*60/240*25))
		all = false
		untilDelivered(t, p, time.Hour)
		require.EqualValues(t, 550, p.Stats().Delivered)
		require.NoError(t, p.Close(context.Background()))
	})
}

// TestOrderOfLargeUserRecords: user records that fill aggregates by themselves,
// so that one key's would spread over several entries of a call if they could.
func TestOrderOfLargeUserRecords(t *testing.T) {
	for name, denied := range map[string]bool{"aggregated": false, "not aggregated": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
				if denied {
					b.Inject(kinesistest.Fault{Operation: "DescribeStreamSummary", Effect: kinesistest.FailCall("AccessDeniedException", 0, "")})
				}
				b.Inject(kinesistest.Fault{Effect: kinesistest.FailEntries("InternalFailure", 0.4)})
				p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, MaxMemory: 32 << 20})
				const keys, each = 3, 40
				for i := range keys * each {
					data := make([]byte, 60_000+i%5*30_000)
					data[0], data[1] = byte(i%keys), byte(i/keys)
					_, err := p.PutBytes(context.Background(), fmt.Sprint("k", i%keys), "", data)
					require.NoError(t, err)
				}
				untilDelivered(t, p, time.Hour)
				require.NoError(t, p.Close(context.Background()))
				next := [keys]byte{}
				for _, u := range userRecords(t, b.Server) {
					require.Equal(t, next[u.Data[0]], u.Data[1])
					next[u.Data[0]]++
				}
				require.Equal(t, [keys]byte{each, each, each}, next)
			})
		})
	}
}
