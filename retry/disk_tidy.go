package retry

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// timeNow is the clock of the log: ms that it has been open, over all boots.
func (m *Memory) timeNow() int64 { return m.clock + time.Since(m.started).Milliseconds() }

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
	d.m.mu.Unlock()
	if !due {
		return nil
	}
	return d.saveCursor()
}

// removeTrash removes files that are not needed, and renames damaged ones.
func (d *Disk) removeTrash() error {
	for {
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
		err := d.remove(t)
		if err != nil && !spool.Missing(err) {
			return err
		}
		d.m.mu.Lock()
		d.trash = d.trash[1:]
		if err != nil || !t.bad {
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

func (d *Disk) remove(t discard) error {
	if !t.bad {
		return d.fs.Remove(d.path(t.name))
	}
	id, _ := spool.ParseName(t.name, spool.SegmentExt)
	name := id.Name(spool.BadExt)
	if err := d.fs.Rename(d.path(t.name), d.path(name)); err != nil {
		return err
	}
	return d.keep(vfs.Info{Name: name, Size: t.size})
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
		d.m.mu.Lock()
		d.bytes -= k.Size
		d.m.mu.Unlock()
	}
	return nil
}

// maxAside bounds the copies that wait to be kept aside.
const maxAside = 64

// keepAside copies leased entries that will not be delivered. The consumer calls it, before
// they are finished.
func (d *Disk) keepAside(first, last uint64) {
	m := &d.m
	m.mu.Lock()
	last = min(last, m.read.index-1)
	var copies []Entry
	add := func(e Entry) {
		if len(copies) < maxAside {
			e.Data = slices.Clone(e.Data)
			copies = append(copies, e)
		}
	}
	for ci := m.chunkOf(first); ci < len(m.chunks) && m.chunks[ci].first <= last; ci++ {
		c := m.chunks[ci]
		for p, i := 0, 0; i < c.n; i++ {
			var e Entry
			if p, _ = m.entryAt(c, p, i, &e); e.Index >= first && e.Index <= last && !c.isDone(i) {
				add(e)
			}
		}
	}
	for _, s := range slices.Clone(d.segs) {
		if s.end > first && s.first <= last && s.pending > 0 {
			d.copyEntries(s, first, last, add)
		}
	}
	if d.aside = append(d.aside, copies...); len(d.aside) > maxAside {
		d.aside = d.aside[:maxAside]
	}
	d.poke()
	m.mu.Unlock()
}

// copyEntries calls add with the unfinished entries of s from first to last. It is
// called with the lock held, and releases it to read.
func (d *Disk) copyEntries(s *segment, first, last uint64, add func(Entry)) {
	s.pins++
	d.m.mu.Unlock()
	var found []Entry
	f, err := d.fs.Open(d.path(s.name), vfs.ReadOnly)
	if err == nil {
		for p := range spool.Blocks(f, s.id.Salt, 0) {
			h := p.Head
			if h == nil || h.End()+s.shift <= first {
				continue
			}
			if h.First+s.shift > last || len(found) >= maxAside {
				break
			}
			raw, err := spool.ReadBody(f, s.id.Salt, h)
			if err != nil {
				continue
			}
			_ = h.Each(raw, func(e spool.Entry) bool {
				if i := e.Pos + s.shift; i >= first && i <= last {
					found = append(found, Entry{i, e.Device, h.Boot, e.Seq, e.Data})
				}
				return len(found) < maxAside
			})
		}
		_ = f.Close()
	}
	d.m.mu.Lock()
	s.pins--
	for _, e := range found {
		if !s.isDone(e.Index) {
			add(e)
		}
	}
}

// writeAside writes each of those entries to a file of its own: they are few.
func (d *Disk) writeAside() error {
	for {
		d.m.mu.Lock()
		if len(d.aside) == 0 {
			d.m.mu.Unlock()
			return nil
		}
		e := d.aside[0]
		d.m.mu.Unlock()
		if err := d.writeOneAside(e); err != nil {
			return err
		}
		d.m.mu.Lock()
		d.aside = d.aside[1:]
		d.m.mu.Unlock()
	}
}

func (d *Disk) writeOneAside(e Entry) error {
	if err := d.define(); err != nil {
		return err
	}
	b := &d.w.builder
	b.Reset()
	b.Add(e.Device, e.Seq, e.Data)
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	id := spool.FileID{First: max(1, e.Index&(1<<62-1)), Salt: binary.LittleEndian.Uint64(salt[:])}
	data := b.Append(nil, id.Salt, 0, &spool.Head{Boot: e.Boot, First: id.First, Clock: d.m.timeNow(), Wall: wallNow()})
	info := vfs.Info{Name: id.Name(spool.AsideExt), Size: int64(len(data))}
	if d.quotaLeft() < info.Size {
		return nil // what can still be delivered is worth more
	}
	f, err := d.fs.Open(d.path(info.Name), vfs.Create)
	if err != nil {
		return err
	}
	err = d.writeAt(f, data, 0)
	if err == nil {
		d.count(0, 1)
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = d.fs.Remove(d.path(info.Name))
		return err
	}
	d.count(0, 1)
	if err := d.fs.SyncDir(d.dir); err != nil {
		return err
	}
	d.m.mu.Lock()
	d.bytes += info.Size
	d.m.mu.Unlock()
	return d.keep(info)
}

func (d *Disk) quotaLeft() int64 {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return d.opts.MaxBytes - d.bytes
}
