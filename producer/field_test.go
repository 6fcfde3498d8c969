package producer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/retry"
)

// TestSuspectsHoldNothing: large records, all refused; the newest are taken all the same.
func TestSuspectsHoldNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{put: func(context.Context, int, *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			return nil, api("ValidationException")
		}}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second, MaxMemory: 8 << 20})
		defer end(p)
		for i := range 600 {
			_, err := p.PutBytes(ctx, fmt.Sprint("k", i%5), "", make([]byte, 900<<10))
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		st := p.Stats()
		require.Zero(t, st.Rejected)
		require.NotZero(t, st.Evicted)
		require.Equal(t, producer.Paused, st.State)
	})
}

// TestBackoffIsSeenAtOnce: the first call that is refused whole changes the state.
func TestBackoffIsSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{put: func(_ context.Context, n int, _ *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 1 {
				return nil, api("ValidationException")
			}
			time.Sleep(10 * time.Second)
			return nil, nil
		}}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		put(t, p, 10)
		time.Sleep(2 * time.Second)
		require.Equal(t, producer.Backoff, p.Stats().State)
		require.Equal(t, "ValidationException", p.Stats().Code)
	})
}

// TestAProxysLimitIsLearnt: a proxy takes calls of up to 64 KiB. What is refused is little beside
// what is delivered, records that are too large for it are found, and larger calls come back
// when the proxy is gone.
func TestAProxysLimitIsLearnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		refused := 0
		f := &fake{put: func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n := size(in); n > 64<<10 && !gone.Load() {
				refused += n
				return nil, api("http-413")
			}
			return nil, nil
		}}
		buf, err := retry.NewMemory(retry.Options{MaxBytes: 64 << 20})
		require.NoError(t, err)
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second, Buffer: buf})
		defer end(p)
		for i := range 9 { // each too large for it, one after the other
			_, err := p.PutBytes(ctx, "large", "", make([]byte, 100<<10+i))
			require.NoError(t, err)
		}
		const each, n = 10 << 10, 4_000
		for i := range n {
			_, err := p.PutBytes(ctx, fmt.Sprint("k", i%7), "", make([]byte, each))
			require.NoError(t, err)
			if i%100 == 99 {
				time.Sleep(time.Minute)
			}
		}
		time.Sleep(2 * time.Hour)
		st := p.Stats()
		require.EqualValues(t, []uint64{n, 9, 0}, []uint64{st.Delivered, st.Rejected, st.Pending})
		t.Logf("%d KiB delivered, %d KiB refused", n*each>>10, refused>>10)
		require.Less(t, refused, n*each/5)

		gone.Store(true)
		for range 200 {
			for range 50 {
				_, err := p.PutBytes(ctx, "k", "", make([]byte, each))
				require.NoError(t, err)
			}
			time.Sleep(time.Minute)
		}
		calls := f.count()
		for range 50 {
			_, err := p.PutBytes(ctx, "k", "", make([]byte, each))
			require.NoError(t, err)
		}
		time.Sleep(time.Minute)
		require.LessOrEqual(t, f.count()-calls, 4, "500 KiB")
	})
}

// TestOpaqueRecordsOfOneKey: 10 records a second of one key, 300 ms a call, on a stream that
// takes no aggregates since it spreads its records: no backlog grows, whether it may be described
// or not.
func TestOpaqueRecordsOfOneKey(t *testing.T) {
	for _, described := range []bool{true, false} {
		t.Run(fmt.Sprint("described ", described), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				f := &fake{put: func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
					time.Sleep(300 * time.Millisecond)
					out := &kinesis.PutRecordsOutput{}
					for range in.Records {
						n = n*1103515245 + 12345
						out.Records = append(out.Records, types.PutRecordsResultEntry{SequenceNumber: aws.String("1"), ShardId: aws.String(fmt.Sprint("s", n>>16&3))})
					}
					return out, nil
				}}
				p := newProducer(t, spread{f, described}, producer.Config{FlushInterval: time.Second})
				defer end(p)
				for range 60 * 30 {
					for range 10 {
						_, err := p.PutBytes(ctx, "key", "", []byte("data"))
						require.NoError(t, err)
					}
					time.Sleep(time.Second)
				}
				st := p.Stats()
				require.Less(t, st.Pending, uint64(30), "%+v", st)
				require.Zero(t, st.Evicted)
			})
		})
	}
}

// spread is a stream of distribution AUTO.
type spread struct {
	*fake
	described bool
}

func (s spread) DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	if !s.described {
		return nil, api("AccessDeniedException")
	}
	return &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: &types.StreamDescriptionSummary{RecordDistributionStrategy: types.RecordDistributionStrategyAuto}}, nil
}

