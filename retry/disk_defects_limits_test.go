package retry

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// accepted with Reject, and Close cannot write it.
func TestDiskRejectAcceptsWhatCloseCannotWrite(t *testing.T) {
	for _, c := range []struct{ name, size int }{{40, 20}, {128, 10}, {1000, 1}} {
		t.Run(fmt.Sprint(c.name), func(t *testing.T) {
			d, err := open(vfs.NewCrash(), "spool", Options{MaxBytes: 4 << 20, MaxMemory: 1 << 20, Overflow: Reject, SyncDelay: time.Hour, SyncBytes: 1 << 30})
			require.NoError(t, err)
			n := 0
			for i := 0; ; i++ {
				at := i * 7 % 4000
				if _, _, err := d.Append(t.Context(), fmt.Sprintf("%0*d", c.name, i%1000), noise[at:at+c.size]); err != nil {
					break
				}
				n++
			}
			t.Log(n)
			require.NoError(t, d.Close())
			require.Empty(t, d.Sweep())
		})
	}
}

// Close with leases.
func TestDiskCloseWhileLeased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := idleDisk(t, vfs.NewCrash(), Options{})
		for range 200 {
			putSome(t, d, "d", 1, 3500)
			workNow(d)
			require.False(t, d.full, "half of it is not leased")
			d.Next(1 << 20)
		}
		require.NotZero(t, d.Ledger().Evicted)
		d.finish()
		require.NoError(t, d.end, "the policy is to drop the oldest")
	})
}

// memory of copies aside.
func TestDiskAsideMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := vfs.NewFault(vfs.NewCrash(), vfs.Plan{})
		d := idleDisk(t, fault, Options{MaxBytes: 64 << 20, MaxMemory: 4 << 20})
		fault.Set(vfs.Plan{Call: 1, Sticky: true})
		for range 100 {
			_, _, err := d.Append(t.Context(), "d", make([]byte, 1<<20))
			require.NoError(t, err)
			es := d.Next(1)
			d.Ack(es[0].Index, es[0].Index, Rejected)
			d.work()
		}
		n := 0
		for _, e := range d.aside {
			n += len(e.Data)
		}
		require.LessOrEqual(t, n, 4<<20)
	})
}

func TestDiskCloseDuringNext(t *testing.T) {
	for i := range 200 {
		fs := vfs.NewCrash()
		d, err := open(fs, "spool", Options{MaxBytes: minDisk, MaxMemory: minWaiting})
		require.NoError(t, err)
		for range 30 {
			putSome(t, d, "d", 1, 3000)
		}
		require.NoError(t, d.Sync(t.Context()))
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 100 {
				d.Next(3500)
			}
		})
		for range i {
			runtime.Gosched()
		}
		_ = d.Close()
		wg.Wait()
	}
}

// bits.
func TestDiskBitsOfASegment(t *testing.T) {
	d := idleDisk(t, vfs.NewCrash(), Options{Sync: SyncSpill, MaxBytes: 64 << 20})
	for range 1000 { // a minute each: one entry waits, 60,000 are delivered from memory
		putSome(t, d, "slow", 1, 20)
		workNow(d)
		d.m.next += 60_000
		d.Next(1 << 20)
		d.m.read.index = d.m.next
	}
	n := 0
	for _, s := range d.segs {
		n += 8 * len(s.done)
	}
	require.Less(t, n, 1<<20, "bytes of bit sets for 1000 entries in %d segments", len(d.segs))
}

func TestDiskNextAfterClose(t *testing.T) {
	fs := vfs.NewCrash()
	d, err := open(fs, "spool", Options{})
	require.NoError(t, err)
	putSome(t, d, "d", 3, 20)
	require.NoError(t, d.Close())
	require.Empty(t, d.Next(1<<20))
}

// a segment of which the first entry is acked is passed over.
func TestDiskEvictPassesOverPartlyAcked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := idleDisk(t, vfs.NewCrash(), Options{})
		putSome(t, d, "d", 3, 3000)
		workNow(d)
		d.Next(1 << 20)
		d.Ack(1, 1, Delivered)
		rewind(d)
		var lost []Loss
		for range 100 {
			putSome(t, d, "d", 3, 3000)
			workNow(d)
			if lost = d.Sweep(); len(lost) > 0 {
				break
			}
		}
		require.EqualValues(t, 2, lost[0].First, "the oldest go first: %v", lost)
	})
}
