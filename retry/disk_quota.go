package retry

import (
	"errors"
	"fmt"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// errNoRoom says that the disk is full and nothing can be dropped to change it.
var errNoRoom = errors.New("no room on the disk")

// allocate makes f that long; on a full disk it drops the oldest segment first, if
// the policy is to drop.
func (d *Disk) allocate(f vfs.File, size int64) error {
	err := f.Allocate(size)
	if !vfs.NoSpace(err) {
		return err
	}
	if ok, derr := d.dropSpare(); ok && derr == nil {
		if err = f.Allocate(size); !vfs.NoSpace(err) {
			return err
		}
	}
	if d.opts.Overflow == DropOldest && !d.w.vain { // others may use up what is freed
		d.m.mu.Lock()
		d.w.vain = d.evict()
		d.m.mu.Unlock()
		if d.w.vain {
			_ = d.removeTrash()
			_, _ = d.dropSpare() // which it may have become
			if err = f.Allocate(size); !vfs.NoSpace(err) {
				d.w.vain = false
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
		var err error
		switch {
		case free >= n:
			d.m.mu.Unlock()
			if free-d.w.ghosts >= n {
				return nil
			}
			err = d.syncDir()
		case d.w.spare > 0:
			d.m.mu.Unlock()
			_, err = d.dropSpare()
		case len(d.trash) > 0 || d.trashDocs() || d.opts.Overflow == DropOldest && d.evict():
			d.m.mu.Unlock()
			err = d.removeTrash()
		default:
			d.m.mu.Unlock()
			return d.fullError()
		}
		if err != nil {
			return err
		}
	}
}

func (d *Disk) fullError() error {
	return fmt.Errorf("%w: all of the %d bytes on disk are used", ErrFull, d.opts.MaxBytes)
}

// reuse makes the spare the file of a segment: to write where something was written
// before costs the device a quarter of what new space costs, as the file system
// has nothing to note in its journal. It returns nil if there is none of that size.
func (d *Disk) reuse(s *segment, p piece) (vfs.File, error) {
	w, size := &d.w, d.w.builder.Size()
	if w.spare == 0 { // what is finished may be it
		_ = d.removeTrash()
	}
	d.m.mu.Lock()
	over := w.spare == 0 && len(d.trash) == 0 && d.opts.MaxBytes-d.bytes < d.segBytes && d.opts.Overflow == DropOldest && d.evict()
	d.m.mu.Unlock()
	if over {
		if err := d.removeTrash(); err != nil {
			return nil, err
		}
	}
	if w.spare == 0 || w.spare < size || !d.reserve(p.c, w.spare) {
		return nil, nil
	}
	defer d.unreserve()
	// The old name must be gone for good before anything is written: under it the
	// new blocks would be damage.
	err := d.fs.Rename(d.path(spool.SpareName), d.path(s.name))
	if spool.Missing(err) {
		d.m.mu.Lock()
		d.uncount(w.spare)
		w.spare = 0
		d.m.mu.Unlock()
		return nil, nil
	}
	if err != nil { // it may have been done all the same
		d.discard(discard{name: s.name, more: w.spare})
		return nil, err
	}
	d.m.mu.Lock()
	s.size, s.reused, w.spare, w.named = w.spare, true, 0, true
	d.m.mu.Unlock()
	if err := d.syncDir(); err != nil {
		d.discard(discard{name: s.name, size: s.size})
		return nil, err
	}
	f, err := d.fs.Open(d.path(s.name), vfs.ReadWrite)
	if err != nil {
		d.discard(discard{name: s.name, size: s.size})
		return nil, err
	}
	return f, nil
}

// dropSpare gives the space of the spare segment back. It returns false if there
// is none.
func (d *Disk) dropSpare() (bool, error) {
	w := &d.w
	if w.spare == 0 {
		return false, nil
	}
	err := d.fs.Remove(d.path(spool.SpareName))
	if err != nil && !spool.Missing(err) {
		return false, err
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	if err != nil {
		d.uncount(w.spare)
	} else {
		w.ghosts += w.spare
		d.bytes -= w.spare
	}
	w.spare = 0
	return true, nil
}

// uncount notes that a file of so many bytes is not there. It may have another name
// by now, which is to be removed: then that is what is counted.
func (d *Disk) uncount(size int64) {
	for i := range d.trash {
		if t := &d.trash[i]; t.more == size && size > 0 {
			t.size, t.more = size, 0
			return
		}
	}
	d.bytes -= size
	d.w.ghosts += size
}

// maxBlock is the most that a block takes, but one of a single large entry.
const maxBlock = 128 << 10

// cost is the most that a chunk, as one block, can take of the quota: a segment of its
// own.
func (d *Disk) cost(c *chunk) int64 {
	return max(d.m.maxBlock, powerOfTwo(spool.Bound(len(c.buf), c.devices, c.names, len(c.docs))))
}

// needed is the most that can be taken by writing all that waits in memory, and the
// documents that are not on disk yet.
func (d *Disk) needed() (n int64) {
	for _, c := range d.m.chunks {
		if c.live > 0 {
			n += d.cost(c)
		}
	}
	for _, id := range d.m.docs {
		if doc := d.m.defs[id]; d.w.docs[id].Name == "" {
			n += int64(len(doc))
		}
	}
	return n
}

// free returns how much of the quota is left beside that.
func (d *Disk) free() int64 {
	n := d.opts.MaxBytes - d.bytes - d.reserved + d.w.spare - d.needed()
	for _, t := range d.trash {
		if !t.bad {
			n += t.size
		}
	}
	return n
}

// reserve takes n bytes for what is about to be written, and reports whether that
// leaves room for all that waits, but for c, which it is for. nil: for something
// that may as well not be written. If entries may be dropped a chunk gets its room
// that way.
func (d *Disk) reserve(c *chunk, n int64) bool {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	free := d.free()
	if c != nil {
		free += d.cost(c)
	}
	if free < n && (c == nil || d.opts.Overflow != DropOldest) {
		return false
	}
	d.reserved = n
	return true
}

// unreserve ends it: what was taken is counted by now.
func (d *Disk) unreserve() {
	d.m.mu.Lock()
	d.reserved = 0
	d.m.mu.Unlock()
}

// affords reports whether there is room on the disk for one entry more beside all
// that waits in memory. Unless entries may be dropped, none is accepted that Close could
// not write.
func (d *Disk) affords(dev *device, data int) bool {
	m := &d.m
	free := d.free()
	size := data + entryHead
	if c := m.tail(); c == nil || c.live == 0 || !m.takes(c, dev, size) {
		free -= max(m.maxBlock, powerOfTwo(spool.Bound(size, 1, len(dev.name), len(m.docs))))
	}
	return free >= 0
}