// TestManyReshards: the stream is split and merged every few seconds; what is sent stays
// aggregated between.
func TestManyReshards(t *testing.T) {
	inBubble(t, 2, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		p := newProducer(t, b.client(), producer.Config{FlushInterval: 100 * time.Millisecond})
		split := true
		parent, children := "shardId-000000000000", [2]string{}
		for i := range 600 { // a minute
			for d := range 20 {
				putAs(t, p, fmt.Sprint("d", d), int64(i))
			}
			if i%24 == 23 {
				var err error
				if split {
					children[0], children[1], err = b.SplitShard("s", parent)
				} else {
					parent, err = b.MergeShards("s", children[0], children[1])
				}
				require.NoError(t, err)
				split = !split
			}
			time.Sleep(100 * time.Millisecond)
		}
		require.NoError(t, p.Close(ctx))
		st := p.Stats()
		require.EqualValues(t, 12_000, st.Delivered)
		t.Logf("%d user records in %d Kinesis records", st.UserRecords, st.KinesisRecords)
		require.Less(t, st.KinesisRecords, uint64(3000))
	})
}

// TestDuplicatesAreCountedOnce: an answer is lost once, then the link fails for long before
// anything is sent. Only records that may be in the stream twice are counted.
func TestDuplicatesAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{put: func(_ context.Context, n int, _ *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			switch {
			case n == 1:
				return nil, errors.New("reset")
			case n < 60:
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
			return nil, nil
		}}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		put(t, p, 10)
		time.Sleep(2 * time.Second)
		put(t, p, 2_000)
		time.Sleep(3 * time.Hour)
		st := p.Stats()
		require.EqualValues(t, 2010, st.Delivered)
		require.EqualValues(t, 10, st.DuplicatesSent)
	})
}

// TestDataThatIsAnAggregate passes through as it is, alone and with others, and is refused with
// the reason by a stream that takes no aggregates.
func TestDataThatIsAnAggregate(t *testing.T) {
	var inner kpl.Builder
	for i := range 3 {
		require.NoError(t, inner.Add(kpl.UserRecord{PartitionKey: fmt.Sprint("inner", i), Data: []byte("x")}))
	}
	data := inner.AppendTo(nil)
	require.True(t, kpl.Looks(data))
	for _, others := range []int{0, 5} {
		inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
			p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second})
			_, err := p.PutBytes(ctx, "k", "", data)
			require.NoError(t, err)
			for range others {
				_, err := p.PutBytes(ctx, "k", "", []byte("plain"))
				require.NoError(t, err)
			}
			require.NoError(t, p.Close(ctx))
			recs, err := b.Records("s")
			require.NoError(t, err)
			require.Len(t, recs, 1)
			users, err := kpl.Parse(recs[0].Data, kpl.Limits{})
			require.NoError(t, err)
			require.Len(t, users, 1+others)
			require.Equal(t, data, users[0].Data)
		})
	}
	inBubble(t, 1, kinesistest.StreamOptions{Auto: true}, func(t *testing.T, b *bubble) {
		var ds deliveries
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, OnDelivery: ds.on})
		_, err := p.PutBytes(ctx, "k", "", data)
		require.NoError(t, err)
		require.NoError(t, p.Close(ctx))
		require.Len(t, ds.all, 1)
		require.ErrorContains(t, ds.all[0].Err, "AUTO")
		require.EqualValues(t, 1, p.Stats().Rejected)
	})
}

// TestOnDeliveryThatPanics loses nothing, and ends no process.
func TestOnDeliveryThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		p := newProducer(t, &fake{}, producer.Config{FlushInterval: time.Second, Logger: log.logger(), OnDelivery: func(producer.Delivery) { panic("oops") }})
		put(t, p, 10)
		time.Sleep(time.Minute)
		put(t, p, 10)
		require.NoError(t, p.Close(ctx))
		require.EqualValues(t, 20, p.Stats().Delivered)
		require.NotNil(t, log.find("panic", "oops"))
	})
}

// TestCloseKeepsItsTime: an OnDelivery does not return; Close does.
func TestCloseKeepsItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := make(chan bool)
		p := newProducer(t, &fake{}, producer.Config{FlushInterval: time.Millisecond, OnDelivery: func(producer.Delivery) { <-held }})
		put(t, p, 10)
		time.Sleep(time.Second)
		at := time.Now()
		c, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		err := p.Close(c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "OnDelivery")
		require.Less(t, time.Since(at), 2*time.Second)
		close(held)
		require.NoError(t, p.Close(ctx), "the buffer is closed when it has returned")
	})
}

// TestOneHotKeyForTwoMinutes: a hundred records of 1 KB a second; one key of a hundred is throttled for
// two minutes. Nothing is evicted.
func TestOneHotKeyForTwoMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		hot := devicesOf(true, 1)[0]
		f := throttling(func() bool { d := time.Since(start); return d > time.Minute && d < 3*time.Minute })
		p := newProducer(t, f, producer.Config{})
		defer end(p)
		others := devicesOf(false, 99)
		for i := range 60_000 {
			key := hot
			if i%100 > 0 {
				key = others[i%100-1]
			}
			_, err := p.PutBytes(ctx, key, "", make([]byte, 1000))
			require.NoError(t, err)
			time.Sleep(10 * time.Millisecond)
		}
		require.NoError(t, p.Flush(ctx))
		st := p.Stats()
		require.EqualValues(t, []uint64{60_000, 0}, []uint64{st.Delivered, st.Evicted})
	})
}
