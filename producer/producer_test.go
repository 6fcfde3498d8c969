package producer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

var ctx = context.Background()

// nobody is a Kinesis that is never there.
type nobody struct{}

var errNobody = errors.New("nobody there")

func (nobody) PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	return nil, errNobody
}
func (nobody) ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	return nil, errNobody
}
func (nobody) DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	return nil, errNobody
}

func TestNewNamesEveryBadField(t *testing.T) {
	_, err := producer.New(nil, producer.Config{Stream: "a b", MaxMemory: 1, FlushInterval: -1, RequestTimeout: time.Millisecond})
	for _, want := range []string{"client is nil", `Config.Stream = "a b"`, "Config.Device: device_id", "Config.MaxMemory = 1", "Config.FlushInterval", "Config.RequestTimeout"} {
		require.ErrorContains(t, err, want)
	}
}

func TestPutDoesNotAllocate(t *testing.T) {
	p := newProducer(t, nobody{}, producer.Config{FlushInterval: time.Hour, MaxMemory: 1 << 20})
	defer func() { _ = p.Close(cancelled()) }()
	for range 50_000 { // into the steady state of a full buffer
		_, err := p.Put(ctx, env{Temperature: 1})
		require.NoError(t, err)
	}
	v := env{Temperature: 21.5}
	require.Zero(t, testing.AllocsPerRun(5000, func() { _, _ = p.Put(ctx, v) }), "by value")
	require.Zero(t, testing.AllocsPerRun(5000, func() { _, _ = p.Put(ctx, &v) }), "by pointer")
	r := record.Record{ID: record.ID{Device: "other"}, Schema: "x", Readings: []record.Reading{{Name: "a", Value: record.FloatValue(1)}}}
	require.Zero(t, testing.AllocsPerRun(5000, func() { _, _ = p.PutRecord(ctx, &r) }), "dynamic")
}

func BenchmarkPut(b *testing.B) {
	p := newProducer(b, nobody{}, producer.Config{FlushInterval: time.Hour})
	defer func() { _ = p.Close(cancelled()) }()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Put(ctx, env{Temperature: 21.5})
	}
}

func cancelled() context.Context {
	c, cancel := context.WithCancel(context.Background())
	cancel()
	return c
}

func TestRefusedPutsLeaveNothing(t *testing.T) {
	p, err := producer.New(nobody{}, producer.Config{Stream: "s", Device: "pi", FlushInterval: time.Hour})
	require.NoError(t, err)
	_, err = p.Put(ctx, env{})
	require.ErrorContains(t, err, "needs Config.Schema")
	_, err = p.PutRecord(ctx, &record.Record{Readings: []record.Reading{{Name: "a", Value: record.FloatValue(math.NaN())}}})
	require.ErrorContains(t, err, "a = NaN: not a finite number")
	_, err = p.PutRecord(ctx, &record.Record{ID: record.ID{Device: strings.Repeat("d", 129)}})
	require.ErrorContains(t, err, "1 to 128 characters")
	_, err = p.PutBytes(ctx, "", "", nil)
	require.ErrorContains(t, err, "partition")
	_, err = p.PutBytes(ctx, "k", "007", nil)
	require.ErrorContains(t, err, "007")
	_, err = p.PutBytes(ctx, "k", "", make([]byte, 10<<20))
	require.ErrorContains(t, err, "the limit is 10485760")
	st := p.Stats()
	require.EqualValues(t, []uint64{6, 0, 0}, []uint64{st.Refused, st.Put, st.Pending})
	require.NoError(t, p.Close(ctx))
	_, err = p.PutRecord(ctx, &record.Record{})
	require.ErrorIs(t, err, producer.ErrClosed)
	require.Equal(t, producer.Closed, p.Stats().State)
	require.ErrorIs(t, p.Sync(ctx), retry.ErrVolatile)
}

func TestEveryWayInAndEveryCodec(t *testing.T) {
	for _, codec := range compress.Codecs() {
		inBubble(t, 4, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
			p := newProducer(t, b.client(), producer.Config{Codec: codec, FlushInterval: time.Second})
			id, err := p.Put(ctx, &env{Temperature: 1.5})
			require.NoError(t, err)
			require.Equal(t, record.ID{Device: "pi", Boot: id.Boot, Seq: 1}, id)
			_, err = p.PutBytes(ctx, "pi", "", []byte("\x00 opaque, between"))
			require.NoError(t, err)
			_, err = p.PutRecord(ctx, &record.Record{Readings: []record.Reading{{Name: "motion", Value: record.BoolValue(true)}}})
			require.NoError(t, err)
			_, err = p.PutBytes(ctx, "k", "340282366920938463463374607431768211455", []byte("\x00 to the last shard"))
			require.NoError(t, err)
			_, err = p.PutBytes(ctx, "k", "1", nil)
			require.NoError(t, err)
			require.NoError(t, p.Close(ctx))
			users := userRecords(t, b.Server)
			require.Len(t, users, 5)
			require.Empty(t, users[0].Data, "empty data is data too")
			users = users[1:]
			var kinds []string
			for _, u := range users {
				kinds = append(kinds, compress.Sniff(u.Data).String())
				if u.ExplicitHashKey != "" {
					require.Equal(t, "\x00 to the last shard", string(u.Data))
					require.Equal(t, "k", u.PartitionKey)
				}
			}
			n := codec.Name()
			if users[0].PartitionKey == "pi" {
				require.Equal(t, []string{n, "unknown", n, "unknown"}, kinds, "per key in the order they were put")
			}
			recs, err := b.Records("s")
			require.NoError(t, err)
			require.Equal(t, "shardId-000000000003", recs[len(recs)-1].ShardID)
		})
	}
}

