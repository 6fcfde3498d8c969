package retry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Disk is the form of [Buffer] that survives kill -9, power cuts and full disks.
// What Sync has returned for, or Options.OnSpooled has named, is on stable storage
// and comes back when the directory is opened again.
//
// The newest entries wait in memory, at most Options.MaxMemory, and are written in
// blocks by one goroutine, which Close ends. With SyncSpill those that are
// finished in time are never written. When the disk fails, everything goes on in
// memory, as with [Memory], until the disk is well again; see Health.
type Disk struct {
	fs       vfs.FS
	dir      string
	opts     Options
	segBytes int64 // of a segment, a power of two

	m Memory // the lock and the ledger of all, and the entries not on disk

	// Under m.mu.
	segs    []*segment // with pending entries, oldest first, and the active one
	backlog *spool.State
	attached,
	closing,
	loading, // the consumer reads with the lock released
	urgent, // do not wait to write
	syncNow, // somebody waits for what was written without syncing
	full bool // the quota is used up and nothing may be evicted
	bytes   int64     // of all files
	waiting int64     // bytes appended since the last write
	rd      reader    //
	aside   []Entry   // copies of those that will not be delivered, to be kept
	trash   []discard // files to remove or rename
	unsaved uint64    // entries finished on disk since the watermark was saved
	since   time.Time // when the first of them was
	shift   uint64    // of the entries of this opening: index - shift = position
	ago     int64     // time of the log - ago = Memory.now: not 0 if the disk was read late
	health  Health

	w    writer // the goroutine's
	wake chan struct{}
	done chan struct{}
	end  error // what Close returns
}

const (
	defaultDisk    = 64 << 20
	minDisk        = 256 << 10
	defaultWaiting = 4 << 20
	minWaiting     = 64 << 10
	maxSegment     = 4 << 20
	minSegment     = 16 << 10
	maxEntry       = 2 << 20
	positionStride = 1 << 24 // more than a write that was cut short can have used
	lateIndex      = 1 << 63 // the first index when the disk could not be read at first
)

// Open opens the buffer in dir, a directory of its own, which it makes if need be,
// and takes a lock on it. Entries that an earlier opening left are pending, in
// their order, before new ones; damaged ones are counted as corrupt and reported by
// Sweep. Boot numbers count from 1, durably.
//
// A directory that is damaged is opened all the same. While the disk cannot be
// read or written (full, read-only, not mounted, broken) Open succeeds too, and
// entries are kept in memory until it can: see Health. Errors: one that matches
// ErrLocked if another process has dir open, ErrNewerFormat if a newer version of this
// package wrote it, fs.ErrPermission, a file in the place of a directory, and options
// that are not valid.
func Open(dir string, o Options) (*Disk, error) { return open(vfs.OS{}, dir, o) }

// Errors of Open.
var (
	ErrLocked      = vfs.ErrLocked
	ErrNewerFormat = spool.ErrNewerFormat
)

func open(fsys vfs.FS, dir string, o Options) (*Disk, error) {
	d, err := newDisk(fsys, dir, o)
	if err == nil {
		go d.run()
	}
	return d, err
}

// newDisk opens the buffer without its goroutine.
func newDisk(fsys vfs.FS, dir string, o Options) (*Disk, error) {
	o, err := o.forDisk()
	if err == nil && dir == "" {
		err = errors.New("retry: the buffer's directory is empty")
	}
	if err != nil {
		return nil, err
	}
	d := &Disk{fs: fsys, dir: dir, opts: o, wake: make(chan struct{}, 1), done: make(chan struct{})}
	d.segBytes = powerOfTwo(min(maxSegment, max(minSegment, o.MaxBytes/32+1)))
	d.m.opts = Options{MaxBytes: o.MaxMemory, Overflow: Reject}
	d.m.timed, d.m.most = true, min(o.MaxBytes/4, o.MaxMemory/2, maxEntry)
	d.m.init(randomBoot())
	d.m.next, d.m.read.index = lateIndex, lateIndex
	if err := d.attach(true); err != nil {
		if permanent(err) {
			if d.w.lock != nil {
				err = errors.Join(err, d.w.lock.Close())
			}
			return nil, fmt.Errorf("retry: open the buffer in %s: %w", dir, err)
		}
		d.trouble(err)
	}
	return d, nil
}

