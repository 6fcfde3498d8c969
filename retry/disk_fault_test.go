package retry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

const faultDoc = 7

// faultWork is what a device does: an earlier opening has left a backlog.
type faultWork struct {
	opts Options
	base *vfs.Point
	was  *oracle
}

func newFaultWork(t *testing.T, opts Options) *faultWork {
	opts.MaxBytes, opts.MaxMemory, opts.SyncDelay = minDisk, minWaiting, 10*time.Second
	w := &faultWork{opts: opts}
	synctest.Test(t, func(t *testing.T) {
		disk, o := vfs.NewCrash(), newOracle()
		d := o.open(disk, opts)
		require.NoError(t, d.Define(faultDoc, []byte("the document")))
		for i := range 6 {
			w.round(o, d, i)
		}
		_ = o.read(d, 2000)
		require.NoError(t, o.close(d))
		require.Empty(t, o.wrong)
		w.base, w.was = disk.Point(), o.clone()
	})
	return w
}

// round appends an entry of each device and makes them durable.
func (w *faultWork) round(o *oracle, d *Disk, i int) {
	for n, device := range []string{"a", "b", "c"} {
		size := 100
		if i%5 == 0 || i%5 == 2 { // a segment full
			size = 4000 + 300*n
		}
		at := (37*i + 11*n) % 3000
		o.append(d, device, fmt.Sprint(i, device)+string(noise[at:min(4096, at+size)]))
	}
	_ = o.sync(d)
	synctest.Wait()
}

// run is the workload. It leaves the buffer open.
func (w *faultWork) run(o *oracle, fsys vfs.FS) *Disk {
	d := o.open(fsys, w.opts, fs.ErrPermission)
	if d == nil {
		return nil
	}
	if err := d.Define(faultDoc, []byte("the document")); err != nil {
		o.complain("Define: %v", err)
	}
	for i := range 26 {
		w.round(o, d, i)
		o.sweep(d)
		switch i % 8 {
		case 1:
			es := o.read(d, 6000)
			for n := range es { // the last first, and one hole
				if e := es[len(es)-1-n]; n == 1 {
					o.ack(d, e, Rejected)
				} else if n != 2 {
					o.ack(d, e, Delivered)
				}
			}
		case 3:
			for _, e := range o.read(d, 3000) {
				o.ack(d, e, Delivered)
			}
		case 4:
			rewind(d)
			o.restart()
		case 6:
			_ = o.read(d, 3000)
		}
		synctest.Wait()
		if i%9 == 8 {
			time.Sleep(35 * time.Second) // timers: the cursor, a probe
			synctest.Wait()
		}
	}
	return d
}

