package retry

import (
	"errors"
	"maps"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// maxAside bounds the copies that wait to be kept aside.
const maxAside = 64

// keepAside copies leased entries that will not be delivered. The consumer calls
// it, before they are finished.
func (d *Disk) keepAside(first, last uint64) {
	m := &d.m
	m.mu.Lock()
	var copies []Entry
	room := d.opts.MaxMemory / 4
	for _, e := range d.aside {
		room -= int64(len(e.Data))
	}
	add := func(e Entry, shift uint64) {
		if room -= int64(len(e.Data)); len(copies) < maxAside && room >= 0 {
			e.Data, e.Index = slices.Clone(e.Data), e.Index-shift // its position, from here on
			copies = append(copies, e)
		}
	}
	for ci := m.chunkOf(first); ci < len(m.chunks) && m.chunks[ci].first <= last; ci++ {
		c := m.chunks[ci]
		for p, i := 0, 0; i < c.n; i++ {
			var e Entry
			if p, _ = m.entryAt(c, p, i, &e); e.Index >= first && e.Index <= last && c.leased.has(i) {
				add(e, d.shift)
			}
		}
	}
	for _, s := range slices.Clone(d.segs) {
		if s.end > first && s.first <= last && s.leases > 0 {
			d.copyEntries(s, first, last, add)
		}
	}
	if d.aside = append(d.aside, copies...); len(d.aside) > maxAside {
		d.aside = d.aside[:maxAside]
	}
	d.poke()
	m.mu.Unlock()
}

// copyEntries calls add with the leased entries of s from first to last. It is
// called with the lock held, and releases it to read.
func (d *Disk) copyEntries(s *segment, first, last uint64, add func(e Entry, shift uint64)) {
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
					found = append(found, Entry{i, e.Device, e.Boot, e.Seq, e.Data})
				}
				return len(found) < maxAside
			})
		}
		_ = f.Close()
	}
	d.m.mu.Lock()
	s.pins--
	for _, e := range found {
		if s.leased.has(s.place(e.Index)) {
			add(e, s.shift)
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
	docs, err := d.docsAside()
	if err != nil {
		return err
	}
	b := &d.w.builder
	b.Reset(docs...)
	b.Add(e.Device, e.Boot, e.Seq, e.Data)
	if e.Index >= lateIndex { // it was kept before the positions were known
		e.Index -= d.shift
	}
	id := spool.FileID{First: e.Index, Salt: newSalt()}
	data := b.Append(nil, id.Salt, 0, &spool.Head{First: id.First, Clock: d.clock(), Wall: wallNow()})
	info := vfs.Info{Name: id.Name(spool.AsideExt), Size: int64(len(data))}
	if !d.reserve(nil, info.Size) {
		return nil // what can still be delivered is worth more
	}
	defer d.unreserve()
	if err := d.quota(info.Size); err != nil {
		return err
	}
	f, err := d.fs.Open(d.path(info.Name), vfs.Create)
	if err != nil {
		d.scrap(info.Name, 0)
		return err
	}
	err = d.writeAt(f, data, 0)
	if err == nil {
		d.count(0, 1)
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.syncDir()
	}
	if err != nil {
		d.scrap(info.Name, info.Size)
		return err
	}
	d.m.mu.Lock()
	d.bytes += info.Size
	d.m.mu.Unlock()
	return d.keep(info)
}

// docsAside returns the documents that an entry may refer to. They are written if
// there is room for them that nothing else may need.
func (d *Disk) docsAside() ([]uint64, error) {
	d.m.mu.Lock()
	all, size := slices.Sorted(maps.Keys(d.m.defs)), int64(0)
	for _, id := range all {
		if d.w.docs[id].Name == "" {
			size += int64(len(d.m.defs[id]))
		}
	}
	d.m.mu.Unlock()
	if size > 0 {
		if !d.reserve(nil, size) {
			return nil, nil
		}
		defer d.unreserve()
	}
	return all, d.define(all)
}
