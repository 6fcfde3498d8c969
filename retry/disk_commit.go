package retry

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// piece is a chunk on its way to disk, as one block.
type piece struct {
	c    *chunk
	done []uint64 // which entries were finished when it was taken
	head spool.Head
}

func (d *Disk) path(name string) string { return filepath.Join(d.dir, name) }

// commit writes what waits in memory, if it is time to.
func (d *Disk) commit() error {
	pieces := d.take()
	var err error
	if len(pieces) > 0 {
		err = d.define()
	}
	for tries := 0; len(pieces) > 0 && (tries > 0 || err == nil); tries++ {
		var n int
		n, err = d.write(pieces)
		pieces = pieces[n:]
		if err == nil || errors.Is(err, ErrFull) {
			break
		}
		d.abandon()
		if tries == 1 || errors.Is(err, errNoRoom) {
			break
		}
	}
	if err == nil {
		err = d.syncIfAsked()
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	for _, p := range pieces {
		p.c.busy = false
	}
	if errors.Is(err, ErrFull) {
		d.full, err = true, nil
	}
	d.urgent, d.syncNow = false, false
	d.m.wake()
	return err
}

// take returns the chunks to be written; they are sealed.
func (d *Disk) take() (pieces []piece) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	at, ok := d.commitAt(time.Now())
	if !ok || at.After(time.Now()) {
		return nil
	}
	d.waiting, d.full = 0, false
	for _, c := range d.m.chunks {
		if c.live > 0 {
			c.sealed, c.busy = true, true
			pieces = append(pieces, piece{c: c, done: slices.Clone(c.done)})
		}
	}
	return pieces
}

// write writes pieces and returns how many of them are in the log.
func (d *Disk) write(pieces []piece) (n int, err error) {
	w := &d.w
	var fresh []piece // written, not in the log
	entries := uint64(0)
	settle := func() error {
		if len(fresh) == 0 {
			return nil
		}
		if d.opts.Sync != SyncNever {
			if err := d.sync(); err != nil {
				return err
			}
		}
		d.publish(fresh)
		n += len(fresh)
		fresh, entries = fresh[:0], 0
		return nil
	}
	for _, p := range pieces {
		d.build(p)
		if !d.fits(p) {
			if err := settle(); err != nil {
				return n, err
			}
			if err := d.turnPage(p); err != nil {
				return n, err
			}
		} else if err := d.extend(w.used + w.builder.Size()); err != nil {
			if serr := settle(); serr != nil {
				return n, serr
			}
			return n, err
		}
		p.head = spool.Head{Boot: d.m.boot, First: p.c.first - d.shift, Before: w.written + entries, Durable: w.durable,
			Acked: d.watermark(), Prev: w.prev, Clock: p.c.newest, Wall: time.Now().UnixMilli()}
		w.buf = w.builder.Append(w.buf[:0], w.seg.id.Salt, w.used, &p.head)
		if err := d.writeAt(w.file, w.buf, w.used); err != nil {
			return n, err
		}
		d.m.mu.Lock()
		w.dirty = true
		w.used += int64(len(w.buf))
		d.m.mu.Unlock()
		entries += uint64(p.head.Entries)
		fresh = append(fresh, p)
		if cap(w.buf) > 4*maxChunk {
			w.buf = nil
		}
	}
	return n, settle()
}

// build makes the block of a piece.
func (d *Disk) build(p piece) {
	b := &d.w.builder
	b.Reset()
	view := chunk{done: p.done}
	d.m.mu.Lock() // for the table of devices
	names := d.m.names
	d.m.mu.Unlock()
	for at, i := 0, 0; i < p.c.n; i++ {
		var e Entry
		at, _ = entryOf(names, p.c, at, i, &e)
		if view.isDone(i) {
			b.Skip()
		} else {
			b.Add(e.Device, e.Seq, e.Data)
		}
	}
}

// maxGap is how many finished entries may lie between two blocks of a segment.
const maxGap = 1 << 16

// fits tells whether the block belongs into the segment that is being written.
func (d *Disk) fits(p piece) bool {
	w := &d.w
	if w.seg == nil {
		return false
	}
	end := max(w.seg.end, w.seg.first)
	return w.used+w.builder.Size() <= max(d.segBytes, w.seg.size) && p.c.first-end <= maxGap
}

// firstStep is what a segment has at first; it grows by doubling, so that a device
// that restarts all the time does not fill the disk with empty space.
const firstStep = 64 << 10

