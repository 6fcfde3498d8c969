package retry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

// stall is how long Append waits for a disk that is slower than what comes.
const stall = 10 * time.Second

// Append implements [Buffer].
func (d *Disk) Append(ctx context.Context, name string, data []byte) (boot, seq uint64, err error) {
	if len(name) > spool.MaxName {
		return 0, 0, fmt.Errorf("retry: a device's name of %d bytes: the limit is %d", len(name), spool.MaxName)
	}
	m := &d.m
	m.mu.Lock()
	defer m.mu.Unlock()
	patience := patience{left: stall}
	for {
		if m.closed || d.closing {
			return 0, 0, ErrClosed
		}
		dev, err := m.deviceOf(name)
		tooMany := errors.Is(err, ErrTooManyDevices)
		switch {
		case tooMany:
		case err != nil:
			return 0, 0, err
		case d.opts.Overflow == DropOldest || !d.full && d.affords(dev, len(data)):
			ok, err := m.append(dev, data)
			if err != nil {
				return 0, 0, err
			}
			if ok {
				boot, seq = dev.boot, dev.seq
				d.appended(int64(len(data)))
				return boot, seq, nil
			}
		}
		if _, waits := m.oldest(); waits && !d.full && !d.health.Degraded { // writing makes room
			d.hurry()
			if patience.wait(ctx, m) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return 0, 0, err
			}
		}
		if tooMany {
			return 0, 0, err
		}
		if d.opts.Overflow == DropOldest && m.evictOldest() {
			continue
		}
		if d.opts.Overflow != Block {
			return 0, 0, fmt.Errorf("%w: %d of %d bytes on disk, %d entries pending", ErrFull, d.bytes, d.opts.MaxBytes, m.ledger.Pending)
		}
		if err := m.waitForRoom(ctx); err != nil {
			return 0, 0, err
		}
	}
}

// appended wakes the goroutine if there is something new for it to know, and
// waits for it with SyncAlways.
func (d *Disk) appended(n int64) {
	was := d.waiting
	d.waiting += n + 1
	if was == 0 || was < d.opts.SyncBytes && d.waiting >= d.opts.SyncBytes {
		d.poke()
	}
	if d.opts.Sync == SyncAlways {
		target := d.m.next
		patience := patience{left: stall}
		for !d.spooledTo(target) && !d.health.Degraded && !d.full && !d.m.closed && patience.wait(context.Background(), &d.m) {
		}
	}
}

// patience is a wait that several rounds share.
type patience struct{ left time.Duration }

// wait waits for a change. It returns false when time is over or ctx is done. It is called with
// the lock held and returns with it held.
func (p *patience) wait(ctx context.Context, m *Memory) bool {
	if p.left <= 0 {
		return false
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, p.left)
	defer cancel()
	err := m.waitForRoom(ctx)
	p.left -= time.Since(began)
	return err == nil
}

// spooledTo reports whether every entry below the index is durable or finished.
func (d *Disk) spooledTo(index uint64) bool {
	return !d.waitingBelow(index) && d.w.durable == d.w.written
}

// waitingBelow reports whether an entry below the index is in memory only.
func (d *Disk) waitingBelow(index uint64) bool {
	i := slices.IndexFunc(d.m.chunks, func(c *chunk) bool { return c.live > 0 })
	return i >= 0 && d.m.chunks[i].first < index
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

// reserve takes n bytes for what is about to be written, and reports whether that leaves room for
// all that waits, but for c, which it is for. nil: for something that may as well not be
// written. If entries may be dropped a chunk gets its room that way.
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