// recovers checks that a buffer whose disk is well again finds out by itself.
func (o *oracle) recovers(d *Disk) {
	began := time.Now()
	put := false
	for {
		if !put {
			put = o.append(d, "a", "after")
		}
		for !put { // it is full
			es := o.read(d, 64<<10)
			for _, e := range es {
				o.ack(d, e, Delivered)
			}
			if put = o.append(d, "a", "after"); len(es) == 0 {
				break
			}
		}
		err := o.sync(d)
		if put && err == nil && !d.Health().Degraded {
			return
		}
		if time.Since(began) > 61*time.Second {
			o.complain("a minute after the disk was well: Sync: %v; health %+v", err, d.Health())
			return
		}
		if errors.Is(err, errUnsafe) { // these can only be delivered
			rewind(d)
			o.restart()
			for es := o.read(d, 64<<10); len(es) > 0; es = o.read(d, 64<<10) {
				for _, e := range es {
					o.ack(d, e, Delivered)
				}
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
	}
}

// account checks that everything put is somewhere, given what came back.
func (w *faultWork) account(o *oracle, back map[faultID]bool, plan vfs.Plan) {
	missing, unnamed, faulted := uint64(0), o.unnamed[Evicted]+o.unnamed[Corrupt], plan.Call > 0
	for id := range o.put {
		outcome, lost := o.lost[id]
		switch {
		case lost && o.spooled[id] && (outcome != Evicted || w.opts.Overflow != DropOldest):
			o.complain("%v was spooled and is reported %v", id, outcome)
		case lost && back[id] && !faulted:
			o.complain("%v is reported %v and came back", id, outcome)
		case !lost && !back[id] && !o.finished[id]:
			// Of what is evicted while it cannot be read only the number is known.
			if missing++; o.spooled[id] && (missing > unnamed || w.opts.Overflow != DropOldest) {
				o.complain("%v was spooled and is gone", id)
			}
		}
	}
	unsynced := plan.Drop && w.opts.Sync == SyncNever // as in a power cut
	if missing > unnamed && !unsynced || missing < unnamed && !faulted {
		o.complain("%d entries are gone without a report of them, %d are reported without ids", missing, unnamed)
	}
	if o.unnamed[Corrupt] > 0 && w.opts.Sync != SyncNever {
		o.complain("%d entries are reported corrupt", o.unnamed[Corrupt])
	}
}

// powerCut checks what a power cut at this point leaves: no report is due then,
// but nothing spooled may be gone.
func (o *oracle) powerCut(p *vfs.Point, opts Options) {
	for state := range p.States(1, 1) {
		cut := o.clone()
		cut.unnamed = [outcomes]uint64{}
		back, gone := cut.drain(state, opts), uint64(0)
		for id := range o.spooled {
			if _, lost := o.lost[id]; back[id] || lost || o.finished[id] {
				continue
			}
			if gone++; gone > o.unnamed[Evicted] {
				cut.complain("%v was spooled and is gone after a power cut: %v", id, state)
			}
		}
		if n := cut.unnamed[Corrupt]; n > 0 && opts.Sync != SyncNever {
			cut.complain("%d entries are reported corrupt after a power cut: %v", n, state)
		}
		o.wrong = append(o.wrong, cut.wrong...)
	}
}

// fail runs the workload with a fault, heals the disk before or after the end,
// and opens it again.
func (w *faultWork) fail(t *testing.T, plan vfs.Plan, healFirst, cut bool) (wrong []string, hits []vfs.Call) {
	synctest.Test(t, func(t *testing.T) {
		disk, o := w.base.Killed(), w.was.clone()
		fault := vfs.NewFault(disk, plan)
		d := w.run(o, fault)
		if d != nil && healFirst {
			fault.Set(vfs.Plan{})
			o.recovers(d)
		}
		if cut {
			o.powerCut(disk.Point(), w.opts)
		}
		if d != nil {
			if err := o.close(d); err != nil && healFirst {
				o.complain("Close: %v", err)
			}
		}
		back := o.drain(disk, w.opts)
		w.account(o, back, plan)
		if cut {
			if again := o.drain(disk, w.opts); len(again) > 0 {
				o.complain("%d drained entries came back", len(again))
			}
		}
		wrong, hits = o.wrong, fault.Hits()
	})
	return wrong, hits
}

// calls counts the calls of a run without faults.
func (w *faultWork) calls(t *testing.T, match func(vfs.Call) bool) (n int) {
	synctest.Test(t, func(t *testing.T) {
		o := w.was.clone()
		fault := vfs.NewFault(w.base.Killed(), vfs.Plan{Match: match})
		d := w.run(o, fault)
		require.NoError(t, o.close(d))
		n = fault.Calls()
		w.account(o, o.drain(fault, w.opts), vfs.Plan{})
		require.Empty(t, o.wrong)
		if w.opts.Overflow == DropOldest {
			require.NotEmpty(t, o.lost, "the workload is to fill the disk")
		}
	})
	return n
}

// An error at every call of the file system, of each kind, once and for good.
func TestDiskFaults(t *testing.T) {
	all := func(vfs.Call) bool { return true }
	syncs := func(c vfs.Call) bool { return c.Op == vfs.OpSync || c.Op == vfs.OpSyncDir }
	writes := func(c vfs.Call) bool { return c.Op == vfs.OpWrite }
	kinds := []struct {
		name string
		plan vfs.Plan
	}{
		{"EIO", vfs.Plan{Err: syscall.EIO}},
		{"ENOSPC", vfs.Plan{Err: syscall.ENOSPC}},
		{"EROFS", vfs.Plan{Err: syscall.EROFS}},
		{"EDQUOT", vfs.Plan{Err: syscall.EDQUOT}},
		{"EACCES", vfs.Plan{Err: syscall.EACCES}},
		{"EIO and done", vfs.Plan{Done: true}},
		{"EIO reading too", vfs.Plan{Match: all}},
		{"short write", vfs.Plan{Short: true, Err: syscall.ENOSPC, Match: writes}},
		{"fsync drops pages", vfs.Plan{Drop: true, Match: syncs}},
		{"fsync fails and is done", vfs.Plan{Done: true, Match: syncs}},
	}
	variants := []struct {
		name string
		opts Options
	}{
		{"drop-oldest", Options{}},
		{"reject", Options{Overflow: Reject}},
		{"block", Options{Overflow: Block}},
		{"always", Options{Sync: SyncAlways}},
		{"spill", Options{Sync: SyncSpill}},
		{"never", Options{Sync: SyncNever}},
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	var runs, hits atomic.Int64
	for n, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			w := newFaultWork(t, v.opts)
			for _, kind := range kinds {
				t.Run(kind.name, func(t *testing.T) {
					calls := w.calls(t, kind.plan.Match)
					step := 1
					if n > 0 {
						step = 9 // the paths to the disk are the same
					}
					if raceEnabled {
						step *= 11
					}
					var wg sync.WaitGroup
					next := atomic.Int64{}
					for range 2 {
						wg.Go(func() {
							for {
								i := int(next.Add(1)) - 1
								k := 1 + i/2*step
								if k > calls || t.Failed() {
									return
								}
								plan := kind.plan
								plan.Call, plan.Sticky = k, i%2 == 1
								wrong, hit := w.fail(t, plan, k/step%2 == 0, k/step%4 < 2)
								runs.Add(1)
								hits.Add(int64(min(1, len(hit))))
								if len(wrong) > 0 {
									t.Errorf("of %d calls, sticky %v, fails %v:\n%s", calls, plan.Sticky, hit[0], strings.Join(wrong, "\n"))
								}
							}
						})
					}
					wg.Wait()
				})
			}
		})
	}
	t.Logf("%d runs, %d with a fault", runs.Load(), hits.Load())
	if !raceEnabled && !t.Failed() && os.Getenv("TORTURE") == "" {
		require.Greater(t, hits.Load(), int64(2400))
	}
}
