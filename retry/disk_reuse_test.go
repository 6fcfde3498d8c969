package retry

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

var _ = strings.Clone
var _ = time.Now
var _ = assert.Equal
var _ = spool.SpareName

// fillSegs writes until n segments exist, each of blocks of 3000 bytes of noise.
func reuseFill(t *testing.T, d *Disk, n int) {
	for range 500 {
		if len(d.segs) >= n {
			return
		}
		putSome(t, d, "d", 1, 3000)
		workNow(d)
	}
	t.Fatal("no")
}

var reuseNoise = func() []byte { b := make([]byte, 9000); _, _ = rand.Read(b); return b }()

func reusePut(t *testing.T, d *Disk) {
	_, _, err := d.Append(t.Context(), "d", reuseNoise)
	require.NoError(t, err)
}

func TestDiskReuseChain(t *testing.T) {
	fs := vfs.NewCrash()
	d := reuseOldSpace(t, fs)
	d.finish()
	require.NoError(t, d.end)

	d = idleDisk(t, fs, Options{})
	require.Zero(t, d.Ledger().Corrupt)
	d.Next(1 << 20)
	a, b := d.segs[1].first, d.segs[len(d.segs)-1].end-1
	d.Ack(a, b, Delivered) // all but the oldest: its key is throttled
	workNow(d)
	putSome(t, d, "d", 1, 30)
	workNow(d)
	d.finish()
	require.NoError(t, d.end)
	d = idleDisk(t, fs, Options{})
	l := d.Ledger()
	assert.Zero(t, l.Corrupt, "%+v: all was readable; %v", l, d.Sweep())
	d.finish()
}

func TestDiskReuseEvictsThoughTrash(t *testing.T) {
	fs := vfs.NewCrash()
	d := idleDisk(t, fs, Options{})
	for d.opts.MaxBytes-d.bytes >= d.segBytes {
		putSome(t, d, "d", 1, 3000)
		workNow(d)
	}
	for d.w.used+4096 <= d.segBytes { // the last one is full
		putSome(t, d, "d", 1, 3000)
		workNow(d)
	}
	require.Zero(t, d.Ledger().Evicted)
	require.Zero(t, d.w.spare)
	es := d.Next(1 << 20)
	s := d.segs[0]
	require.NotEmpty(t, es)
	d.Ack(s.first, s.end-1, Delivered) // one is finished: its room is free
	rewind(d)
	for range 2 {
		putSome(t, d, "d", 1, 3000)
		workNow(d)
	}
	l := d.Ledger()
	assert.Zero(t, l.Evicted, "a finished segment's room was there: %+v", l)
	d.finish()
}

func TestDiskReuseNoSpaceWithSpare(t *testing.T) {
	base := vfs.NewCrash()
	fault := vfs.NewFault(base, vfs.Plan{})
	d := idleDisk(t, fault, Options{MaxBytes: 8 << 20})
	require.EqualValues(t, 512<<10, d.segBytes)
	for len(d.segs) < 3 {
		putSome(t, d, "d", 10, 3000)
		workNow(d)
	}
	es := d.Next(64 << 20)
	_ = es
	s := d.segs[0]
	for d.rd.seg == s {
		es = d.Next(64 << 20)
		if len(es) == 0 {
			break
		}
	}
	d.Ack(s.first, s.end-1, Delivered)
	rewind(d)
	workNow(d)
	require.NotZero(t, d.w.spare)
	// the disk is full: nothing can be allocated
	base.Capacity = d.bytes + 8192 // others take the rest
	for range 4 {
		putSome(t, d, "d", 10, 3000)
		workNow(d)
		if l := d.Ledger(); l.Evicted > 0 || d.Health().Degraded {
			break
		}
	}
	assert.Zero(t, d.Ledger().Evicted, "the spare was room: %+v", d.Ledger())
	d.finish()
}

