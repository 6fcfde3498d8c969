package retry

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// still opens a buffer without its goroutine.
func still(t testing.TB, fsys vfs.FS, o Options) *Disk {
	t.Helper()
	d, err := newDisk(fsys, crashDir, o)
	require.NoError(t, err)
	require.False(t, d.Health().Degraded, d.Health().Err)
	return d
}

// putStill appends n entries of device d and makes them durable, as one block.
func putStill(t testing.TB, d *Disk, n, size int) {
	t.Helper()
	for i := range n {
		at := int(d.m.next * 7 % 3000)
		_, _, err := d.Append(t.Context(), "d", noise[at+i:at+i+size])
		require.NoError(t, err)
	}
	d.m.mu.Lock()
	d.urgent = true
	d.m.mu.Unlock()
	d.work()
	require.NoError(t, d.Health().Err)
}

// seqs drains the buffer.
func seqs(d Buffer) (out []uint64) {
	for es := d.Next(1 << 16); len(es) > 0; es = d.Next(1 << 16) {
		for _, e := range es {
			out = append(out, e.Seq)
		}
	}
	return out
}

// named returns the file of that extension.
func named(t testing.TB, fsys vfs.FS, ext string) string {
	t.Helper()
	infos, err := fsys.ReadDir(crashDir)
	require.NoError(t, err)
	for _, info := range infos {
		if strings.HasSuffix(info.Name, ext) {
			return filepath.Join(crashDir, info.Name)
		}
	}
	require.Fail(t, "there is no file "+ext)
	return ""
}

// ruin overwrites a part of a file with noise.
func ruin(t testing.TB, fsys vfs.FS, name string, off, n int64) {
	t.Helper()
	f, err := fsys.Open(name, vfs.ReadWrite)
	require.NoError(t, err)
	_, err = f.WriteAt(noise[:n], off)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
}

// A slot of the cursor that was being written may be ruined: then there is the
// other one, with all but the latest.
func TestDiskCursorSurvives(t *testing.T) {
	for saves := range 4 {
		fsys := vfs.NewCrash()
		d := still(t, fsys, crashOptions)
		for i := range saves + 2 {
			d.KeepTime(time.UnixMilli(int64(1000 + i)))
			require.NoError(t, d.saveCursor())
		}
		ruin(t, fsys, filepath.Join(crashDir, spool.CursorName), d.w.cursor.Off(), 512)
		die(d)
		again := still(t, fsys, crashOptions)
		require.EqualValues(t, 1000+saves, again.TrustedTime().UnixMilli())
	}
}

