package retry

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// docsOn lists the ids of the documents on a disk.
func docsOn(t *testing.T, fsys vfs.FS) (ids []uint64) {
	infos, err := fsys.ReadDir(crashDir)
	require.NoError(t, err)
	for _, info := range infos {
		if id, ok := spool.ParseDocName(info.Name); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Forty versions of a schema of 12 KB, one after the other, in a quota that does
// not hold them all.
func TestDiskOldDocumentsGo(t *testing.T) {
	for name, c := range map[string]struct {
		overflow Overflow
		deliver  bool
	}{"delivered": {Reject, true}, "offline, drop-oldest": {DropOldest, false}, "offline, reject": {Reject, false}} {
		t.Run(name, func(t *testing.T) {
			fsys := vfs.NewCrash()
			o := Options{MaxBytes: 512 << 10, SyncDelay: time.Hour, Overflow: c.overflow}
			full := false
			for version := range uint64(40) {
				d := openDisk(t, fsys, crashDir, o)
				require.NoError(t, d.Define(version+1, noise[version:version+12<<10]))
				_, _, err := d.Append(t.Context(), fmt.Sprint("v", version+1), noise[:100])
				if full = full || c.overflow == Reject && err != nil; full {
					require.ErrorIs(t, err, ErrFull, "there is no room for its document: it is not accepted")
				} else {
					require.NoError(t, err)
				}
				require.NoError(t, d.Sync(t.Context()))
				if c.deliver {
					deliverAll(d)
				}
				require.NoError(t, d.Close())
				if c.deliver {
					require.LessOrEqual(t, len(docsOn(t, fsys)), 3)
				}
			}
			d := openDisk(t, fsys, crashDir, o)
			for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
				for _, e := range es { // all that is there has its document
					version := uint64(0)
					_, _ = fmt.Sscanf(e.Device, "v%d", &version)
					require.Equal(t, noise[version-1:version-1+12<<10], d.Definitions()[version])
				}
				d.Ack(es[0].Index, es[len(es)-1].Index, Delivered)
			}
			require.Equal(t, !c.deliver && c.overflow == Reject, full)
		})
	}
}

// A document stays while one entry may refer to it, wherever that is, and goes
// when an entry is written after that.
func TestDiskDocumentOfTheLastEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewCrash()
		put := func(d *Disk) {
			_, _, err := d.Append(t.Context(), "d", []byte("data"))
			require.NoError(t, err)
			require.NoError(t, d.Sync(t.Context()))
		}
		d := openDisk(t, fsys, crashDir, Options{})
		require.NoError(t, d.Define(1, []byte("one")))
		require.NoError(t, d.Define(2, []byte("two")))
		put(d)
		require.Equal(t, []uint64{1, 2}, docsOn(t, fsys), "it may be of either")
		require.NoError(t, d.Define(3, []byte("three")))
		require.Equal(t, []uint64{1, 2}, docsOn(t, fsys), "nothing can be of it yet")
		require.NoError(t, d.Close())

		d = openDisk(t, fsys, crashDir, Options{})
		require.Equal(t, map[uint64][]byte{1: []byte("one"), 2: []byte("two")}, d.Definitions())
		require.NoError(t, d.Define(2, []byte("two")))
		put(d)
		require.Equal(t, []uint64{1, 2}, docsOn(t, fsys))
		es := d.Next(1)
		d.Ack(es[0].Index, es[0].Index, Delivered)
		put(d)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []uint64{2}, docsOn(t, fsys))
		require.Equal(t, map[uint64][]byte{2: []byte("two")}, d.Definitions())
		require.NoError(t, d.Close())

		// All is delivered, and the program knows nothing any more: they go with the
		// first entry that is written.
		d = openDisk(t, fsys, crashDir, Options{})
		deliverAll(d)
		put(d)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, docsOn(t, fsys))
		require.NoError(t, d.Close())
	})
}

// A power cut gives no entry back without its document.
func TestDiskDocumentOutlivesItsSegment(t *testing.T) {
	fsys := vfs.NewCrash()
	var points []*vfs.Point
	fsys.OnCall = func(vfs.Call) { points = append(points, fsys.Point()) }
	for id := range uint64(4) {
		d := still(t, fsys, crashOptions)
		require.NoError(t, d.Define(id, fmt.Append(nil, id)))
		for range 5 { // a segment, whose space the next one takes
			_, _, err := d.Append(t.Context(), fmt.Sprint(id), noise[:3500])
			require.NoError(t, err)
			workNow(d)
		}
		for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
			for _, e := range es {
				if e.Device != fmt.Sprint(id) && e.Device != "0" { // which holds the watermark
					d.Ack(e.Index, e.Index, Delivered)
				}
			}
		}
		_, _, err := d.Append(t.Context(), fmt.Sprint(id), noise[:3500])
		require.NoError(t, err)
		workNow(d)
		d.finish()
		require.NoError(t, d.end)
		require.LessOrEqual(t, len(docsOn(t, fsys)), 3)
	}
	for i, p := range points {
		for state := range p.States(64, uint64(i)) {
			d := still(t, state, crashOptions)
			for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
				for _, e := range es {
					var id uint64
					_, _ = fmt.Sscan(e.Device, &id)
					require.Equal(t, e.Device, string(d.Definitions()[id]), "%v", state)
				}
				d.Return(es[0].Index, es[len(es)-1].Index)
			}
		}
	}
}
