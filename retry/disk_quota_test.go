package retry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// The smallest quota and more names than a block of it can hold: all is written.
func TestDiskManyNamesInASmallQuota(t *testing.T) {
	for _, overflow := range []Overflow{DropOldest, Reject, Block} {
		synctest.Test(t, func(t *testing.T) {
			fsys := vfs.NewCrash()
			o := Options{MaxBytes: minDisk, Overflow: overflow, SyncDelay: time.Hour, SyncBytes: 1 << 30}
			d := openDisk(t, fsys, crashDir, o)
			for i := range 450 {
				_, _, err := d.Append(t.Context(), fmt.Sprintf("%0120d", i), []byte("21.5"))
				require.NoError(t, err)
			}
			require.NoError(t, d.Sync(t.Context()))
			require.Zero(t, d.Ledger().Evicted)
			require.NoError(t, d.Close())
			require.Empty(t, d.Sweep())
			d = openDisk(t, fsys, crashDir, o)
			require.EqualValues(t, 450, d.Ledger().Recovered)
			require.NoError(t, d.Close())
		})
	}
}

// What was accepted can be written, whatever the quota, the memory, the names, the
// sizes and their order, as long as nothing may be dropped.
func TestDiskAcceptsWhatItCanWrite(t *testing.T) {
	seeds := 60
	if raceEnabled {
		seeds = 16
	}
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 4))
		o := Options{
			MaxBytes:  []int64{minDisk, 300_000, 700_000, 2 << 20}[rng.IntN(4)],
			MaxMemory: []int64{minWaiting, 200_000, 1 << 20, 0}[rng.IntN(4)],
			Overflow:  []Overflow{Reject, Block}[rng.IntN(2)],
			Sync:      SyncMode(rng.IntN(int(SyncSpill) + 1)),
			SyncDelay: time.Duration(1+rng.IntN(5000)) * time.Millisecond,
		}
		names, devices := 1+rng.IntN(1<<rng.IntN(11)), 1+rng.IntN(1<<rng.IntN(13))
		most := rng.IntN(1 << rng.IntN(17))
		t.Run(fmt.Sprintf("%d: %d of %d, %d devices, names of %d, data to %d", seed, o.MaxBytes, o.MaxMemory, devices, names, most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { fillDisk(t, rng, o, names, devices, most) })
		})
	}
}

func fillDisk(t *testing.T, rng *rand.Rand, o Options, names, devices, most int) {
	fsys := vfs.NewCrash()
	d := openDisk(t, fsys, crashDir, o)
	n, ended := uint64(0), uint64(0)
	for full := 0; full < 20; {
		switch rng.IntN(400) {
		case 0:
			id := rng.IntN(5)
			require.NoError(t, d.Define(uint64(id), noise[:700*id]))
		case 1:
			require.NoError(t, d.Sync(t.Context()))
		case 2:
			time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
		case 3:
			es := d.Next(rng.IntN(100_000))
			for _, e := range es {
				switch rng.IntN(10) {
				case 0:
					d.Return(e.Index, e.Index)
				case 1:
					d.Ack(e.Index, e.Index, Rejected)
					ended++
				default:
					d.Ack(e.Index, e.Index, Delivered)
					ended++
				}
			}
		default:
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			size := rng.IntN(most + 1)
			data := noise[:min(size, len(noise))]
			if size > len(noise) {
				data = make([]byte, size)
				for i := range data {
					data[i] = byte(rng.Uint32())
				}
			}
			_, _, err := d.Append(ctx, fmt.Sprintf("%0*d", names, rng.IntN(devices)), data)
			cancel()
			switch {
			case err == nil:
				n++
			case errors.Is(err, ErrTooLarge):
			default:
				require.True(t, errors.Is(err, ErrFull) || errors.Is(err, context.DeadlineExceeded), "%v", err)
				full++
			}
		}
		l := d.Ledger()
		require.LessOrEqual(t, l.Bytes, l.Limit)
		require.True(t, l.Balanced())
	}
	require.NoError(t, d.Close(), "%+v", d.Ledger())
	require.Empty(t, d.Sweep())
	d = openDisk(t, fsys, crashDir, o)
	require.GreaterOrEqual(t, d.Ledger().Recovered, n-ended, "what was finished above the watermark may come again")
	require.NoError(t, d.Close())
}

// A disk that hangs in a call: what waits for it may be dropped but for what it is
// writing, so an entry is put, with the patience that there is for a slow disk,
// whatever is leased.
func TestDiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewCrash()
		hang := make(chan struct{})
		d := openDisk(t, fsys, crashDir, Options{MaxMemory: minWaiting, SyncDelay: time.Hour, SyncBytes: 1 << 30})
		putAll(t, d, 1, 30, 1000)
		d.Next(1 << 20)
		fsys.OnCall = func(c vfs.Call) {
			if c.Op == vfs.OpSync {
				<-hang
			}
		}
		for i := range 200 {
			_, _, err := d.Append(t.Context(), "d", noise[i:i+1000])
			require.NoError(t, err, "%d", i)
		}
		require.NotZero(t, d.Ledger().Evicted)
		close(hang)
		require.NoError(t, d.Close())
	})
}
