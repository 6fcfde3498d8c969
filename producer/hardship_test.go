package producer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// TestTwoPoisonsSideBySide: two bad records at the head; all that is good goes on.
func TestTwoPoisonsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{put: func(_ context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if bad(in, "POISON") {
				return nil, api("InvalidArgumentException")
			}
			return nil, nil
		}}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		for i := range 20 {
			data := fmt.Sprintf("good %d", i)
			if i < 2 {
				data = "POISON"
			}
			_, err := p.PutBytes(ctx, fmt.Sprintf("k%d", i), "", []byte(data))
			require.NoError(t, err)
		}
		time.Sleep(24 * time.Hour)
		st := p.Stats()
		require.EqualValues(t, []uint64{18, 2, 0}, []uint64{st.Delivered, st.Rejected, st.Pending})
		require.Less(t, f.count(), 30)
	})
}

// TestLargePoison: a record that a proxy refuses for its size, larger than what is sent at a time.
func TestLargePoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{put: func(_ context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if size(in) > 512<<10 { // a proxy's limit
				return nil, api("http-413")
			}
			return nil, nil
		}}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		_, err := p.PutBytes(ctx, "big", "", make([]byte, 600<<10))
		require.NoError(t, err)
		put(t, p, 20)
		time.Sleep(24 * time.Hour)
		put(t, p, 1) // something to compare it with
		time.Sleep(time.Hour)
		st := p.Stats()
		require.EqualValues(t, []uint64{21, 1, 0}, []uint64{st.Delivered, st.Rejected, st.Pending})
	})
}

// TestASearchEnds: a few refusals that pass; calls are as large as before when it is over.
func TestASearchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{put: func(_ context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n <= 4 {
				return nil, api("SerializationException")
			}
			return nil, nil
		}}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		for i := range 16 {
			for range 8 {
				putAs(t, p, fmt.Sprintf("d%d", i), 1)
			}
		}
		time.Sleep(time.Minute)
		require.Zero(t, p.Stats().Rejected)
		before := f.count()
		for range 24 { // a day later
			time.Sleep(time.Hour)
			for i := range 16 {
				for range 8 {
					putAs(t, p, fmt.Sprintf("d%d", i), 1)
				}
			}
		}
		time.Sleep(time.Minute)
		require.LessOrEqual(t, f.count()-before, 24)
	})
}

// TestASearchProvesNothingForTheNext: a search is over; then everything is refused, and nothing is given up.
func TestASearchProvesNothingForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		var all atomic.Bool
		f.put = func(ctx context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n <= 1 || all.Load() {
				return nil, api("InvalidArgumentException")
			}
			return nil, nil
		}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		for i := range 2 {
			putAs(t, p, fmt.Sprint("d", i), 1)
		}
		time.Sleep(time.Hour)
		all.Store(true) // e.g. the stream was replaced
		for i := range 20 {
			putAs(t, p, fmt.Sprint("d", i), 1)
		}
		time.Sleep(time.Hour)
		st := p.Stats()
		require.Zero(t, st.Rejected)
		require.EqualValues(t, 20, st.Pending)
		require.Equal(t, producer.Paused, st.State)
	})
}

// TestOneRefusalIsNoProof: a lone record is refused once, and calls without it store nothing either.
func TestOneRefusalIsNoProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.put = func(ctx context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n <= 2 {
				return nil, api("SerializationException")
			}
			out := f.ok(in)
			for i := range out.Records { // 200, but nothing was stored
				out.Records[i] = types.PutRecordsResultEntry{ErrorCode: aws.String("InternalFailure")}
			}
			if n > 10 {
				return nil, nil
			}
			return out, nil
		}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		for i := range 2 {
			putAs(t, p, fmt.Sprint("d", i), 1)
		}
		time.Sleep(time.Hour)
		st := p.Stats()
		require.EqualValues(t, []uint64{2, 0}, []uint64{st.Delivered, st.Rejected})
	})
}

// TestLandingThatNeverMatches: an endpoint whose results name shards that its list has not.
func TestLandingThatNeverMatches(t *testing.T) {
	f := &fake{shard: "other"}
	synctest.Test(t, func(t *testing.T) {
		p := newProducer(t, f, producer.Config{FlushInterval: time.Millisecond})
		defer end(p)
		for i := range 4 {
			putAs(t, p, fmt.Sprint("d", i), 1)
		}
		time.Sleep(time.Minute)
		st := p.Stats()
		f.mu.Lock()
		defer f.mu.Unlock()
		require.EqualValues(t, 4, st.Delivered)
		require.Less(t, f.looks, 5)
		require.Less(t, f.calls, 20)
	})
}

// TestUnknownOutcomeOfInterleavedDevices: each record is a run of its own in the buffer; what is noted of them must not cost their square.
func TestUnknownOutcomeOfInterleavedDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 20_000
		f := &fake{}
		f.put = func(_ context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n <= 2 {
				return nil, errors.New("reset")
			}
			return nil, nil
		}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Hour, MaxMemory: 64 << 20})
		for i := range n {
			_, err := p.PutRecord(ctx, &record.Record{ID: record.ID{Device: fmt.Sprint("d", i%3)}, Readings: []record.Reading{{Name: "motion", Value: record.BoolValue(true)}}})
			require.NoError(t, err)
		}
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		_ = p.Flush(ctx)
		runtime.ReadMemStats(&m1)
		require.Less(t, m1.TotalAlloc-m0.TotalAlloc, uint64(100<<20))
		require.NotZero(t, p.Stats().DuplicatesSent)
		end(p)
	})
}

