package retry

import (
	"io"
	"math"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// writer is what the goroutine that writes knows. What others read of it, it
// changes under the lock.
type writer struct {
	lock     io.Closer
	file     vfs.File // of seg
	seg      *segment // that is written to; nil: none
	used     int64    // bytes of its blocks
	named    bool     // its name is durable
	dirty    bool     // it has blocks that are not
	prev     uint64   // position of the first entry of the segment before it
	written  uint64   // entries in all blocks so far
	durable  uint64   // of these, on stable storage
	builder  spool.Builder
	buf      []byte
	docs     map[uint64]vfs.Info // files of the documents on disk
	badDocs  []vfs.Info          // files of documents that are damaged
	cursor   spool.Cursor        // as saved last
	slots    vfs.File            // the cursor's; nil: it must be written anew
	kept     []vfs.Info          // files of damaged segments and rejected entries
	probeAt  time.Time           // when to try again; zero: the disk is well
	backoff  time.Duration
	blind    bool            // reading failed
	unsafe   map[string]bool // segments found by recovery that could not be synced
	vain     bool            // dropping a segment did not help against a full disk
	blinds   int             // probes since, at which the disk took a write
	unlinked bool            // files were not found where they were
	found    *spool.State    // by recovery; nil: the directory could not be read yet
	distrust bool            // writing to the cursor's file failed: it is replaced
	covered  uint64          // of Disk.unsaved, by the head written last
	tag      uint32          // low half of the salt of the segment that has the last durable block
	spare    int64           // bytes of the spare segment; 0: there is none
	ghosts   int64           // bytes of removed files that a power cut might give back
}

// run is the goroutine that does all writing.
func (d *Disk) run() {
	defer close(d.done)
	for {
		d.m.mu.Lock()
		if d.closing {
			d.m.mu.Unlock()
			d.finish()
			return
		}
		now := time.Now()
		at := d.nextWork(now)
		d.m.mu.Unlock()
		if !at.IsZero() && !at.After(now) {
			d.work()
			continue
		}
		wait := time.Hour
		if !at.IsZero() {
			wait = at.Sub(now)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-d.wake:
		}
		t.Stop()
	}
}

// Saving the cursor costs a page; it is done when so much would be sent twice
// after a crash.
const (
	cursorDelay = 30 * time.Second
	cursorBytes = 256 << 10
)

// nextWork returns when there is something to do; zero: nothing is known of.
func (d *Disk) nextWork(now time.Time) (at time.Time) {
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if t, ok := d.commitAt(now); ok {
		sooner(t)
	}
	if len(d.trash) > 0 || len(d.aside) > 0 {
		sooner(now)
	}
	if d.unsaved > 0 {
		if d.unsavedBytes() >= cursorBytes {
			sooner(now)
		}
		sooner(d.since.Add(cursorDelay))
	}
	if d.attached && d.timeDue() {
		sooner(now)
	}
	if d.health.Degraded {
		at = d.w.probeAt // whatever it is, not before
	}
	return at
}

// commitAt returns when what waits in memory is to be written.
func (d *Disk) commitAt(now time.Time) (at time.Time, ok bool) {
	if d.syncNow && d.w.durable < d.w.written {
		return now, true
	}
	oldest, ok := d.m.oldest()
	if !ok {
		d.urgent, d.waiting = false, 0
		return time.Time{}, false
	}
	if d.full && !d.urgent { // until something is finished
		return time.Time{}, false
	}
	group := d.opts.Sync == SyncGroup || d.opts.Sync == SyncNever
	if d.urgent || d.opts.Sync == SyncAlways || group && d.waiting >= d.opts.SyncBytes {
		return now, true
	}
	age := time.Duration(d.m.now()-oldest) * time.Millisecond
	return now.Add(d.opts.SyncDelay - age), true
}

// oldest returns the time of the oldest unfinished entry in memory.
func (m *Memory) oldest() (put int64, ok bool) {
	for _, c := range m.chunks {
		for p, i := 0, 0; c.live > 0 && i < c.n; i++ {
			var e Entry
			if p, put = m.entryAt(c, p, i, &e); !c.done.has(i) {
				return put, true
			}
		}
	}
	return 0, false
}

// work does all there is to do, once.
func (d *Disk) work() {
	d.m.mu.Lock()
	probing := d.health.Degraded
	d.w.unlinked, d.missed = d.w.unlinked || d.missed, false
	d.m.mu.Unlock()
	err := d.ready()
	if err == nil && probing {
		_ = d.removeTrash() // which may be all that it takes
	}
	if err == nil {
		err = d.commit()
	}
	if err == nil {
		err = d.tidy()
	}
	d.m.mu.Lock()
	probe := err == nil && d.health.Degraded
	d.m.mu.Unlock()
	if probe { // there may have been nothing to write
		err = d.saveCursor()
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	if spool.Missing(err) {
		d.w.unlinked = true
	}
	switch {
	case err != nil:
		d.trouble(err)
	case d.w.blind && !d.readable():
		d.trouble(d.health.Err)
		d.giveUpDead()
	default:
		d.w.blind, d.w.blinds = false, 0
		d.well()
	}
}

// deadProbes is how often the disk must take a write, while nothing of a file can
// be read, for that file to be damaged and not the disk away. It takes minutes.
const deadProbes = 8

// giveUpDead is called with the lock held, and releases it to write.
func (d *Disk) giveUpDead() {
	d.m.mu.Unlock()
	err := d.saveCursor()
	d.m.mu.Lock()
	if err != nil {
		d.w.blinds = 0
		return
	}
	if d.w.blinds++; d.w.blinds < deadProbes {
		return
	}
	d.w.blind, d.w.blinds = false, 0
	for _, s := range d.segs {
		if s.pending > 0 {
			s.dead = true
			break
		}
	}
	d.well()
}

// readable reports whether what the reader failed at can be read now.
func (d *Disk) readable() bool {
	for _, s := range d.segs {
		if s.pending > 0 && s.pins == 0 {
			s.pins++
			d.m.mu.Unlock()
			f, err := d.fs.Open(d.path(s.name), vfs.ReadOnly)
			if err == nil {
				_, err = f.ReadAt(make([]byte, 1), 0)
				_ = f.Close()
			}
			d.m.mu.Lock()
			s.pins--
			return err == nil
		}
	}
	return true
}

// finish is the end of the goroutine and the buffer.
func (d *Disk) finish() {
	err := d.ready()
	if err == nil {
		_ = d.removeTrash()
		d.m.mu.Lock()
		d.urgent, d.syncNow = true, true
		d.takeBack(0, math.MaxUint64)
		d.m.mu.Unlock()
		err = d.commit()
	}
	d.m.mu.Lock()
	save := d.attached && (d.unsaved > 0 && d.position() != d.w.cursor.Acked || d.w.cursor.Written != d.w.durable)
	d.m.mu.Unlock()
	if err == nil {
		err = d.tidy()
	}
	if err == nil && save {
		err = d.saveCursor()
	}
	m := &d.m
	m.mu.Lock()
	lost := uint64(0)
	for _, c := range m.chunks {
		lost += uint64(c.live)
		m.loseAll(c, Evicted)
	}
	m.end()
	var reader vfs.File
	if !d.loading { // else Next closes it
		reader = d.stopReading()
	}
	m.closed = true
	switch {
	case err != nil:
	case lost > 0:
		err = d.fullError()
	case d.unsafe():
		err = errUnsafe
	}
	d.end = err
	m.mu.Unlock()
	files := []io.Closer{reader, d.w.file, d.w.slots, d.w.lock}
	for _, t := range d.trash {
		files = append(files, t.reader)
	}
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
