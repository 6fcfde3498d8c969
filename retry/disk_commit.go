package retry

import (
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

// piece is a chunk on its way to disk, as one block.
type piece struct {
	c    *chunk
	done bitset // which entries were finished when it was taken
	head spool.Head
}

func (d *Disk) path(name string) string { return filepath.Join(d.dir, name) }

// commit writes what waits in memory, if it is time to.
func (d *Disk) commit() error {
	end, due := d.due()
	var err error
	for due && err == nil {
		pieces := d.take(end)
		if len(pieces) == 0 {
			break
		}
		err = d.writePatiently(pieces)
	}
	if err == nil {
		err = d.syncIfAsked()
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	if errors.Is(err, ErrFull) {
		d.full, err = true, nil
	}
	d.urgent, d.syncNow = false, false
	d.m.wake()
	return err
}

// due reports whether it is time to write what waits, and where that ends.
func (d *Disk) due() (end uint64, due bool) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	now := time.Now()
	at, ok := d.commitAt(now)
	if !ok || at.After(now) {
		return 0, false
	}
	d.waiting, d.full = 0, false
	return d.m.next, true
}

// take returns the oldest chunks that are to be written, below end; they are sealed.
// They are no more than a quarter of the memory, so that while a disk stalls most of
// what waits may still be dropped.
func (d *Disk) take(end uint64) (pieces []piece) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	size := int64(0)
	for _, c := range d.m.chunks {
		if c.live == 0 || c.first >= end {
			continue
		}
		if size += c.size; len(pieces) > 0 && size > d.opts.MaxMemory/4 {
			break
		}
		c.sealed, c.busy = true, true
		pieces = append(pieces, piece{c: c, done: slices.Clone(c.done)})
	}
	return pieces
}

