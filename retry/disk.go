package retry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
// blocks by one goroutine, which Close ends. With SyncSpill those that are finished
// in time are never written. When the disk fails, everything goes on in memory, as
// with [Memory], until the disk is well again; see Health. A read that fails loses
// nothing either: it is tried again, and only what cannot be read from a disk that
// is otherwise well is given up, as Corrupt.
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
	missed, // the consumer did not find a file where it was
	syncNow, // somebody waits for what was written without syncing
	full bool // the quota is used up and nothing may be evicted
	bytes    int64     // of all files
	waiting  int64     // bytes appended since the last write
	rd       reader    //
	aside    []Entry   // copies of those that will not be delivered, to be kept
	trash    []discard // files to remove or rename
	unsaved  uint64    // entries finished on disk since the watermark was saved
	since    time.Time // when the first of them was
	shift    uint64    // of the entries of this opening: index - shift = position
	ago      int64     // time of the log - ago = Memory.now
	reserved int64     // bytes of the quota that are about to be used
	ids      int       // bytes that the ids of all segments take
	trusted  int64     // as of TrustedTime, Unix ms
	health   Health
	notes    notes

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
	positionStride = 1 << 24 // more than a write that was cut short can have used
	lateIndex      = 1 << 63 // the first index when the disk could not be read at first

	// timeBase is when the clock of entries in memory begins. It makes their times
	// three bytes long, which spool.Bound counts on.
	timeBase = 1 << 14
)

// Open opens the buffer in dir, a directory of its own, which it makes if need be,
// and takes a lock on it. Entries that an earlier opening left are pending, in
// their order, before new ones, with the ids that they had; damaged ones are
// counted as corrupt and reported by Sweep. New ids are of a new boot, whatever
// became of the directory meanwhile.
//
// A directory that is damaged is opened all the same. While the disk cannot be read
// or written (full, read-only, not mounted, broken) Open succeeds too, and entries
// are kept in memory until it can: see Health. Errors: one that matches ErrLocked
// if another process has dir open, ErrNewerFormat if a newer version of this
// package wrote it, ErrUntrusted if others could write to it, fs.ErrPermission, a
// file in the place of a directory, and options that are not valid.
func Open(dir string, o Options) (*Disk, error) { return open(vfs.OS{}, dir, o) }

// Errors of Open.
var (
	ErrLocked      = vfs.ErrLocked
	ErrNewerFormat = spool.ErrNewerFormat
	ErrUntrusted   = vfs.ErrUntrusted
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
	d := &Disk{fs: fsys, dir: dir, opts: o, ago: -timeBase, wake: make(chan struct{}, 1), done: make(chan struct{})}
	d.segBytes = powerOfTwo(min(maxSegment, max(minSegment, o.MaxBytes/32+1)))
	d.notes.logger = o.Logger
	d.m.forDisk(o, min(d.segBytes, maxBlock))
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

// forDisk makes m the part of a Disk that is in memory.
func (m *Memory) forDisk(o Options, maxBlock int64) {
	m.opts = Options{MaxBytes: o.MaxMemory, Overflow: Reject}
	m.timed, m.apart, m.clock, m.maxBlock, m.tableMax = true, true, timeBase, maxBlock, o.MaxMemory/2
	m.limitEntries(limit{o.MaxBytes / 4, "a quarter of Options.MaxBytes"}, limit{o.MaxMemory / 2, "half of Options.MaxMemory"})
	m.init()
	m.chunk = int(min(int64(m.chunk), maxBlock))
	m.next, m.read.index = lateIndex, lateIndex
}

// permanent reports errors that are a matter of how Open was called.
func permanent(err error) bool {
	for _, e := range []error{ErrLocked, ErrNewerFormat, ErrUntrusted, fs.ErrPermission, syscall.ENOTDIR, fs.ErrInvalid, syscall.ENAMETOOLONG} {
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
	d.notes.wait()
	return d.end
}

var _ Buffer = (*Disk)(nil)