func TestDiskReuseRestoreForgetsSpare(t *testing.T) {
	fs := vfs.NewCrash()
	d := idleDisk(t, fs, Options{})
	reuseFill(t, d, 4)
	d.Next(1 << 20)
	d.Ack(d.segs[0].first, d.segs[0].end-1, Delivered)
	rewind(d)
	workNow(d)
	require.NotZero(t, d.w.spare)
	d.distrustCursor()
	require.NoError(t, fs.Remove(d.path(spool.CursorName))) // one file, not the directory
	d.w.unlinked = true
	putSome(t, d, "d", 1, 30)
	workNow(d)
	workNow(d)
	workNow(d)
	sum := int64(0)
	infos, _ := fs.ReadDir("spool")
	for _, i := range infos {
		if i.Name != spool.LockName {
			sum += i.Size
		}
	}
	l := d.Ledger()
	assert.LessOrEqual(t, sum, l.Bytes+100, "%+v spare %d", l, d.w.spare)
	d.finish()
}

// The oldest is leased (slow link), the disk is full: the next ones are dropped.
func TestDiskReuseEvictBehindLeased(t *testing.T) {
	fs := vfs.NewCrash()
	d := reuseOldSpace(t, fs)
	d.finish()
	require.NoError(t, d.end)
	d = idleDisk(t, fs, Options{})
	es := d.Next(3000) // one entry is leased: a slow call
	require.NotEmpty(t, es)
	for range 60 {
		if d.Ledger().Evicted >= 4 {
			break
		}
		reusePut(t, d)
		workNow(d)
	}
	pending := d.Ledger().Pending
	d.finish()
	require.NoError(t, d.end)
	d = idleDisk(t, fs, Options{})
	l := d.Ledger()
	assert.Zero(t, l.Corrupt, "%+v, %d were pending: all was readable; %v", l, pending, d.Sweep())
	d.finish()
}

// reuseOldSpace returns a disk with segments in reused space. Only one spare is
// kept, so a segment is finished just before each new one is begun.
func reuseOldSpace(t *testing.T, fs vfs.FS) *Disk {
	d := idleDisk(t, fs, Options{})
	reuseFill(t, d, 6)
	for len(d.segs) > 0 && d.segs[len(d.segs)-1].first < 33 {
		s := d.segs[0]
		d.Next(1 << 20)
		d.Ack(s.first, s.end-1, Delivered)
		for first := d.segs[0]; d.segs[0] == first && len(d.segs) < 6; {
			reusePut(t, d)
			workNow(d)
		}
	}
	workNow(d)
	return d
}

// In one session: later segments are finished and removed, the disk fails, and the
// process is killed.
func TestDiskReuseInSession(t *testing.T) {
	fs := vfs.NewCrash()
	d := reuseOldSpace(t, fs)
	d.Next(1 << 20)
	d.Ack(d.segs[1].first, d.segs[len(d.segs)-1].end-1, Delivered)
	d.abandon() // as after a failed write
	workNow(d)
	require.NoError(t, d.saveCursor())
	d.m.mu.Lock()
	d.retireFinished(true)
	d.m.mu.Unlock()
	workNow(d)
	require.NoError(t, d.saveCursor())
	require.False(t, d.segs[0].stale)
	killed := fs.Point().Killed()
	d = idleDisk(t, killed, Options{})
	l := d.Ledger()
	assert.Zero(t, l.Corrupt, "%+v: all was readable; %v", l, d.Sweep())
	d.finish()
}

// What an interrupted WriteFile left is counted twice or for ever.
func TestDiskReuseOrphans(t *testing.T) {
	fs := vfs.NewCrash()
	d := idleDisk(t, fs, Options{})
	putSome(t, d, "d", 1, 30)
	workNow(d)
	d.finish()
	for _, n := range []string{"cursor.tmp", "schema-0000000000000009-00000000.json.tmp"} {
		f, err := fs.Open("spool/"+n, vfs.Create)
		require.NoError(t, err)
		require.NoError(t, f.Allocate(64<<10))
		require.NoError(t, f.Sync())
		_ = f.Close()
		_ = fs.SyncDir("spool")
	}
	for range 2 {
		d = idleDisk(t, fs, Options{})
		d.distrustCursor()
		require.NoError(t, d.saveCursor())
		require.NoError(t, d.removeTrash())
		sum := int64(0)
		infos, _ := fs.ReadDir("spool")
		for _, i := range infos {
			if i.Name != spool.LockName {
				sum += i.Size
			}
		}
		assert.Equal(t, sum, d.Ledger().Bytes)
		d.finish()
	}
}
