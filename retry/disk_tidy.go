package retry

import (
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// clock is that of the log: ms that it has been open, over all boots.
func (d *Disk) clock() int64 { return d.m.now() + d.ago }

func wallNow() int64 { return time.Now().UnixMilli() }

// position returns the watermark: all entries below it are finished.
func (d *Disk) position() uint64 {
	if st := d.backlog; st != nil { // not in the log yet
		return st.Acked
	}
	for _, s := range d.segs {
		if s.pending > 0 {
			return s.firstUndone() - s.shift
		}
	}
	return d.m.first() - d.shift
}

// watermark is position for a block head; what it covers need not be saved again.
func (d *Disk) watermark() uint64 {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.w.covered = d.unsaved
	return d.position()
}

// noteAcked counts entries finished on disk.
func (d *Disk) noteAcked(n uint64) {
	if n == 0 {
		return
	}
	if d.unsaved == 0 {
		d.since = time.Now()
		d.poke()
	}
	before := d.unsavedBytes()
	if d.unsaved += n; before < cursorBytes && d.unsavedBytes() >= cursorBytes {
		d.poke()
	}
}

// unsavedBytes returns about how many bytes on disk were acknowledged since the
// watermark was saved.
func (d *Disk) unsavedBytes() int64 {
	if len(d.segs) == 0 {
		return 0
	}
	s := d.segs[0]
	return int64(d.unsaved) * s.size / int64(max(s.entries, 1))
}

// tidy does what can wait: removes files, keeps rejected entries, saves the
// watermark.
func (d *Disk) tidy() error {
	if err := d.removeTrash(); err != nil {
		return err
	}
	if err := d.writeAside(); err != nil {
		return err
	}
	d.m.mu.Lock()
	due := d.unsaved > 0 && (d.unsavedBytes() >= cursorBytes || time.Since(d.since) >= cursorDelay)
	if d.unsaved > 0 && d.position() == d.w.cursor.Acked || len(d.segs) == 0 {
		due, d.unsaved = false, 0 // it has not moved, or the files tell by not being there
	}
	due = due || d.timeDue()
	d.m.mu.Unlock()
	if !due {
		return nil
	}
	return d.saveCursor()
}

// removeTrash removes files that are not needed, and renames damaged ones.
func (d *Disk) removeTrash() error {
	for settled := false; ; {
		d.m.mu.Lock()
		if len(d.trash) == 0 {
			d.m.mu.Unlock()
			return nil
		}
		t := d.trash[0]
		d.trash[0].reader = nil
		d.m.mu.Unlock()
		if t.reader != nil {
			_ = t.reader.Close()
		}
		if t.doc && !settled { // a power cut must not give them back without it
			if err := d.syncDir(); err != nil {
				return err
			}
		}
		settled = t.doc
		gone, err := d.remove(t)
		if err != nil && !spool.Missing(err) {
			return err
		}
		if err == nil && gone {
			d.w.ghosts += t.size + t.more
		}
		d.m.mu.Lock()
		d.trash = d.trash[1:]
		switch {
		case err != nil:
			d.uncount(t.size)
		case gone:
			d.bytes -= t.size
		}
		d.empty()
		d.m.mu.Unlock()
	}
}

// empty notes that there may be room.
func (d *Disk) empty() {
	d.full = false
	d.m.wake()
}

// remove removes a file, or gives it another name: then it is not gone.
func (d *Disk) remove(t discard) (gone bool, err error) {
	switch {
	case t.bad:
		id, _ := spool.ParseName(t.name, spool.SegmentExt)
		name := id.Name(spool.BadExt)
		if err := d.fs.Rename(d.path(t.name), d.path(name)); err != nil {
			return false, err
		}
		return false, d.keep(vfs.Info{Name: name, Size: t.size})
	case t.reuse && d.w.spare == 0:
		if err := d.fs.Rename(d.path(t.name), d.path(spool.SpareName)); err != nil {
			d.m.mu.Lock()
			d.trash[0].reuse = false
			d.m.mu.Unlock()
			d.discard(discard{name: spool.SpareName, more: t.size}) // it may have been done all the same
			return false, err
		}
		d.m.mu.Lock()
		d.w.spare = t.size
		d.m.mu.Unlock()
		return false, nil
	}
	return true, d.fs.Remove(d.path(t.name))
}

// keep adds to the files that are kept to be looked at, and removes the oldest
// when they are more than an eighth of the quota.
func (d *Disk) keep(info vfs.Info) error {
	d.m.mu.Lock()
	d.w.kept = append(d.w.kept, info)
	sum := int64(0)
	for _, k := range d.w.kept {
		sum += k.Size
	}
	var old []vfs.Info
	for sum > d.opts.MaxBytes/8 && len(d.w.kept) > 0 {
		old = append(old, d.w.kept[0])
		sum -= d.w.kept[0].Size
		d.w.kept = d.w.kept[1:]
	}
	d.m.mu.Unlock()
	for _, k := range old {
		if err := d.fs.Remove(d.path(k.Name)); err != nil && !spool.Missing(err) {
			return err
		}
		d.w.ghosts += k.Size
		d.m.mu.Lock()
		d.bytes -= k.Size
		d.m.mu.Unlock()
	}
	return nil
}
