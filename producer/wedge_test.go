package producer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
)

// overSlow answers after the time that the call takes at that rate.
func overSlow(ctx context.Context, in *kinesis.PutRecordsInput, bytesPerSecond int) error {
	select {
	case <-time.After(time.Duration(size(in)) * time.Second / time.Duration(bytesPerSecond)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestAnOpenSearchProvesNothingLater: something worked while a search went on;
// then everything is refused, for a day, and nothing is given up.
func TestAnOpenSearchProvesNothingLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.put = func(_ context.Context, n int, _ *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 2 {
				return nil, nil
			}
			return nil, api("InvalidArgumentException")
		}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		for range 24 {
			for i := range 20 {
				putAs(t, p, fmt.Sprint("d", i), 1)
			}
			time.Sleep(time.Hour)
		}
		st := p.Stats()
		require.Zero(t, st.Rejected)
		require.EqualValues(t, 480, st.Put)
		require.Less(t, f.count(), 1500, "a probe is not a whole search each time")
	})
}

// TestALongSearchDoesNotOverflow: one key is held up all through a search, which so
// does not end, and limits double at every call. (Ints have 32 bits on most devices.)
func TestALongSearchDoesNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.put = func(_ context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n == 1 {
				return nil, api("SerializationException")
			}
			out := f.ok(in)
			for i := range out.Records {
				if *in.Records[i].PartitionKey == "held" {
					out.Records[i] = types.PutRecordsResultEntry{ErrorCode: aws.String("InternalFailure")}
				}
			}
			return out, nil
		}
		p := newProducer(t, deaf{f}, producer.Config{FlushInterval: time.Second})
		defer end(p)
		for _, d := range []string{"held", "other", "third"} {
			putAs(t, p, d, 1)
		}
		time.Sleep(2 * time.Second)
		for range 50 {
			for range 10 {
				putAs(t, p, "other", 1)
			}
			time.Sleep(2 * time.Second)
		}
		require.EqualValues(t, 502, p.Stats().Delivered)
	})
}

// TestASuspectOnALinkThatGetsWorse: a record is under suspicion when the link
// becomes too slow, or too bad, for the frames that were made before.
func TestASuspectOnALinkThatGetsWorse(t *testing.T) {
	for name, worse := range map[string]func(context.Context, *kinesis.PutRecordsInput) error{
		"slow": func(ctx context.Context, in *kinesis.PutRecordsInput) error { return overSlow(ctx, in, 200) },
		"resets large calls": func(_ context.Context, in *kinesis.PutRecordsInput) error {
			if size(in) > 5<<10 {
				return errors.New("reset")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				alone := 0
				f.put = func(ctx context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
					if alone == 2 {
						return nil, worse(ctx, in)
					}
					if bad(in, "POISON") {
						if len(in.Records) == 1 && size(in) < 100 {
							alone++
						}
						return nil, api("InvalidArgumentException")
					}
					return nil, nil
				}
				p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
				defer end(p)
				_, err := p.PutBytes(ctx, "pi", "", []byte("POISON"))
				require.NoError(t, err)
				put(t, p, 7000)
				untilDelivered(t, p, 72*time.Hour)
				require.Less(t, f.count(), 200)
			})
		})
	}
}

// TestOneLargeRecordOverASlowLink: it takes longer than a RequestTimeout, cannot be
// split, and must not block the others for ever.
func TestOneLargeRecordOverASlowLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.put = func(ctx context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			return nil, overSlow(ctx, in, 2000)
		}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
		defer end(p)
		_, err := p.PutBytes(ctx, "big", "", make([]byte, 100<<10))
		require.NoError(t, err)
		put(t, p, 20)
		untilDelivered(t, p, time.Hour)
		require.EqualValues(t, 21, p.Stats().Delivered)
		require.Less(t, f.count(), 12)
	})
}

// TestCloseTriesWhatIsHeldBack: entries that wait for another try get one.
func TestCloseTriesWhatIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		start := time.Now()
		f.put = func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if time.Since(start) > 10*time.Minute {
				return nil, nil
			}
			out := f.ok(in)
			for i := range out.Records {
				out.Records[i] = types.PutRecordsResultEntry{ErrorCode: aws.String("InternalFailure")}
			}
			return out, nil
		}
		for range 20 {
			start = time.Now()
			p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
			put(t, p, 1)
			time.Sleep(10*time.Minute + time.Second)
			c, cancel := context.WithTimeout(ctx, 2*time.Second)
			require.NoError(t, p.Close(c))
			cancel()
		}
	})
}

// TestAskingAgainDelaysNothing: one key is held up, and the stream cannot be
// described, which is asked again each minute. Records of another key go on as
// they come.
func TestAskingAgainDelaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.put = func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			out := f.ok(in)
			for i := range out.Records {
				if *in.Records[i].PartitionKey == "held" {
					out.Records[i] = types.PutRecordsResultEntry{ErrorCode: aws.String("InternalFailure")}
				}
			}
			return out, nil
		}
		p := newProducer(t, deaf{f}, producer.Config{FlushInterval: time.Second})
		defer end(p)
		putAs(t, p, "held", 1)
		for range 900 {
			putAs(t, p, "other", 1)
			time.Sleep(2 * time.Second)
			require.EqualValues(t, 1, p.Stats().Pending)
		}
	})
}