func TestFlushIntervalAndFullWindow(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Minute, MaxMemory: 1 << 20})
		put(t, p, 1)
		time.Sleep(30 * time.Second)
		put(t, p, 1)
		time.Sleep(29 * time.Second)
		require.Zero(t, p.Stats().Requests)
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 2, p.Stats().Delivered, "one frame, a minute after the first record")
		require.EqualValues(t, 1, p.Stats().Requests)
		put(t, p, 8000) // more than a window of 64 KiB
		time.Sleep(time.Second)
		require.NotZero(t, p.Stats().Delivered-2, "a full window does not wait")
		require.NoError(t, p.Close(ctx))
		require.Zero(t, inOrder(t, stored(t, b.Server), map[string]uint64{"pi": 8002}))
	})
}

func TestAutoStreamsGetNoAggregates(t *testing.T) {
	inBubble(t, 4, kinesistest.StreamOptions{Auto: true}, func(t *testing.T, b *bubble) {
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second})
		for i := range 200 {
			putAs(t, p, fmt.Sprint("d", i%50), 1)
		}
		require.NoError(t, p.Close(ctx))
		recs, err := b.Records("s")
		require.NoError(t, err)
		require.Len(t, recs, 50, "one frame a key, none aggregated")
		require.Zero(t, b.Calls("ListShards"))
	})
}

func TestNoAggregatesWithoutPermissionToLook(t *testing.T) {
	for name, effect := range map[string]kinesistest.Effect{
		"denied":   kinesistest.FailCall("AccessDeniedException", 0, ""),
		"nonsense": kinesistest.BadReply(),
	} {
		t.Run(name, func(t *testing.T) { withoutLooking(t, effect) })
	}
}

func withoutLooking(t *testing.T, effect kinesistest.Effect) {
	inBubble(t, 4, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		b.Inject(kinesistest.Fault{Operation: "DescribeStreamSummary", Effect: effect})
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second})
		for i := range 200 {
			putAs(t, p, fmt.Sprint("d", i%50), 1)
		}
		require.NoError(t, p.Close(ctx))
		recs, err := b.Records("s")
		require.NoError(t, err)
		require.Len(t, recs, 50)
		require.EqualValues(t, 200, p.Stats().Delivered)
	})
}

// TestReshardInFlight: the stream is split while the producer holds a map of the
// one shard it had. An aggregate that then lands on a child holds keys of the
// other; a consumer that checks ranges drops it whole, so all of it must come
// again.
func TestReshardInFlight(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second})
		want := map[string]uint64{}
		round := func() {
			for i := range 40 {
				d := fmt.Sprint("d", i%20)
				putAs(t, p, d, int64(i))
				want[d]++
			}
			require.NoError(t, p.Flush(ctx))
		}
		round()
		require.EqualValues(t, 1, p.Stats().KinesisRecords)
		_, _, err := b.SplitShard("s", "shardId-000000000000")
		require.NoError(t, err)
		round()
		st := p.Stats()
		require.EqualValues(t, 40, st.DuplicatesSent)
		require.EqualValues(t, 1+1+2, st.KinesisRecords, "one landed wrong, then one for each child")
		round()
		require.EqualValues(t, 1+1+2+2, p.Stats().KinesisRecords)
		require.NoError(t, p.Close(ctx))
		require.Equal(t, 40, inOrder(t, stored(t, b.Server), want))
		require.Equal(t, want, inRange(t, b))
	})
}

// inRange reads the stream as the KCL does, which drops an aggregate when any of
// its user records hashes outside the shard, and counts the distinct records.
func inRange(t *testing.T, b *bubble) map[string]uint64 {
	t.Helper()
	shards, err := b.Shards("s")
	require.NoError(t, err)
	ranges := map[string]partition.Range{}
	for _, s := range shards {
		ranges[s.ID] = s.Range
	}
	recs, err := b.Records("s")
	require.NoError(t, err)
	seen := map[record.ID]bool{}
	got := map[string]uint64{}
	for _, r := range recs {
		users, ok := kclUsers(t, r, ranges[r.ShardID])
		for _, u := range users {
			require.NoError(t, compress.Decode(u.Data, 0, func(r *record.Record) error {
				if ok && !seen[r.ID] {
					seen[r.ID] = true
					got[strings.Clone(r.ID.Device)]++
				}
				return nil
			}, envSchema(t)))
		}
	}
	return got
}

