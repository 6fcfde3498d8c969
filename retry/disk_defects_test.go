package retry

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

func idleDisk(t *testing.T, fs vfs.FS, o Options) *Disk {
	if o.MaxBytes == 0 {
		o.MaxBytes = minDisk
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = minWaiting
	}
	if o.SyncDelay == 0 {
		o.SyncDelay = time.Hour
	}
	d, err := newDisk(fs, "spool", o)
	require.NoError(t, err)
	return d
}

func putSome(t *testing.T, d *Disk, dev string, n, size int) {
	for i := range n {
		_, _, err := d.Append(context.Background(), dev, noise[i%64:i%64+size])
		require.NoError(t, err)
	}
}

func workNow(d *Disk) {
	d.m.mu.Lock()
	d.urgent = true
	d.m.mu.Unlock()
	d.work()
}

// expiry of a recovered block that is partly below the watermark and has gaps.
func TestDiskLoseBlockCountsGapsAsEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrash()
		o := Options{MaxAge: time.Hour}
		d := idleDisk(t, fs, o)
		putSome(t, d, "d", 10, 20)
		d.Next(1 << 20)
		d.Ack(9, 10, Delivered) // in memory: gaps of the block
		workNow(d)
		d.Ack(1, 2, Delivered) // the watermark is 3
		time.Sleep(30 * time.Minute)
		putSome(t, d, "d", 10, 20) // a younger block in the same segment
		workNow(d)
		d.finish()
		require.NoError(t, d.end)

		boot := d.m.boot
		d = idleDisk(t, fs, o)
		require.EqualValues(t, 16, d.Ledger().Pending)
		time.Sleep(31 * time.Minute)
		assert.Equal(t, []Loss{{Expired, "d", boot, 3, 8}}, d.Sweep(), "1, 2, 9, 10 were delivered")
		for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
			d.Ack(es[0].Index, es[len(es)-1].Index, Delivered)
		}
		l := d.Ledger()
		require.EqualValues(t, 0, l.Pending, "%+v", l)
		require.EqualValues(t, 10, l.Delivered, "%+v", l)
		first, next := d.Span()
		require.Equal(t, first, next)
	})
}

// the disk was away at Open; when it is there again, its clock makes what was put
// meanwhile old.
func TestDiskLateAttachExpiresFreshEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrash()
		o := Options{MaxAge: 24 * time.Hour}
		d := idleDisk(t, fs, o)
		time.Sleep(30 * 24 * time.Hour) // it has been open for a month
		putSome(t, d, "old", 1, 20)
		d.finish()
		require.NoError(t, d.end)

		fault := vfs.NewFault(fs, vfs.Plan{Call: 1, Sticky: true, Match: func(vfs.Call) bool { return true }})
		d = idleDisk(t, fault, o)
		putSome(t, d, "new", 5, 20)
		fault.Set(vfs.Plan{})
		time.Sleep(2 * time.Second)
		d.work()
		require.False(t, d.Health().Degraded)
		require.Empty(t, d.Sweep(), "they are 2 s old, and the limit is a day")
		d.finish()
	})
}

// requireDeliveries reads for hours, closes d, and wants something to have come.
func requireDeliveries(t *testing.T, d *Disk) {
	n := 0
	for range 200 {
		for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
			n += len(es)
			d.Ack(es[0].Index, es[len(es)-1].Index, Delivered)
		}
		time.Sleep(time.Minute)
	}
	h, l := d.Health(), d.Ledger()
	_ = d.Close()
	require.NotZero(t, n, "3 h later nothing was delivered; %+v %+v", h, l)
}

// one file that cannot be read holds up all others for ever.
func TestDiskOneUnreadableFileWedgesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := vfs.NewCrash()
		d := idleDisk(t, base, Options{})
		for range 20 {
			putSome(t, d, "d", 3, 3000)
			workNow(d)
		}
		require.Greater(t, len(d.segs), 3)
		bad := d.segs[0].name
		fault := vfs.NewFault(base, vfs.Plan{Call: 1, Sticky: true, Match: func(c vfs.Call) bool {
			return c.Op == vfs.OpRead && strings.HasSuffix(c.Name, bad)
		}})
		d.fs = fault // the card's erase block under this file has died
		done := make(chan struct{})
		go func() { d.run(); close(done) }()
		requireDeliveries(t, d)
	})
}