// extend makes the segment's file at least n bytes long.
func (d *Disk) extend(n int64) error {
	s := d.w.seg
	if n <= s.size {
		return nil
	}
	size := max(powerOfTwo(n), min(2*s.size, d.segBytes))
	if err := d.quota(size - s.size); err != nil {
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

// errNoRoom says that the disk is full and nothing can be dropped to change it.
var errNoRoom = errors.New("no room on the disk")

// allocate makes f that long; on a full disk it drops the oldest segment first, if
// the policy is to drop.
func (d *Disk) allocate(f vfs.File, size int64) error {
	err := f.Allocate(size)
	if !vfs.NoSpace(err) {
		return err
	}
	if d.opts.Overflow == DropOldest {
		d.m.mu.Lock()
		evicted := d.evict()
		d.m.mu.Unlock()
		if evicted {
			d.removeTrash()
			if err = f.Allocate(size); !vfs.NoSpace(err) {
				return err
			}
		}
	}
	return fmt.Errorf("%w: %w", errNoRoom, err)
}

// quota makes room for n more bytes.
func (d *Disk) quota(n int64) error {
	for {
		d.m.mu.Lock()
		free := d.opts.MaxBytes - d.bytes
		work := len(d.trash) > 0
		if free < n && !work {
			if d.opts.Overflow != DropOldest || !d.evict() {
				d.m.mu.Unlock()
				return d.fullError()
			}
			work = true
		}
		d.m.mu.Unlock()
		if free >= n {
			return nil
		}
		if err := d.removeTrash(); err != nil {
			return err
		}
	}
}

func (d *Disk) fullError() error {
	return fmt.Errorf("%w: all of the %d bytes on disk are used", ErrFull, d.opts.MaxBytes)
}

// turnPage begins a new segment, for a piece that is built.
func (d *Disk) turnPage(p piece) error {
	if err := d.seal(); err != nil {
		return err
	}
	w := &d.w
	size := max(powerOfTwo(w.builder.Size()), min(firstStep, d.segBytes))
	if err := d.quota(size); err != nil {
		return err
	}
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	id := spool.FileID{First: p.c.first - d.shift, Before: w.written, Salt: binary.LittleEndian.Uint64(salt[:])}
	s := &segment{id: id, name: id.Name(spool.SegmentExt), first: p.c.first, end: p.c.first, low: p.c.first, shift: d.shift,
		size: size, oldest: math.MaxInt64, endsAt: w.written}
	f, err := d.fs.Open(d.path(s.name), vfs.Create)
	if err != nil {
		return err
	}
	if err := d.allocate(f, size); err != nil {
		_ = f.Close()
		_ = d.fs.Remove(d.path(s.name))
		return err
	}
	d.m.mu.Lock()
	w.file, w.seg, w.used, w.named = f, s, 0, false
	d.bytes += size
	d.m.mu.Unlock()
	return nil
}

// seal ends the segment that is written to.
func (d *Disk) seal() error {
	w := &d.w
	if w.seg == nil {
		return nil
	}
	if w.dirty {
		if err := d.sync(); err != nil {
			return err
		}
	}
	w.prev = w.seg.id.First
	d.leave()
	return nil
}

// abandon gives up the file being written to after a failure: what failed once is
// never trusted again. What was synced before stays in the log.
func (d *Disk) abandon() {
	if d.w.seg != nil {
		d.w.unsafe = d.w.unsafe || d.w.dirty && d.opts.Sync == SyncNever && d.w.durable < d.w.written
		d.leave()
	}
}

func (d *Disk) leave() {
	w := &d.w
	_ = w.file.Close() // everything of worth is synced
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	if s := w.seg; s.entries == 0 { // nothing of it is in the log
		d.trash = append(d.trash, discard{name: s.name, size: s.size})
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
		d.count(0, 1)
		if err := d.fs.SyncDir(d.dir); err != nil {
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
	w.named, w.dirty = true, false
	if !w.unsafe {
		d.m.mu.Lock()
		w.durable = w.written
		d.m.mu.Unlock()
	}
	return nil
}

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
	if d.w.unsafe {
		return errors.New("a file failed that entries were written to without syncing")
	}
	return nil
}

// publish takes pieces from memory into the log on disk.
func (d *Disk) publish(pieces []piece) {
	m, w := &d.m, &d.w
	var ranges []Range
	m.mu.Lock()
	s := w.seg
	if s.entries == 0 {
		d.segs = append(d.segs, s)
		s.oldest = pieces[0].head.Clock
	}
	for _, p := range pieces {
		c, end := p.c, p.c.first+uint64(p.c.n)
		from := s.end
		s.end = end
		s.finish(from, c.first)
		for i := range c.n {
			if c.isDone(i) {
				s.finish(c.first+uint64(i), c.first+uint64(i)+1)
			}
		}
		s.pending += uint64(c.live)
		s.entries += uint64(p.head.Entries)
		s.newest = p.head.Clock
		w.written += uint64(p.head.Entries)
		c.busy = false
		if i := slices.Index(m.chunks, c); i >= 0 {
			m.discard(i, c.first >= m.read.index)
		}
		for _, dev := range p.head.Devices {
			for _, r := range dev.Runs {
				ranges = append(ranges, Range{dev.Name, m.boot, r.First, r.Last})
			}
		}
	}
	s.endsAt = w.written
	synced := !w.dirty
	if synced {
		if !w.unsafe {
			w.durable = w.written
		}
		d.unsaved -= min(w.covered, d.unsaved) // the watermark is in the heads
		for _, r := range ranges {
			d.health.Spooled += r.Last - r.First + 1
		}
	}
	m.wake()
	m.mu.Unlock()
	if synced && d.opts.OnSpooled != nil {
		d.opts.OnSpooled(ranges)
	}
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