// TestSlowLink: a backlog over 400 B/s: calls shrink to what the link takes within the timeout.
func TestSlowLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 400 // bytes a second: a link that is hardly one
		f := &fake{}
		f.put = func(ctx context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			select {
			case <-time.After(time.Duration(size(in)) * time.Second / rate):
				return nil, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		p := newProducer(t, f, producer.Config{FlushInterval: 30 * time.Second})
		defer end(p)
		for i := range 100_000 {
			_, err := p.Put(ctx, env{Temperature: float64((i*7919)%8000) / 100, Motion: i%3 == 0})
			require.NoError(t, err)
		}
		time.Sleep(6 * time.Hour)
		st := p.Stats()
		require.Zero(t, st.Pending)
		require.Less(t, uint64(f.sent()), st.PayloadBytes*4/3+250<<10, "little is sent in vain after the first call, of ten payload units")
	})
}

// TestFlushTriesAtOnce: the fault is mended and Flush pressed again, without a new record.
func TestFlushTriesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		f := &fake{}
		f.put = func(ctx context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if down.Load() {
				return nil, api("ResourceNotFoundException")
			}
			return nil, nil
		}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		put(t, p, 1)
		c, cancel := context.WithTimeout(ctx, 10*time.Second)
		require.Error(t, p.Flush(c))
		cancel()
		down.Store(false)
		at := time.Now()
		require.NoError(t, p.Flush(ctx))
		require.Less(t, time.Since(at), 10*time.Second)
	})
}

// TestALinkThatFailsInManyWays: waits go on growing when the error changes.
func TestALinkThatFailsInManyWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count := func(errs ...error) int {
			f := &fake{}
			f.put = func(ctx context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				return nil, errs[n%len(errs)]
			}
			p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
			defer end(p)
			put(t, p, 1)
			time.Sleep(time.Hour)
			return f.count()
		}
		refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
		dns := &net.DNSError{}
		one, two, three := count(refused), count(refused, dns), count(refused, errors.New("reset"))
		require.Less(t, two, 2*one)
		require.Less(t, three, 2*one)
	})
}

// TestLookDuringReshard: a list of shards with a gap; aggregation begins when it is whole.
func TestLookDuringReshard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.shards = func(n int) []types.Shard {
			if n == 1 { // a gap
				s := whole()
				s[0].HashKeyRange.EndingHashKey = aws.String("5")
				return s
			}
			return whole()
		}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		for range 100 {
			for i := range 10 {
				putAs(t, p, fmt.Sprint("d", i), 1)
			}
			time.Sleep(time.Hour)
		}
		st := p.Stats()
		require.Less(t, st.KinesisRecords, st.UserRecords/2)
	})
}

// TestABufferSmallerThanTheWindow: nothing is lost on a good link.
func TestABufferSmallerThanTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, o := range []retry.Overflow{retry.DropOldest, retry.Reject} {
			m, err := retry.NewMemory(retry.Options{MaxBytes: 64 << 10, Overflow: o})
			require.NoError(t, err)
			f := &fake{}
			p := newProducer(t, f, producer.Config{Buffer: m})
			refused := 0
			for range 10_000 { // 1,000 a second for 10 s: nothing for this link
				if _, err := p.Put(ctx, env{Temperature: 1}); err != nil {
					refused++
				}
				time.Sleep(time.Millisecond)
			}
			st := p.Stats()
			require.Zero(t, refused)
			require.Zero(t, st.Evicted)
			require.NotZero(t, f.count())
			end(p)
		}
	})
}

// TestASecondCloseGivesUpAtOnce: its context counts, whatever patience the first one has.
func TestASecondCloseGivesUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProducer(t, nobody{}, producer.Config{})
		put(t, p, 1)
		done := make(chan bool)
		go func() { c, cancel := context.WithTimeout(ctx, time.Hour); defer cancel(); _ = p.Close(c); close(done) }()
		time.Sleep(time.Second)
		at := time.Now()
		_ = p.Close(cancelled())
		<-done
		require.Less(t, time.Since(at), time.Minute)
	})
}

type deaf struct{ *fake }

func (d deaf) DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	return nil, api("LimitExceededException")
}

// TestDescribeThrottled: the account's rate of descriptions is used up, by a fleet that restarts; records go, one by one.
func TestDescribeThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p := newProducer(t, deaf{f}, producer.Config{FlushInterval: time.Second})
		defer end(p)
		put(t, p, 10)
		time.Sleep(time.Minute)
		require.EqualValues(t, 10, p.Stats().Delivered)
	})
}

// TestDefinitionsThatCannotBeRead: a device starts whatever is in its buffer.
func TestDefinitionsThatCannotBeRead(t *testing.T) {
	for _, doc := range []string{
		`{"name":"env","version":2,"fields":[{"name":"t","kind":"float","scale":2}]}`,   // by a later version
		`{"name":"env","version":2,"fields":[{"name":"t","kind":"float","unit":"°C"}]}`, // by an earlier one with laxer rules
		`garbage`} {
		m, _ := retry.NewMemory(retry.Options{})
		require.NoError(t, m.Define(7, []byte(doc)))
		p, err := producer.New(nobody{}, producer.Config{Stream: "s", Device: "d", Schema: envSchema(t), Buffer: m})
		require.NoError(t, err)
		end(p)
	}
}