// the same at Open: one file that cannot be opened.
func TestDiskOneUnopenableFileAtOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := vfs.NewCrash()
		d := idleDisk(t, base, Options{})
		for range 20 {
			putSome(t, d, "d", 3, 3000)
			workNow(d)
		}
		bad := d.segs[1].name
		d.finish()
		fault := vfs.NewFault(base, vfs.Plan{Call: 1, Sticky: true, Match: func(c vfs.Call) bool {
			return c.Op == vfs.OpOpen && strings.HasSuffix(c.Name, bad)
		}})
		o := Options{MaxBytes: minDisk, MaxMemory: minWaiting}
		d, err := open(fault, "spool", o)
		require.NoError(t, err)
		requireDeliveries(t, d)
	})
}

// an empty segment of a higher position makes recovery disown newer ones.
func TestDiskPositionsBelowAnEmptySegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrash()
		o := Options{Sync: SyncSpill}
		d := idleDisk(t, fs, o)
		// 20 M entries are put and delivered from memory: nothing is written.
		d.m.next += 20 << 20
		d.m.read.index = d.m.next
		// Then the link goes, and the power with it: the segment has its name, no
		// content.
		putSome(t, d, "a", 1, 20)
		var torn *vfs.Crash
		fs.OnCall = func(c vfs.Call) {
			if c.Op == vfs.OpAllocate && torn == nil {
				torn = fs.Point().Killed() // kill -9 right after fallocate
			}
		}
		workNow(d)
		fs.OnCall = nil
		require.NotNil(t, torn)

		d = idleDisk(t, torn, o)
		putSome(t, d, "b", 1, 20)
		d.urgent = true
		require.NoError(t, d.commit()) // Sync right after Open: before tidy
		require.EqualValues(t, 1, d.Health().Spooled)
		again := torn.Point().Killed() // kill -9

		d = idleDisk(t, again, o)
		es := d.Next(1 << 20)
		require.Len(t, es, 1, "b was spooled; %+v %v", d.Ledger(), d.Sweep())
	})
}

// a block of a failed write, whose rewritten copy was delivered and removed, is
// taken for lost.
func TestDiskStaleBlockAfterRewriteIsReportedCorrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := vfs.NewCrash()
		fault := vfs.NewFault(base, vfs.Plan{})
		d := idleDisk(t, fault, Options{})
		putSome(t, d, "a", 1, 20)
		workNow(d) // segment A: a/1
		fault.Set(vfs.Plan{Call: 1, Short: true, Match: func(c vfs.Call) bool { return c.Op == vfs.OpWrite }})
		putSome(t, d, "b", 3, 3000)
		workNow(d) // half of it in A; all of it in B
		require.Len(t, d.segs, 2)
		require.NoError(t, d.Health().Err)
		for range 4 { // B is full; C
			putSome(t, d, "c", 2, 3000)
			workNow(d)
		}
		es := d.Next(1 << 20)
		delivered := map[entryID]bool{}
		for _, e := range es {
			if e.Device == "b" || e.Device == "c" && e.Seq < 7 { // a's shard is throttled
				d.Ack(e.Index, e.Index, Delivered)
				delivered[entryID{e.Device, e.Boot, e.Seq}] = true
			}
		}
		workNow(d)
		d.finish()
		require.NoError(t, d.end)

		d = idleDisk(t, base, Options{})
		for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
			d.Ack(es[0].Index, es[len(es)-1].Index, Delivered)
		}
		require.Empty(t, d.Sweep(), "nothing is damaged, b was delivered")
		require.Zero(t, d.Ledger().Corrupt)
	})
}

// what is found late is not seen by a consumer that goes by Span.
func TestDiskLateBacklogIsNotInSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := vfs.NewCrash()
		d := idleDisk(t, base, Options{})
		putSome(t, d, "d", 5, 20)
		d.finish()
		fault := vfs.NewFault(base, vfs.Plan{Call: 1, Sticky: true, Match: func(vfs.Call) bool { return true }})
		d, err := open(fault, "spool", Options{})
		require.NoError(t, err)
		fault.Set(vfs.Plan{})
		time.Sleep(time.Hour)
		synctest.Wait()
		require.False(t, d.Health().Degraded)
		first, next := d.Span()
		l := d.Ledger()
		_ = d.Close()
		require.Less(t, first, next, "5 entries are pending; %+v", l)
	})
}

