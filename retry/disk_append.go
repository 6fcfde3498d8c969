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

// wait waits for a change. It returns false when time is over or ctx is done. It is
// called with the lock held and returns with it held.
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
