package retry

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// The files fit the quota, whatever their sizes, also when the power goes and some
// of the removed ones are there again.
func TestDiskQuotaAcrossACut(t *testing.T) {
	o := Options{MaxBytes: 2 << 20, SyncDelay: time.Hour}
	fsys := vfs.NewCrash()
	for range 40 { // many small segments, one for each opening
		d := still(t, fsys, o)
		putStill(t, d, 1, 1000)
		d.finish()
	}
	d := still(t, fsys, o)
	var points []*vfs.Point
	fsys.OnCall = func(c vfs.Call) {
		if c.Op != vfs.OpWrite && c.Op != vfs.OpSync {
			points = append(points, fsys.Point())
		}
	}
	for range 600 { // and then large ones
		putStill(t, d, 1, 1000)
		require.LessOrEqual(t, d.Ledger().Bytes, o.MaxBytes)
	}
	require.NotZero(t, d.Ledger().Evicted)
	for i, p := range points {
		for state := range p.States(4, uint64(i)) {
			require.LessOrEqual(t, still(t, state, o).Ledger().Bytes, o.MaxBytes)
		}
	}
}

// What an open buffer takes in memory goes with its segments, not with its
// entries or blocks.
func TestDiskOpensInLittleMemory(t *testing.T) {
	fsys := vfs.NewCrash()
	d := still(t, fsys, Options{MaxBytes: 64 << 20, SyncDelay: time.Hour})
	const blocks = 3000
	for range blocks {
		putStill(t, d, 3, 1000)
	}
	d.finish()
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	d = still(t, fsys, Options{MaxBytes: 64 << 20})
	grown := heap() - before
	require.EqualValues(t, 3*blocks, d.Ledger().Recovered)
	require.Less(t, grown, int64(128<<10), "bytes for %d segments of %d blocks", len(d.segs), blocks)
}

// Entries grow older only while the buffer is open: a clock that was set
// meanwhile expires nothing.
func TestDiskAgeIsTimeOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewCrash()
		o := Options{MaxAge: time.Minute}
		d := openDisk(t, fsys, crashDir, o)
		_, _, err := d.Append(t.Context(), "d", []byte("data"))
		require.NoError(t, err)
		time.Sleep(20 * time.Second)
		require.NoError(t, d.Close())
		boot := d.m.boot
		time.Sleep(1000 * time.Hour)
		d = openDisk(t, fsys, crashDir, o)
		require.Empty(t, d.Sweep())
		time.Sleep(30 * time.Second)
		require.Empty(t, d.Sweep())
		time.Sleep(15 * time.Second)
		require.Equal(t, []Loss{{Expired, "d", boot, 1, 1}}, d.Sweep())
		require.NoError(t, d.Close())
	})
}

// On a link that keeps up the mode for that leaves the flash alone.
func TestDiskSpillWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDisk(t, vfs.NewCrash(), crashDir, Options{Sync: SyncSpill})
		opened := d.Health()
		for range 3600 {
			_, _, err := d.Append(t.Context(), "d", noise[:200])
			require.NoError(t, err)
			time.Sleep(time.Second)
			for _, e := range d.Next(1 << 16) {
				d.Ack(e.Index, e.Index, Delivered)
			}
		}
		h := d.Health()
		require.Equal(t, opened.FlashBytes, h.FlashBytes)
		require.Equal(t, opened.Fsyncs, h.Fsyncs)
		require.NoError(t, d.Close())
		require.LessOrEqual(t, d.Health().FlashBytes-opened.FlashBytes, uint64(4096), "a cursor at the end")
	})
}

func TestDiskIsLocked(t *testing.T) {
	fsys := vfs.NewCrash()
	d := openDisk(t, fsys, crashDir, Options{})
	_, err := open(fsys, crashDir, Options{})
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, d.Close())
	openDisk(t, fsys, crashDir, Options{})
}

// A segment that somebody removed before the buffer did is as good as removed.
func TestDiskFilesGone(t *testing.T) {
	fsys := vfs.NewCrash()
	d := still(t, fsys, crashOptions)
	putStill(t, d, 3, 100)
	d.finish()
	d = still(t, fsys, crashOptions)
	require.Len(t, seqs(d), 3)
	d.Ack(1, d.m.next-1, Delivered)
	require.Len(t, d.trash, 1)
	require.NoError(t, d.trash[0].reader.Close())
	d.trash[0].reader = nil
	before := d.Ledger().Bytes
	require.NoError(t, fsys.Remove(named(t, fsys, spool.SegmentExt)))
	d.work()
	require.NoError(t, d.Health().Err)
	require.Empty(t, d.trash)
	require.Less(t, d.Ledger().Bytes, before)
	putStill(t, d, 3, 100)
}