// A consumer that leases all it can get does not make a disk full whose policy is
// to drop the oldest: no more than half is leased.
func TestDiskIsNotFilledByLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := open(vfs.NewCrash(), "spool", Options{MaxBytes: minDisk, MaxMemory: minWaiting})
		require.NoError(t, err)
		defer d.Close()
		for range 200 {
			putSome(t, d, "d", 1, 3500)
			require.NoError(t, d.Sync(t.Context()))
			d.Next(1 << 20)
		}
		leased := 0
		for _, s := range d.segs {
			if s.leases > 0 {
				leased += int(s.size)
			}
		}
		require.Greater(t, leased, minDisk/3)
		require.LessOrEqual(t, leased, minDisk/2)
	})
}

// the table of devices counts as if it had to be written.
func TestDiskEmptyBufferIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := open(vfs.NewCrash(), "spool", Options{MaxBytes: 1 << 20, Overflow: Reject})
		require.NoError(t, err)
		defer d.Close()
		for i := range 2500 {
			_, _, err := d.Append(t.Context(), "gateway-device-"+string(rune('a'+i%26))+time.Duration(i).String(), noise[:20])
			require.NoError(t, err, "device %d, %+v", i, d.Ledger())
			for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
				d.Ack(es[0].Index, es[len(es)-1].Index, Delivered)
			}
		}
	})
}

// a lease at the time of a Sweep puts off expiry.
func TestDiskExpiryAfterLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := idleDisk(t, vfs.NewCrash(), Options{MaxAge: time.Hour})
		putSome(t, d, "d", 2, 20)
		workNow(d)
		time.Sleep(50 * time.Minute)
		putSome(t, d, "d", 2, 20)
		workNow(d)
		time.Sleep(20 * time.Minute)
		require.Len(t, d.Next(1), 1)
		require.Equal(t, []Loss{{Expired, "d", d.m.boot, 2, 2}}, d.Sweep(), "the first is leased")
		rewind(d)
		require.Equal(t, []Loss{{Expired, "d", d.m.boot, 1, 1}}, d.Sweep())
	})
}

func TestDiskExpiryOfPartlyAcked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := idleDisk(t, vfs.NewCrash(), Options{MaxAge: time.Hour})
		putSome(t, d, "d", 3, 20)
		workNow(d)
		d.Next(1 << 20)
		d.Ack(1, 1, Delivered)
		rewind(d)
		time.Sleep(10000 * time.Hour)
		require.Equal(t, []Loss{{Expired, "d", d.m.boot, 2, 3}}, d.Sweep())
	})
}

// documents are not under the quota.
func TestDiskDefineOverQuota(t *testing.T) {
	d := idleDisk(t, vfs.NewCrash(), Options{})
	require.ErrorIs(t, d.Define(1, make([]byte, minDisk/4+1)), ErrTooLarge)
	require.NoError(t, d.Define(1, make([]byte, minDisk/4)))
	require.ErrorIs(t, d.Define(2, make([]byte, 1)), ErrTooLarge)
	require.NoError(t, d.Define(1, make([]byte, 7)), "it is known")
	putSome(t, d, "d", 1, 20)
	workNow(d)
	l := d.Ledger()
	require.LessOrEqual(t, l.Bytes, l.Limit)
}

// aside copies made before the directory could be read.
func TestDiskAsideBeforeAttach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := vfs.NewCrash()
		fault := vfs.NewFault(base, vfs.Plan{Call: 1, Sticky: true, Match: func(vfs.Call) bool { return true }})
		d := idleDisk(t, fault, Options{})
		putSome(t, d, "d", 1, 20)
		es := d.Next(1 << 20)
		d.Ack(es[0].Index, es[0].Index, Rejected)
		fault.Set(vfs.Plan{})
		d.work()
		require.Equal(t, 1, len(d.w.kept))
		infos, err := base.ReadDir("spool")
		require.NoError(t, err)
		for _, i := range infos {
			if strings.HasSuffix(i.Name, spool.AsideExt) {
				for f, err := range spool.InspectFile(base, "spool", i.Name) {
					require.NoError(t, err)
					require.Equal(t, spool.Whole, f.Class, i.Name)
				}
			}
		}
	})
}
