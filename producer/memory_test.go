package producer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/producer"
)

// TestMemoryCeiling measures what is in memory while a call is made, with the
// buffer and the window full. The SDK's own copy of the body is not in it.
func TestMemoryCeiling(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for _, c := range []struct {
		name  string
		codec compress.Codec
		put   func(p *producer.Producer, i int) error
	}{
		{"typed, none", compress.None, func(p *producer.Producer, i int) error {
			_, err := p.Put(ctx, env{Temperature: float64(i%8000) / 100})
			return err
		}},
		{"typed, columnar", compress.Columnar, func(p *producer.Producer, i int) error {
			_, err := p.Put(ctx, env{Temperature: float64(i%8000) / 100})
			return err
		}},
		{"10-byte opaque records, 1000 keys", compress.Zstd, func(p *producer.Producer, i int) error {
			_, err := p.PutBytes(ctx, fmt.Sprint("m", i%1000), "", []byte("0123456789"))
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := heap()
			var most int64
			f := &fake{}
			first := make(chan bool, 1)
			f.put = func(_ context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
				most = max(most, heap()-before)
				if n == 3 {
					first <- true
				}
				return nil, errors.New("reset")
			}
			p := newProducer(t, f, producer.Config{FlushInterval: time.Hour, MaxMemory: 8 << 20, Codec: c.codec})
			for i := range 400_000 {
				if err := c.put(p, i); err != nil {
					t.Fatal(err)
				}
			}
			<-first
			end(p)
			t.Logf("live heap in a call: %.1f MiB", float64(most)/(1<<20))
			require.Less(t, most, int64(12<<20), "MaxMemory and 4 MiB")
		})
	}
}
