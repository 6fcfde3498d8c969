//go:build unix

package producer_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// BenchmarkDrain measures the CPU that a record takes from Put to acknowledged,
// all threads together, without what a codec and the network take. Every record of
// a memory of the default size is put while the one before it is sent.
func BenchmarkDrain(b *testing.B) {
	schema, err := record.SchemaOf[relayed]("relayed", 1)
	require.NoError(b, err)
	for _, devices := range []int{1, 3, 1000} {
		b.Run(fmt.Sprintf("memory/%d", devices), func(b *testing.B) {
			buf, err := retry.NewMemory(retry.Options{Overflow: retry.Block})
			require.NoError(b, err)
			benchDrain(b, schema, buf, devices)
		})
	}
	b.Run("disk/3", func(b *testing.B) {
		buf, err := retry.Open(b.TempDir(), retry.Options{Overflow: retry.Block})
		require.NoError(b, err)
		benchDrain(b, schema, buf, 3)
	})
}

func benchDrain(b *testing.B, schema *record.Schema, buf retry.Buffer, devices int) {
	names := make([]string, devices)
	for i := range names {
		names[i] = fmt.Sprint("gateway-7f3a-", i)
	}
	p := newProducer(b, &fake{}, producer.Config{Buffer: buf, Schema: schema, Codec: fixedSize{}})
	r := relayed{"", 20, 40, 1013.25, 7, 512, 70, true}
	b.ReportAllocs()
	b.ResetTimer()
	began := cpu()
	for i := range b.N {
		r.Device = names[i%devices]
		r.Temperature = float64(i % 80)
		_, _ = p.Put(ctx, &r)
	}
	require.NoError(b, p.Flush(ctx))
	b.ReportMetric(float64(cpu()-began)/float64(b.N), "cpu-ns/record")
	b.StopTimer()
	st := p.Stats()
	require.EqualValues(b, b.N, st.Delivered)
	b.ReportMetric(float64(st.Delivered)/float64(st.UserRecords), "records/frame")
	require.NoError(b, p.Close(ctx))
}

// cpu returns the time that the process has had.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fixedSize is a codec that takes no time: of every record it writes six bytes, about
// what the columns of a large frame come to.
type fixedSize struct{}

func (fixedSize) Name() string                 { return "fixed size" }
func (fixedSize) NewEncoder() compress.Encoder { return fixedSize{} }
func (fixedSize) AppendFrame(dst []byte, b *record.Batch) ([]byte, error) {
	var six [6]byte
	for range b.Rows() {
		dst = append(dst, six[:]...)
	}
	return dst, nil
}
