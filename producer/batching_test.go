package producer_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// sized is a codec of frames of a head and some bytes for each record, as columns
// are. It notes what it was asked to encode.
type sized struct {
	head   int
	each   func(seq uint64) int
	frames *[]int // records of each
}

func (c sized) Name() string                 { return "sized" }
func (c sized) NewEncoder() compress.Encoder { return c }
func (c sized) AppendFrame(dst []byte, b *record.Batch) ([]byte, error) {
	*c.frames = append(*c.frames, b.Len())
	dst = append(dst, make([]byte, c.head)...)
	for _, r := range b.Rows() {
		dst = append(dst, make([]byte, c.each(r.ID.Seq))...)
	}
	return dst, nil
}

func always(n int) func(uint64) int { return func(uint64) int { return n } }

// TestBatching drives a producer with what records take in large frames, and looks
// at what it makes of them: frames, encodings, payload units.
func TestBatching(t *testing.T) {
	for _, c := range []struct {
		name             string
		records, devices int
		each             func(uint64) int
		most             int     // frames sent
		encoded          float64 // records encoded for each sent
		units            float64 // payload units for each that the bytes would fill
	}{
		{"a flush of one device is one frame", 300, 1, always(6), 1, 1, 25},
		{"a flush of five devices is a frame each", 1000, 5, always(6), 5, 1, 10},
		{"a flush a little above the window leaves no crumbs", 40_000, 3, always(6), 18, 1, 1.2},
		{"a backlog fills its units", 300_000, 1, always(6), 60, 1, 1.15},
		{"a backlog of ten devices fills its units", 300_000, 10, always(6), 500, 1, 1.2},
		{"records that hardly compress fill them too", 60_000, 1, always(80), 40, 1.2, 1.2},
		{"records that compress less from one moment to the next", 60_000, 1,
			func(seq uint64) int { return 6 + int(seq/10_000%2)*150 }, 60, 1.6, 1.3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var encoded []int
				buf, err := retry.NewMemory(retry.Options{Overflow: retry.Block, MaxBytes: 32 << 20})
				require.NoError(t, err)
				f := &fake{}
				p := newProducer(t, f, producer.Config{Codec: sized{100, c.each, &encoded}, Buffer: buf, FlushInterval: time.Hour})
				defer end(p)
				for i := range c.records {
					putAs(t, p, fmt.Sprint("d", i%c.devices), int64(i))
				}
				require.NoError(t, p.Flush(ctx))
				st := p.Stats()
				require.EqualValues(t, c.records, st.Delivered)
				total := 0
				for _, n := range encoded {
					total += n
				}
				ideal := float64(st.PayloadBytes) / (25 << 10)
				t.Logf("%d frames in %d records of %d calls, %d encodings of %d records, %.1f units for %.1f", st.UserRecords, st.KinesisRecords,
					st.Requests, len(encoded), total, float64(st.PayloadUnits), ideal)
				require.LessOrEqual(t, int(st.UserRecords), c.most)
				require.LessOrEqual(t, float64(total), c.encoded*float64(c.records))
				require.LessOrEqual(t, float64(st.PayloadUnits), max(c.units*ideal, 1))
			})
		})
	}
}
