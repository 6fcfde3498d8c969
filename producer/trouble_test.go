package producer_test

import (
	"context"
	"errors"
	"fmt"
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

// failingQuestions is a Kinesis that takes records and answers no question.
type failingQuestions struct {
	*fake
	err error
}

func (f failingQuestions) DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	return nil, f.err
}

// TestQuestionsThatFail: whatever becomes of a question about the stream while records are taken, they go,
// also data that is an aggregate itself, once each.
func TestQuestionsThatFail(t *testing.T) {
	var inner kpl.Builder
	require.NoError(t, inner.Add(kpl.UserRecord{PartitionKey: "inner", Data: []byte("x")}))
	for name, err := range map[string]error{"throttled": api("LimitExceededException"), "lost": errors.New("reset"), "5xx": api("http-5xx")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				p := newProducer(t, failingQuestions{f, err}, producer.Config{FlushInterval: time.Second})
				defer end(p)
				for range 24 {
					_, err := p.PutBytes(ctx, "k", "", inner.AppendTo(nil))
					require.NoError(t, err)
					put(t, p, 1)
					time.Sleep(time.Hour)
				}
				st := p.Stats()
				require.EqualValues(t, []uint64{48, 0}, []uint64{st.Delivered, st.DuplicatesSent})
				require.LessOrEqual(t, f.count(), 48)
			})
		})
	}
}

// TestTroubleIsNotPaidForTwice: a key fails, then its shard throttles, for long. Calls are few.
func TestTroubleIsNotPaidForTwice(t *testing.T) {
	for name, code := range map[string]string{"throttled": "ProvisionedThroughputExceededException", "failing": "InternalFailure"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{shards: func(int) []types.Shard { return quarters() }}
				f.put = func(_ context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
					out := &kinesis.PutRecordsOutput{Records: make([]types.PutRecordsResultEntry, len(in.Records))}
					for i := range in.Records {
						out.Records[i].ErrorCode = aws.String(code)
						if n == 1 {
							out.Records[i].ErrorCode = aws.String("InternalFailure")
						}
					}
					return out, nil
				}
				p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
				defer end(p)
				for i := range 300 {
					putAs(t, p, fmt.Sprint("d", i%100), 1)
				}
				time.Sleep(10 * time.Minute)
				require.Less(t, f.count(), 400)
				require.Equal(t, producer.Backoff, p.Stats().State)
			})
		})
	}
}

// TestNothingIsDoneForNothing: a suspect that has expired, and one that is behind a lane, wake nobody.
func TestNothingIsDoneForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := retry.NewMemory(retry.Options{MaxAge: time.Hour})
		require.NoError(t, err)
		buf := &away{Buffer: m}
		f := &fake{put: func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if bad(in, "POISON") {
				return nil, api("ValidationException")
			}
			return nil, nil
		}}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second, Buffer: buf})
		defer end(p)
		_, err = p.PutBytes(ctx, "k", "", []byte("POISON"))
		require.NoError(t, err)
		time.Sleep(2 * time.Hour)
		require.EqualValues(t, 1, p.Stats().Expired)
		put(t, p, 1)
		time.Sleep(time.Minute)
		asked, calls := buf.asked.Load(), f.count()
		time.Sleep(24 * time.Hour)
		require.Less(t, buf.asked.Load()-asked, int64(10))
		require.Equal(t, calls, f.count())
	})
}

// TestBadOnesNowAndThen: every tenth record is bad; the good ones are no later for it.
func TestBadOnesNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{put: func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if bad(in, "POISON") {
				return nil, api("ValidationException")
			}
			return nil, nil
		}}
		var put, latest atomic.Int64 // Unix nanoseconds, and nanoseconds
		p := newProducer(t, f, producer.Config{FlushInterval: 30 * time.Second, OnDelivery: func(d producer.Delivery) {
			if d.Err == nil {
				latest.Store(max(latest.Load(), time.Now().UnixNano()-put.Load()))
			}
		}})
		defer end(p)
		for i := range 600 {
			data := "good"
			if i%10 == 0 {
				data = "POISON"
			}
			put.Store(time.Now().UnixNano())
			_, err := p.PutBytes(ctx, "k", "", []byte(data))
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}
		st := p.Stats()
		require.EqualValues(t, []uint64{540, 60}, []uint64{st.Delivered, st.Rejected})
		require.LessOrEqual(t, time.Duration(latest.Load()), 35*time.Second)
	})
}

// TestTooLargeForTheStream: an opaque record above the limit that the stream has told is rejected at once,
// with both numbers.
func TestTooLargeForTheStream(t *testing.T) {
	inBubble(t, 1, kinesistest.StreamOptions{}, func(t *testing.T, b *bubble) {
		var ds deliveries
		p := newProducer(t, b.client(), producer.Config{FlushInterval: time.Second, MaxMemory: 64 << 20, OnDelivery: ds.on})
		_, err := p.PutBytes(ctx, "k", "", make([]byte, 2<<20))
		require.NoError(t, err)
		require.NoError(t, p.Close(ctx))
		require.ErrorContains(t, ds.all[0].Err, "2097153 bytes, the stream's limit is 1048576")
	})
}

// TestAStreamMadeAnew: the stream is deleted and made again under its name, with other ranges under the
// same shard ids. After the failure that shows it, no aggregate goes by the old list.
func TestAStreamMadeAnew(t *testing.T) {
	for _, code := range []string{"ResourceNotFoundException", "ResourceInUseException"} {
		synctest.Test(t, func(t *testing.T) {
			var anew atomic.Bool
			f := &fake{shard: fmt.Sprint("s", quarter("pi"))} // the old one's, so that nothing looks moved
			f.shards = func(int) []types.Shard {
				q := quarters()
				if anew.Load() { // the same names, the other way round
					for i := range 2 {
						q[i].ShardId, q[3-i].ShardId = q[3-i].ShardId, q[i].ShardId
					}
				}
				return q
			}
			f.put = func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				if !anew.Load() {
					anew.Store(true)
					return nil, api(code)
				}
				return nil, nil
			}
			p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
			defer end(p)
			put(t, p, 10)
			time.Sleep(time.Hour)
			f.mu.Lock()
			defer f.mu.Unlock()
			require.EqualValues(t, 10, p.Stats().Delivered)
			require.GreaterOrEqual(t, f.looks, 2, "%s: the shards are listed again before anything is sent", code)
		})
	}
}