func TestSpreadKeepsOrderPerKey(t *testing.T) {
	inBubble(t, 4, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		spread, err := partition.Spread(8)
		require.NoError(t, err)
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, Key: spread})
		put(t, p, 4000)
		require.NoError(t, p.Close(ctx))
		last := map[string]uint64{}
		for _, u := range userRecords(t, b.Server) {
			require.NoError(t, compress.Decode(u.Data, 0, func(r *record.Record) error {
				require.Greater(t, r.ID.Seq, last[u.PartitionKey])
				last[u.PartitionKey] = r.ID.Seq
				return nil
			}, envSchema(t)))
		}
		require.Len(t, last, 8)
		recs, err := b.Records("s")
		require.NoError(t, err)
		shards := map[string]bool{}
		for _, r := range recs {
			shards[r.ShardID] = true
		}
		require.Len(t, shards, 4)
	})
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	var ds deliveries
	p := newProducer(t, nobody{}, producer.Config{FlushInterval: time.Millisecond, OnDelivery: ds.on})
	put(t, p, 10)
	c, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Flush(c), context.DeadlineExceeded)
	err := p.Close(c)
	var lost *producer.LostError
	require.ErrorAs(t, err, &lost)
	require.EqualValues(t, 10, producer.Delivery{IDs: lost.IDs}.Records())
	require.ErrorContains(t, err, "10 record(s) evicted: pi/")
	require.ErrorContains(t, err, "nobody there")
	require.Equal(t, err, p.Close(ctx), "every call says the same")
	st := p.Stats()
	require.True(t, st.Balanced())
	require.EqualValues(t, []uint64{10, 0, 10}, []uint64{st.Put, st.Pending, st.Evicted})
	require.Equal(t, producer.Closed, st.State)
	require.NotEmpty(t, st.Advice, "what was wrong last")
	require.Len(t, ds.all, 1)
	require.EqualValues(t, 10, ds.all[0].Records())
	require.ErrorIs(t, p.Flush(ctx), nil)
}

func TestCloseDoesNotBlameItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.put = func(ctx context.Context, n int, _ *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n < 3 {
				return nil, &net.OpError{Op: "dial", Err: errNobody}
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		put(t, p, 1)
		c, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		time.Sleep(10 * time.Second)
		require.ErrorContains(t, p.Close(c), "nobody there")
		require.Equal(t, failure.CodeRefused, p.Stats().Code)
	})
}

func TestPutFromOnDelivery(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		var p *producer.Producer
		n := 0
		p = newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, OnDelivery: func(d producer.Delivery) {
			if n++; n < 4 {
				put(t, p, 1)
			}
			_ = p.Stats()
		}})
		put(t, p, 1)
		time.Sleep(time.Minute)
		require.EqualValues(t, 4, p.Stats().Delivered)
		require.NoError(t, p.Close(ctx))
	})
}

func TestARecordTooLargeForTheStreamIsRejectedWithItsSize(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		var ds deliveries
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, Codec: compress.None, OnDelivery: ds.on})
		// 128 KiB of control characters are six times that as JSON: still below 1 MiB.
		_, err := p.PutRecord(ctx, &record.Record{Schema: "x", Readings: []record.Reading{{Name: "s", Value: record.StringValue(strings.Repeat("\x01", 130_000))}}})
		require.NoError(t, err)
		put(t, p, 1)
		require.NoError(t, p.Close(ctx))
		require.EqualValues(t, 2, p.Stats().Delivered)
		_, err = json.Marshal(p.Stats())
		require.NoError(t, err)
	})
}

func TestBlockingBuffer(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		buf, err := retry.NewMemory(retry.Options{MaxBytes: 128 << 10, Overflow: retry.Block})
		require.NoError(t, err)
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, Buffer: buf, MaxMemory: 256 << 10})
		put(t, p, 20_000) // many times what fits
		require.NoError(t, p.Close(ctx))
		st := p.Stats()
		require.EqualValues(t, []uint64{20_000, 0}, []uint64{st.Delivered, st.Evicted})
		inOrder(t, stored(t, b.Server), map[string]uint64{"pi": 20_000})
	})
}

func TestExpiry(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		buf, err := retry.NewMemory(retry.Options{MaxAge: 10 * time.Second})
		require.NoError(t, err)
		var ds deliveries
		p := newProducer(t, b.client(), producer.Config{FlushInterval: 5 * time.Minute, Buffer: buf, OnDelivery: ds.on})
		put(t, p, 10)
		time.Sleep(4 * time.Minute)
		put(t, p, 5)
		time.Sleep(4 * time.Minute) // past the flush interval of records that are gone
		require.EqualValues(t, 15, p.Stats().Expired)
		require.Zero(t, p.Stats().Requests)
		require.NoError(t, p.Flush(ctx))
		put(t, p, 1)
		require.NoError(t, p.Close(ctx))
		require.EqualValues(t, 1, p.Stats().Delivered)
		id := ds.all[0].IDs[0]
		require.NotZero(t, id.Boot)
		require.EqualValues(t, producer.IDRange{Device: "pi", Boot: id.Boot, First: 1, Last: 10}, id)
	})
}