// permanent tells errors that are a matter of how Open was called.
func permanent(err error) bool {
	for _, e := range []error{ErrLocked, ErrNewerFormat, fs.ErrPermission, syscall.ENOTDIR, fs.ErrInvalid, syscall.ENAMETOOLONG} {
		if errors.Is(err, e) && !vfs.ReadOnlyFS(err) {
			return true
		}
	}
	return false
}

// powerOfTwo returns the lowest power of two that is at least n.
func powerOfTwo(n int64) int64 {
	p := int64(1)
	for p < n {
		p <<= 1
	}
	return p
}

// Define implements [Buffer]. The document is written before the first entry that
// is written after it.
func (d *Disk) Define(id uint64, doc []byte) error {
	if len(doc) > spool.MaxDoc {
		return fmt.Errorf("%w: a definition of %d bytes, the limit is %d", ErrTooLarge, len(doc), spool.MaxDoc)
	}
	return d.m.Define(id, doc)
}

// Definitions implements [Buffer].
func (d *Disk) Definitions() map[uint64][]byte { return d.m.Definitions() }

// Ledger implements [Buffer]. Bytes and Limit are those of the disk.
func (d *Disk) Ledger() Ledger {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	l := d.m.ledger
	l.Bytes, l.Limit = d.bytes, d.opts.MaxBytes
	return l
}

// Span implements [Buffer].
func (d *Disk) Span() (first, next uint64) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return d.first(), d.m.next
}

// first returns the index of the oldest unfinished entry.
func (d *Disk) first() uint64 {
	for _, s := range d.segs {
		if s.pending > 0 {
			return s.firstUndone()
		}
	}
	return d.m.first()
}

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
		if err != nil {
			return 0, 0, err
		}
		if d.opts.Overflow == DropOldest || !d.full && !d.tight(len(data)) {
			ok, err := m.append(dev, data)
			if err != nil {
				return 0, 0, err
			}
			if ok {
				boot, seq = m.boot, dev.seq
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

// tight tells whether what waits in memory might not fit the disk with n bytes
// more. Unless entries may be dropped, none is accepted that Close could not write.
func (d *Disk) tight(n int) bool {
	free := d.opts.MaxBytes - d.bytes + d.w.spare
	if d.w.seg != nil {
		free += d.w.seg.size - d.w.used
	}
	for _, t := range d.trash {
		if !t.bad {
			free += t.size
		}
	}
	for _, c := range d.m.chunks {
		if c.live > 0 {
			n += len(c.buf) + 2*c.names + 512
		}
	}
	return 2*int64(n+512)+d.segBytes > free // padding and the ends of segments may double it
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

// spooledTo tells whether every entry below the index is durable or finished.
func (d *Disk) spooledTo(index uint64) bool {
	return !d.waitingBelow(index) && d.w.durable == d.w.written
}

// waitingBelow tells whether an entry below the index is in memory only.
func (d *Disk) waitingBelow(index uint64) bool {
	i := slices.IndexFunc(d.m.chunks, func(c *chunk) bool { return c.live > 0 })
	return i >= 0 && d.m.chunks[i].first < index
}

// hurry asks for everything to be written at once.
func (d *Disk) hurry() {
	d.urgent = true
	d.poke()
}

func (d *Disk) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Sync implements [Buffer].
func (d *Disk) Sync(ctx context.Context) error {
	m := &d.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for target := m.next; !d.spooledTo(target); {
		switch {
		case m.closed:
			return ErrClosed
		case d.health.Degraded:
			return fmt.Errorf("%w: %w", ErrDegraded, d.health.Err)
		case d.full:
			return fmt.Errorf("%w: %d of %d bytes on disk, all leased or not to be dropped", ErrFull, d.bytes, d.opts.MaxBytes)
		case d.unsafe() && !d.waitingBelow(target) && !d.w.dirty: // as durable as it gets
			return fmt.Errorf("%w: %w", ErrDegraded, errUnsafe)
		}
		d.syncNow = true
		d.hurry()
		if err := m.waitForRoom(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Close implements [Buffer]: it writes what waits in memory and ends the goroutine.
// What is on disk stays pending, for the next opening. If the disk is in trouble,
// what is in memory is given up as Evicted, which the last Sweep reports, and the
// error says why.
func (d *Disk) Close() error {
	d.m.mu.Lock()
	d.closing = true
	d.poke()
	d.m.mu.Unlock()
	<-d.done
	return d.end
}

var _ Buffer = (*Disk)(nil)
