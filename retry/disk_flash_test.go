package retry

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// flashRows makes rows of two kinds: of about 80 bytes, as those of a device with
// eight sensors are, and of 200 bytes that cannot be compressed.
func flashRows(kind string) func() []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	if kind == "random" {
		return func() []byte {
			b := make([]byte, 0, 200)
			for len(b) < 200 {
				b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
			}
			return b
		}
	}
	var values [8]float64
	at := uint64(1_795_000_000_000)
	return func() []byte {
		at += 1000
		b := binary.LittleEndian.AppendUint64(nil, at)
		b = append(b, "env/1\x08\x00\x01"...)
		for i := range values {
			values[i] += math.Round(rng.NormFloat64()*100) / 100
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(values[i]))
		}
		return b
	}
}

// What is given to the file system to write, for each record. Blocks are whole
// pages, so the figures are exact.
func TestDiskFlashPerRecord(t *testing.T) {
	const records = 4096
	for _, c := range []struct {
		kind   string
		group  int
		pages  float64 // a group, where it is the same for all
		budget float64 // bytes a record
		fsyncs float64 // a record, at most
	}{
		{"sensors", 1, 1, 5000, 1.2},
		{"sensors", 8, 1, 600, 0.15},
		{"sensors", 64, 0, 200, 0.02},
		{"sensors", 256, 0, 100, 0.006},
		{"random", 1, 1, 5000, 1.2},
		{"random", 8, 1, 600, 0.15},
		{"random", 64, 4, 500, 0.02},
		{"random", 256, 13, 300, 0.006},
	} {
		t.Run(fmt.Sprintf("%d %s", c.group, c.kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, err := open(vfs.NewCrash(), "spool", Options{SyncDelay: time.Hour, SyncBytes: 1 << 30})
				require.NoError(t, err)
				began, row := d.Health(), flashRows(c.kind)
				for n := 1; n <= records; n++ {
					_, _, err := d.Append(t.Context(), "device", row())
					require.NoError(t, err)
					if n%c.group == 0 {
						require.NoError(t, d.Sync(t.Context()))
					}
				}
				h := d.Health()
				require.EqualValues(t, records, h.Spooled)
				bytes := float64(h.FlashBytes-began.FlashBytes) / records
				fsyncs := float64(h.Fsyncs-began.Fsyncs) / records
				t.Logf("groups of %d: %.1f bytes and %.4f fsyncs a record", c.group, bytes, fsyncs)
				if c.pages > 0 {
					require.Equal(t, c.pages*vfs.PageSize/float64(c.group), bytes)
				}
				require.LessOrEqual(t, bytes, c.budget)
				require.LessOrEqual(t, fsyncs, c.fsyncs)
				require.NoError(t, d.Close())
			})
		})
	}
}

// A device that puts a record a second, for an hour. What is acknowledged late
// costs no more than what is not: the watermark rides in the blocks.
func TestDiskFlashRecordPerSecond(t *testing.T) {
	const seconds = 3600
	for name, late := range map[string]time.Duration{"offline": time.Hour, "acknowledged after 5 s": 5 * time.Second,
		"acknowledged after a minute": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, err := open(vfs.NewCrash(), "spool", Options{})
				require.NoError(t, err)
				began, row := d.Health(), flashRows("sensors")
				for range seconds {
					_, _, err := d.Append(t.Context(), "device", row())
					require.NoError(t, err)
					time.Sleep(time.Second)
					d.Next(1 << 20)
					if _, next := d.Span(); next > uint64(late/time.Second) {
						d.Ack(1, next-uint64(late/time.Second), Delivered)
					}
				}
				synctest.Wait()
				h := d.Health()
				bytes := float64(h.FlashBytes-began.FlashBytes) / seconds
				t.Logf("%.1f bytes and %.3f fsyncs a record", bytes, float64(h.Fsyncs-began.Fsyncs)/seconds)
				require.LessOrEqual(t, bytes, 4100.0)
				require.LessOrEqual(t, float64(h.Fsyncs-began.Fsyncs)/seconds, 1.01)
				require.NoError(t, d.Close())
			})
		})
	}
}

// With SyncSpill and a link that works nothing is written at all.
func TestDiskFlashSpillIsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := open(vfs.NewCrash(), "spool", Options{Sync: SyncSpill})
		require.NoError(t, err)
		began, row := d.Health(), flashRows("sensors")
		for second := range 7 * 3600 {
			_, _, err := d.Append(t.Context(), "device", row())
			require.NoError(t, err)
			time.Sleep(time.Second)
			if second%30 == 29 { // a flush
				es := d.Next(1 << 20)
				require.Len(t, es, 30)
				d.Ack(es[0].Index, es[29].Index, Delivered)
			}
		}
		synctest.Wait()
		h := d.Health()
		require.Equal(t, began.FlashBytes, h.FlashBytes)
		require.Equal(t, began.Fsyncs, h.Fsyncs)
		require.Zero(t, h.Spooled)
		require.NoError(t, d.Close())

		// What opening and closing cost, once.
		require.LessOrEqual(t, began.FlashBytes, uint64(3*vfs.PageSize))
	})
}