// writePatiently writes pieces, what failed once in another segment.
func (d *Disk) writePatiently(pieces []piece) error {
	d.m.mu.Lock()
	d.trashDocs()
	d.m.mu.Unlock()
	err := d.define(d.missingDocs())
	for tries := 0; len(pieces) > 0 && (tries > 0 || err == nil); tries++ {
		var n int
		n, err = d.write(pieces)
		pieces = pieces[n:]
		if err == nil || errors.Is(err, ErrFull) {
			break
		}
		// Once it is given up, the file that could not grow may be dropped.
		hopeless := errors.Is(err, errNoRoom) && d.w.seg == nil
		d.abandon()
		if tries == 1 || hopeless {
			break
		}
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	for _, p := range pieces {
		p.c.busy = false
	}
	return err
}

// write writes pieces and returns how many of them are in the log.
func (d *Disk) write(pieces []piece) (n int, err error) {
	w := &d.w
	var fresh []piece // written, not in the log
	entries := uint64(0)
	settle := func() error {
		if len(fresh) == 0 {
			return nil
		}
		if d.opts.Sync != SyncNever {
			if err := d.sync(); err != nil {
				return err
			}
		}
		d.publish(fresh)
		n += len(fresh)
		fresh, entries = fresh[:0], 0
		return nil
	}
	for _, p := range pieces {
		err := d.define(p.c.docs)
		if err == nil {
			d.build(p)
			err = errTurn
		}
		if err == errTurn && d.fits(p) {
			err = d.extend(p, w.used+w.builder.Size())
		}
		if err != nil {
			if serr := settle(); serr != nil {
				return n, serr
			}
			if err != errTurn {
				return n, err
			}
			if err := d.turnPage(p); err != nil {
				return n, err
			}
		}
		p.head = spool.Head{First: p.c.first - d.shift, Before: w.written + entries, Durable: w.durable,
			Acked: d.watermark(), Prev: w.prev, Clock: p.c.newest + d.ago, Wall: wallNow()}
		w.buf = w.builder.Append(w.buf[:0], w.seg.id.Salt, w.used, &p.head)
		if err := d.writeAt(w.file, w.buf, w.used); err != nil {
			return n, err
		}
		d.m.mu.Lock()
		w.dirty = true
		w.used += int64(len(w.buf))
		d.noteBlock(&p)
		d.m.mu.Unlock()
		entries += uint64(p.head.Entries)
		fresh = append(fresh, p)
		if cap(w.buf) > 4*maxChunk {
			w.buf = nil
		}
	}
	return n, settle()
}

// errTurn says that a block does not belong into the segment that is written to.
var errTurn = errors.New("it begins another segment")

// noteBlock remembers where the block is and which entries it has, these if there
// is room for that: an eighth of Options.MaxMemory for all.
func (d *Disk) noteBlock(p *piece) {
	s := d.w.seg
	s.remember(place{p.c.first, p.head.Off(), p.head.Before})
	for _, id := range p.head.Docs {
		if !slices.Contains(s.docs, id) {
			s.docs = append(s.docs, id)
		}
	}
	if int64(d.ids) < d.opts.MaxMemory/8 {
		before := s.ids.Cost()
		d.w.builder.Note(&s.ids, &p.head)
		d.ids += s.ids.Cost() - before
	}
}

// build makes the block of a piece.
func (d *Disk) build(p piece) {
	b := &d.w.builder
	b.Reset(p.c.docs...)
	d.m.mu.Lock() // for the table of devices
	names := d.m.slots
	d.m.mu.Unlock()
	for at, i := 0, 0; i < p.c.n; i++ {
		var e Entry
		at, _ = entryOf(names, p.c, at, i, &e)
		if p.done.has(i) {
			b.Skip()
		} else {
			b.Add(e.Device, e.Boot, e.Seq, e.Data)
		}
	}
}

// maxGap is how many finished entries may lie between two blocks of a segment.
const maxGap = 1 << 12

// maxSpan is how many indexes a segment may cover: it may need a bit for each.
const maxSpan = 1 << 19

// fits reports whether the block belongs into the segment that is being written.
func (d *Disk) fits(p piece) bool {
	w := &d.w
	if w.seg == nil {
		return false
	}
	end := max(w.seg.end, w.seg.first)
	return w.used+w.builder.Size() <= max(d.segBytes, w.seg.size) && p.c.first-end <= maxGap && p.c.first-w.seg.first < maxSpan
}

// publish takes pieces from memory into the log on disk.
func (d *Disk) publish(pieces []piece) {
	m, w := &d.m, &d.w
	var ranges []Range
	m.mu.Lock()
	s := w.seg
	if s.entries == 0 {
		d.segs = append(d.segs, s)
		s.oldest = pieces[0].head.Clock - d.ago
	}
	for _, p := range pieces {
		c, end := p.c, p.c.first+uint64(p.c.n)
		from, before := s.end, s.leases
		s.end = end
		s.finish(from, c.first)
		leased := c.leases > 0 // then the consumer has its memory
		s.take(c)
		m.unpin(c, c.leases)
		m.leases += s.leases - before
		s.pending += uint64(c.live)
		m.gone += uint64(c.live)
		s.entries += uint64(p.head.Entries)
		s.newest = p.head.Clock - d.ago
		w.written += uint64(p.head.Entries)
		c.busy = false
		if i := slices.Index(m.chunks, c); i >= 0 {
			m.discard(i, !leased)
		}
		for _, dev := range p.head.Devices {
			for _, r := range dev.Runs {
				ranges = append(ranges, Range{dev.Name, dev.Boot, r.First, r.Last})
			}
		}
	}
	s.endsAt, w.tag = w.written, uint32(s.id.Salt)
	synced := !w.dirty
	if synced {
		d.nowDurable()
		d.unsaved -= min(w.covered, d.unsaved) // the watermark is in the heads
		for _, r := range ranges {
			d.health.Spooled += r.Last - r.First + 1
		}
	}
	m.wake()
	m.mu.Unlock()
	if synced && d.opts.OnSpooled != nil {
		d.opts.OnSpooled(ranges)
	}
}