// die closes files and lock and writes nothing, as the death of the process does.
func die(d *Disk) {
	for _, f := range []interface{ Close() error }{d.w.file, d.w.slots, d.w.lock} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// A process is killed between a write and the sync. The next one finds the entries
// in the system's memory, and must not take them for durable: then comes a power cut.
func TestDiskKilledThenCut(t *testing.T) {
	fsys := vfs.NewCrash()
	d := still(t, fsys, crashOptions)
	putStill(t, d, 3, 100)
	var killed []*vfs.Crash
	fsys.OnCall = func(c vfs.Call) {
		if c.Op == vfs.OpWrite && strings.HasSuffix(c.Name, spool.SegmentExt) {
			killed = append(killed, fsys.Point().Killed())
		}
	}
	putStill(t, d, 3, 100)
	require.Len(t, killed, 1)
	d = still(t, killed[0], crashOptions)
	require.EqualValues(t, 6, d.Ledger().Recovered)
	for state := range killed[0].Point().States(64, 1) {
		d := still(t, state, crashOptions)
		require.Zero(t, d.Ledger().Corrupt, "%v", d.Sweep())
		require.Equal(t, []uint64{1, 2, 3, 4, 5, 6}, seqs(d), "what was recovered stays")
	}
}

// What Sync has returned for survives any power cut after it.
func TestDiskSyncIsDurable(t *testing.T) {
	for _, mode := range []SyncMode{SyncGroup, SyncAlways, SyncInterval, SyncNever, SyncSpill} {
		fsys := vfs.NewCrash()
		d := openDisk(t, fsys, crashDir, Options{Sync: mode, SyncDelay: time.Hour})
		for range 3 {
			_, _, err := d.Append(t.Context(), "d", []byte("data"))
			require.NoError(t, err)
		}
		require.NoError(t, d.Sync(t.Context()))
		for state := range fsys.Point().States(64, 1) {
			d := openDisk(t, state, crashDir, Options{})
			require.Equal(t, []uint64{1, 2, 3}, seqs(d), mode.String())
			require.NoError(t, d.Close())
		}
		require.NoError(t, d.Close())
	}
}

// A segment belongs to one opening: what may be torn or half durable is never
// built upon.
func TestDiskLeavesOldSegments(t *testing.T) {
	fsys := vfs.NewCrash()
	d := still(t, fsys, crashOptions)
	putStill(t, d, 3, 1000)
	die(d)
	read := func() string {
		b, err := spool.ReadFile(fsys, filepath.Join(crashDir, d.segs[0].name), 1<<20)
		require.NoError(t, err)
		return string(b)
	}
	before := read()
	d = still(t, fsys, crashOptions)
	putStill(t, d, 3, 1000)
	require.Equal(t, before, read())
	require.Len(t, d.segs, 2)
}

// The last block, of which nothing else says whether it was durable, cannot be
// read by one opening: it cannot tell this from a write that was cut short. The
// file is kept, for another try.
func TestDiskUnreadableEnd(t *testing.T) {
	o := Options{SyncDelay: time.Hour}
	for i := range 6 {
		blocks, body := i%3+1, i >= 3 // cannot be read, or the whole page
		size := 1000
		if body {
			size = 3900 // does not fit a page together with the heads
		}
		fsys := vfs.NewCrash()
		d := still(t, fsys, o)
		for range blocks {
			putStill(t, d, 3, size)
		}
		die(d)
		last := d.w.used - d.w.used/int64(blocks)
		page := func(c vfs.Call) bool {
			if c.Op != vfs.OpRead || !strings.HasSuffix(c.Name, spool.SegmentExt) {
				return false
			}
			return c.Off == last && !body || c.Off > last && c.Off < last+vfs.PageSize && body
		}
		d = still(t, vfs.NewFault(fsys, vfs.Plan{Call: 1, Sticky: true, Match: page}), o)
		require.Len(t, seqs(d), 3*(blocks-1))
		d.Ack(1, d.m.next-1, Delivered)
		d.work()
		require.NoError(t, d.Health().Err)
		require.Equal(t, 1, len(d.w.kept))
		f, err := fsys.Open(named(t, fsys, spool.BadExt), vfs.ReadOnly)
		require.NoError(t, err)
		id, ok := spool.ParseName(filepath.Base(named(t, fsys, spool.BadExt)), spool.BadExt)
		require.True(t, ok)
		entries := 0
		for p := range spool.Blocks(f, id.Salt, 0) {
			entries += int(p.Head.Entries)
		}
		require.NoError(t, f.Close())
		require.Equal(t, 3*blocks, entries)
	}
}

// Close keeps what nobody asked to be made durable yet.
func TestDiskCloseWrites(t *testing.T) {
	for _, mode := range []SyncMode{SyncGroup, SyncInterval, SyncNever, SyncSpill} {
		fsys := vfs.NewCrash()
		d := openDisk(t, fsys, crashDir, Options{Sync: mode, SyncDelay: time.Hour})
		for range 3 {
			_, _, err := d.Append(t.Context(), "d", []byte("data"))
			require.NoError(t, err)
		}
		require.NoError(t, d.Close())
		require.Zero(t, d.Ledger().Evicted)
		for state := range fsys.Point().States(64, 1) {
			d := openDisk(t, state, crashDir, Options{})
			require.Equal(t, []uint64{1, 2, 3}, seqs(d), mode.String())
			require.NoError(t, d.Close())
		}
	}
}

// A damaged block costs what is in it, by name if its head can be read, and
// nothing else.
func TestDiskDamage(t *testing.T) {
	for name, c := range map[string]struct {
		off, n int64
		loss   Loss
	}{
		"body":  {4096 + 500, 8, Loss{Corrupt, "d", 0, 4, 6}},
		"block": {4096, 4096, Loss{Corrupt, "", 0, 1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := vfs.NewCrash()
			d := still(t, fsys, crashOptions)
			for range 4 {
				putStill(t, d, 3, 1000)
			}
			d.finish()
			ruin(t, fsys, named(t, fsys, spool.SegmentExt), c.off, c.n)
			if c.loss.Device != "" {
				c.loss.Boot = d.m.boot
			}
			d = still(t, fsys, crashOptions)
			require.Equal(t, []uint64{1, 2, 3, 7, 8, 9, 10, 11, 12}, seqs(d))
			require.Equal(t, []Loss{c.loss}, d.Sweep())
			l := d.Ledger()
			require.True(t, l.Balanced())
			require.Equal(t, []uint64{12, 9, 3}, []uint64{l.Recovered, l.Pending, l.Corrupt})
			first, next := uint64(1), d.m.next
			d.Ack(first, next, Delivered)
			d.work()
			require.Equal(t, 1, len(d.w.kept), "the damaged file is kept")
		})
	}
}

// The blocks are the truth: without cursor and FORMAT everything is found.
func TestDiskWithoutCursor(t *testing.T) {
	fsys := vfs.NewCrash()
	d := still(t, fsys, crashOptions)
	for range 3 {
		putStill(t, d, 3, 1000)
	}
	d.finish()
	for _, name := range []string{spool.CursorName, spool.FormatName} {
		require.NoError(t, fsys.Remove(filepath.Join(crashDir, name)))
	}
	d = still(t, fsys, crashOptions)
	require.Len(t, seqs(d), 9)
	require.Zero(t, d.Ledger().Corrupt)
}
