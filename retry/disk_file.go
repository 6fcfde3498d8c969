package retry

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// firstStep is what a segment has at first; it grows by doubling, so that a device
// that restarts all the time does not fill the disk with empty space.
const firstStep = 64 << 10

// extend makes the segment's file at least n bytes long, for a piece that is built.
func (d *Disk) extend(p piece, n int64) error {
	s := d.w.seg
	if n <= s.size {
		return nil
	}
	size := max(powerOfTwo(n), min(2*s.size, d.segBytes))
	if !d.reserve(p.c, size-s.size) {
		return errTurn
	}
	defer d.unreserve()
	if err := d.quota(size - s.size); errors.Is(err, ErrFull) { // less may do
		return errTurn
	} else if err != nil {
		return err
	}
	if err := d.allocate(d.w.file, size); err != nil {
		return err
	}
	d.m.mu.Lock()
	d.bytes += size - s.size
	s.size = size
	d.m.mu.Unlock()
	return nil
}

// syncDir makes names durable, of new files and that of old ones are gone.
func (d *Disk) syncDir() error {
	d.count(0, 1)
	err := d.fs.SyncDir(d.dir)
	if err == nil {
		d.w.ghosts = 0
	}
	return err
}

// turnPage begins a new segment, for a piece that is built.
func (d *Disk) turnPage(p piece) error {
	if err := d.seal(); err != nil {
		return err
	}
	w := &d.w
	id := spool.FileID{First: p.c.first - d.shift, Before: w.written, Salt: newSalt()}
	s := &segment{id: id, name: id.Name(spool.SegmentExt), first: p.c.first, end: p.c.first, low: p.c.first, shift: d.shift,
		oldest: math.MaxInt64, endsAt: w.written}
	f, err := d.reuse(s, p)
	if f == nil && err == nil {
		f, err = d.create(s, max(powerOfTwo(w.builder.Size()), min(firstStep, d.segBytes)))
	}
	if err != nil {
		return err
	}
	d.m.mu.Lock()
	w.file, w.seg, w.used = f, s, 0
	d.m.mu.Unlock()
	return nil
}

// newSalt returns the salt of a new file.
func newSalt() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// create makes the file of a segment.
func (d *Disk) create(s *segment, size int64) (vfs.File, error) {
	if err := d.quota(size); err != nil {
		return nil, err
	}
	f, err := d.fs.Open(d.path(s.name), vfs.Create)
	if err != nil {
		d.scrap(s.name, 0) // it may be there all the same
		return nil, err
	}
	if err := d.allocate(f, size); err != nil {
		_ = f.Close()
		d.scrap(s.name, size)
		return nil, err
	}
	s.size, d.w.named = size, false
	d.m.mu.Lock()
	d.bytes += size
	d.m.mu.Unlock()
	return f, nil
}

// discard has a file removed.
func (d *Disk) discard(t discard) {
	d.m.mu.Lock()
	d.trash = append(d.trash, t)
	d.m.mu.Unlock()
}

// scrap removes a file that did not come to be as it should, later if it cannot be
// done now: it takes room, and recovery must not take it for a segment whose
// entries are lost.
func (d *Disk) scrap(name string, size int64) {
	err := d.fs.Remove(d.path(name))
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	switch {
	case err == nil:
		d.w.ghosts += size
	case !spool.Missing(err):
		d.bytes += size
		d.trash = append(d.trash, discard{name: name, size: size})
	}
}

// seal ends the segment that is written to.
func (d *Disk) seal() error {
	w := &d.w
	if w.seg == nil {
		return nil
	}
	if s := w.seg; s.reused && s.entries > 0 && w.used < s.size { // recovery is to tell its end
		if err := d.writeAt(w.file, spool.EndPage(s.id.Salt, w.used), w.used); err != nil {
			return err
		}
		w.dirty = d.opts.Sync != SyncNever || w.dirty
	}
	if w.dirty {
		if err := d.sync(); err != nil {
			return err
		}
	}
	d.leave()
	return nil
}

// abandon gives up the file being written to after a failure: what failed once is
// never trusted again. What was synced before stays in the log.
func (d *Disk) abandon() {
	if d.w.seg != nil {
		d.m.mu.Lock()
		d.w.seg.stale = true
		d.w.seg.unsafe = d.w.dirty && d.opts.Sync == SyncNever && d.w.durable < d.w.written
		d.m.mu.Unlock()
		d.leave()
	}
}

func (d *Disk) leave() {
	w := &d.w
	_ = w.file.Close() // everything of worth is synced
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	w.seg.ids.Seal()
	if s := w.seg; s.entries == 0 { // nothing of it is in the log
		d.ids -= s.ids.Cost()
		d.trash = append(d.trash, discard{name: s.name, size: s.size})
	} else {
		w.prev = s.id.First
	}
	w.file, w.seg, w.dirty = nil, nil, false
	d.retireFinished(false)
}

// sync makes the file that is written to durable, and then its name.
func (d *Disk) sync() error {
	w := &d.w
	d.count(0, 1)
	if err := w.file.Sync(); err != nil {
		return err
	}
	if !w.named {
		if err := d.syncDir(); err != nil {
			return err
		}
	}
	// What was removed from under us can be synced as well as anything.
	f, err := d.fs.Open(d.path(w.seg.name), vfs.ReadOnly)
	if err != nil {
		w.unlinked = true
		return fmt.Errorf("the segment is gone: %w", err)
	}
	_ = f.Close()
	w.named = true
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	w.dirty = false
	d.nowDurable()
	return nil
}

// nowDurable notes that all that was written is synced.
func (d *Disk) nowDurable() {
	if !d.unsafe() {
		d.w.durable = d.w.written
	}
}

// unsafe reports whether there are pending entries in a file that failed after they
// were written to it without syncing.
func (d *Disk) unsafe() bool {
	return slices.ContainsFunc(d.segs, func(s *segment) bool { return s.unsafe && s.pending > 0 })
}

var errUnsafe = errors.New("a file failed that entries were written to without syncing")

// syncIfAsked makes durable what was written without syncing, for Sync and Close.
func (d *Disk) syncIfAsked() error {
	d.m.mu.Lock()
	asked := d.syncNow && d.w.durable < d.w.written
	d.m.mu.Unlock()
	if !asked {
		return nil
	}
	if d.w.dirty {
		if err := d.sync(); err != nil {
			d.abandon()
			return err
		}
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.nowDurable()
	return nil
}

// writeAt writes and counts.
func (d *Disk) writeAt(f vfs.File, b []byte, off int64) error {
	d.count(len(b), 0)
	_, err := f.WriteAt(b, off)
	return err
}

func (d *Disk) count(bytes, fsyncs int) {
	d.m.mu.Lock()
	d.health.FlashBytes += uint64(bytes)
	d.health.Fsyncs += uint64(fsyncs)
	d.m.mu.Unlock()
}
