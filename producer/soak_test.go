package producer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
)

// TestSoak lets weeks pass: bursts of records, gaps, a link that fails now and then.
// What is in memory in the gaps must not grow by a few bytes a record, and must be
// little: what a burst needs is given back.
func TestSoak(t *testing.T) {
	bursts := 240 // of an hour each
	if os.Getenv("TORTURE") != "" {
		bursts = 24 * 365
	}
	schema, err := record.SchemaOf[relayed]("relayed", 1)
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		const each, devices = 1000, 3
		f := &fake{put: func(_ context.Context, n int, _ *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
			if n%11 == 0 {
				return nil, errors.New("reset")
			}
			return nil, nil
		}}
		before := heapInUse()
		p := newProducer(t, f, producer.Config{Schema: schema})
		defer end(p)
		var names [devices]string
		for i := range names {
			names[i] = fmt.Sprint("pi-", i)
		}
		samples := make([]float64, 0, bursts)
		for b := range bursts {
			for i := range each {
				x := float64(b + i)
				_, err := p.Put(ctx, &relayed{names[i%devices], 20 + x/1000, 40, 1013.25, x / 7, 512, 70, i%50 == 0})
				require.NoError(t, err)
			}
			time.Sleep(time.Hour)
			f.mu.Lock()
			f.frames = f.frames[:0]
			f.mu.Unlock()
			samples = append(samples, float64(heapInUse())-float64(before))
		}
		require.EqualValues(t, bursts*each, p.Stats().Delivered)
		mean := func(of []float64) (sum float64) {
			for _, x := range of {
				sum += x / float64(len(of))
			}
			return sum
		}
		third := bursts / 3
		first, last := mean(samples[:third]), mean(samples[2*third:])
		t.Logf("live heap in the gaps: %.0f KiB in the first third, %.0f KiB in the last", first/1024, last/1024)
		require.Less(t, last-first, 48.0*1024, "bytes that %d records left behind", 2*third*each)
		require.Less(t, last, 256.0*1024, "what a burst needed is given back")
	})
}

// heapInUse returns the live bytes of the heap.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // what a pool keeps goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
