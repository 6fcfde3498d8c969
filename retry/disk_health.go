package retry

import (
	"log/slog"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

// Health is how the disk of a [Disk] is, with figures since it was opened.
type Health struct {
	Degraded   bool      // the disk cannot be used: entries are kept in memory
	Err        error     // why; nil if it is well
	Since      time.Time // when that began
	Spooled    uint64    // entries that were made durable
	FlashBytes uint64    // bytes given to the file system to write, block heads, padding and cursors counted
	Fsyncs     uint64    // calls that make something durable: of files and of directories
}

// Health returns how the disk is.
func (d *Disk) Health() Health {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return d.health
}

// The goroutine tries again after a failure, at first soon.
const (
	firstProbe = time.Second
	lastProbe  = time.Minute
)

// trouble notes that the disk failed. Called with the lock held, or before there
// is a goroutine.
func (d *Disk) trouble(err error) {
	was, now := d.health.Degraded, time.Now()
	d.health.Degraded, d.health.Err = true, err
	if !was || !now.Before(d.w.probeAt) { // who reads in vain does not put off the next try
		d.w.backoff = min(max(2*d.w.backoff, firstProbe), lastProbe)
		d.w.probeAt = now.Add(d.w.backoff)
	}
	if !was {
		d.health.Since = now
		d.notes.add(slog.LevelWarn, "the buffer's disk cannot be used: entries are kept in memory", "dir", d.dir, "error", err)
	}
	d.m.wake()
}

// readTrouble notes that the disk could not be read.
func (d *Disk) readTrouble(err error) {
	d.trouble(err)
	d.w.blind, d.missed = true, d.missed || spool.Missing(err)
	d.poke()
}

// well notes that the disk is in order.
func (d *Disk) well() {
	if d.health.Degraded {
		d.notes.add(slog.LevelInfo, "the buffer's disk can be used again", "dir", d.dir, "after", time.Since(d.health.Since))
		d.health.Degraded, d.health.Err, d.health.Since = false, nil, time.Now()
	}
	d.w.backoff, d.w.probeAt, d.w.vain = 0, time.Time{}, false
	d.m.wake()
}
