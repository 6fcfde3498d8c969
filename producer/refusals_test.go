package producer_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/retry"
)

// TestAPassingRefusalRejectsNothing: the endpoint refuses every call for a while, then is
// well. No record is to blame.
func TestAPassingRefusalRejectsNothing(t *testing.T) {
	for _, code := range []string{"ValidationException", "InvalidArgumentException", "SerializationException", "http-413"} {
		for _, calls := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 17, 31, 32, 33, 63, 64} {
			for _, records := range []int{1, 2, 5, 8, 60, 500} {
				synctest.Test(t, func(t *testing.T) {
					f := &fake{put: func(_ context.Context, n int, _ *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
						if n <= calls {
							return nil, api(code)
						}
						return nil, nil
					}}
					p := newProducer(t, f, producer.Config{FlushInterval: time.Second})
					defer end(p)
					for i := range records {
						putAs(t, p, fmt.Sprint("d", i%7), int64(i))
					}
					time.Sleep(12 * time.Hour)
					st := p.Stats()
					require.EqualValues(t, []uint64{uint64(records), 0, 0}, []uint64{st.Delivered, st.Rejected, st.Pending}, "%s for %d calls, %d records", code, calls, records)
				})
			}
		}
	}
}

// TestBadRecordsAnywhere: bad records in a row, of one key or of many, at the head, in the
// middle or at the end: exactly these are rejected, and the others arrive within ten minutes.
func TestBadRecordsAnywhere(t *testing.T) {
	const good = 300
	for _, bads := range []int{1, 2, 7, 8, 9, 10, 16, 33, 64} {
		for _, keys := range []int{1, 9} {
			for _, at := range []int{0, good / 2, good} {
				for _, size := range []int{10, 20_000} {
					t.Run(fmt.Sprintf("%d of %d keys at %d, %d bytes", bads, keys, at, size), func(t *testing.T) {
						badInARow(t, bads, keys, at, good, size)
					})
				}
			}
		}
	}
}

func badInARow(t *testing.T, bads, keys, at, good, size int) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{put: func(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if bad(in, "POISON") {
				return nil, api("InvalidArgumentException")
			}
			return nil, nil
		}}
		buf, err := retry.NewMemory(retry.Options{MaxBytes: 64 << 20})
		require.NoError(t, err)
		rejected := map[uint64]bool{}
		p := newProducer(t, f, producer.Config{FlushInterval: time.Second, Buffer: buf, OnDelivery: func(d producer.Delivery) {
			for _, r := range d.IDs {
				for seq := r.First; d.Err != nil && seq <= r.Last; seq++ {
					rejected[seq] = true
				}
			}
		}})
		defer end(p)
		put := func(what string, i int) uint64 {
			data := make([]byte, size)
			copy(data, what)
			id, err := p.PutBytes(ctx, fmt.Sprint("k", i%keys), "", data)
			require.NoError(t, err)
			return id.Seq
		}
		want := map[uint64]bool{}
		for i := range good + 1 {
			for j := 0; i == at && j < bads; j++ {
				want[put("POISON", i+j)] = true
			}
			if i < good {
				put("good", i)
			}
		}
		time.Sleep(10 * time.Minute)
		st := p.Stats()
		require.EqualValues(t, good, st.Delivered, "%+v", st)
		if at == good { // nothing is behind them
			require.EqualValues(t, bads, st.Rejected+st.Pending)
			for i := range 3 { // until something is
				put("good", i)
				time.Sleep(5 * time.Minute)
			}
			st = p.Stats()
		}
		require.Equal(t, want, rejected)
		require.Zero(t, st.Pending)
	})
}
