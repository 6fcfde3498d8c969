package retry

import (
	"log/slog"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

// loseNamed gives up the free entries of s at the indexes from a to below b, as far
// as their ids are known without the file, and returns how many these were. They
// are not marked.
func (d *Disk) loseNamed(s *segment, a, b uint64, o Outcome) uint64 {
	free := func(first, end uint64) uint64 { return s.free(max(first+s.shift, a), min(end+s.shift, b)) }
	return s.ids.Each(free, func(device string, boot uint64, r spool.Run) {
		d.m.lost.addRun(o, device, boot, r.First, r.Last)
	})
}

// loseUnnamed gives up n entries of which, but for those that were named, the ids
// are not known, and marks what is free of the indexes from a to below b.
func (d *Disk) loseUnnamed(s *segment, a, b uint64, o Outcome, named, n uint64) {
	n = min(max(n, named), s.pending)
	if n > named {
		d.m.lost.addRun(o, "", 0, 1, n-named)
	}
	s.finish(a, b)
	s.pending -= n
	d.m.ledger.finish(o, n)
}

// corrupt gives up what is free of the indexes from a to below b of s.
func (d *Disk) corrupt(s *segment, a, b uint64, f found) {
	before := s.pending
	for _, h := range f.lost {
		d.loseBlock(s, h, nil, Corrupt)
	}
	n := min(s.free(a, b), f.missing)
	named := d.loseNamed(s, a, b, Corrupt)
	if s.free(a, b) == s.free(s.first, s.end) && s.leases == 0 { // nothing else of it is left
		n = s.pending
	}
	d.loseUnnamed(s, a, b, Corrupt, named, n)
	if n := before - s.pending; n > 0 || len(f.lost) > 0 {
		s.bad = true
		d.notes.add(slog.LevelWarn, textDamaged, "file", s.name, "blocks", len(f.lost), "entries", n)
	}
}

// loseBlock finishes what is free of a block. raw is its body, needed for the ids if
// some of it is not.
func (d *Disk) loseBlock(s *segment, h *spool.Head, raw []byte, o Outcome) {
	m := &d.m
	a, b := h.First+s.shift, h.End()+s.shift
	free := s.free(a, b)
	if free == 0 {
		return
	}
	named := uint64(0)
	switch {
	case s.untouched(h):
		for _, dev := range h.Devices {
			for _, r := range dev.Runs {
				m.lost.addRun(o, dev.Name, dev.Boot, r.First, r.Last)
			}
		}
		named = uint64(h.Entries)
		free = named
	case raw != nil:
		_ = h.Each(raw, func(e spool.Entry) bool {
			if i := e.Pos + s.shift; s.free(i, i+1) > 0 {
				m.lost.add(o, e.Device, e.Boot, e.Seq)
				named++
			}
			return true
		})
		free = named
	default:
		named = d.loseNamed(s, a, b, o)
	}
	d.loseUnnamed(s, a, b, o, named, min(free, uint64(h.Entries)))
}

// lose finishes what is free of the blocks of s whose entries are all older than the
// limit. It is called with the lock held, and releases it to read.
func (d *Disk) lose(s *segment, o Outcome, limit int64) {
	type lost struct {
		head *spool.Head
		raw  []byte
	}
	var blocks []lost
	end, ago := s.end, d.ago
	oldest := s.newest
	s.pins++
	d.m.mu.Unlock()
	f, err := d.openSegment(s)
	if err == nil {
		for p := range spool.Blocks(f, s.id.Salt, 0) {
			h := p.Head
			if h == nil {
				continue
			}
			if h.First+s.shift >= end {
				break
			}
			if h.Clock-ago >= limit {
				oldest = h.Clock - ago
				break
			}
			blocks = append(blocks, lost{head: h})
		}
	}
	d.m.mu.Lock()
	for i := range blocks {
		h := blocks[i].head
		if s.free(h.First+s.shift, h.End()+s.shift) > 0 && !s.untouched(h) {
			d.m.mu.Unlock()
			blocks[i].raw, _ = spool.ReadBody(f, s.id.Salt, h)
			d.m.mu.Lock()
		}
	}
	for _, b := range blocks {
		d.loseBlock(s, b.head, b.raw, o)
		if s.leased.count(s.place(b.head.First+s.shift), s.place(b.head.End()+s.shift)) > 0 {
			oldest = min(oldest, b.head.Clock-ago)
		}
	}
	s.oldest = oldest
	if s.gone && s.pending > 0 { // what could not be read
		named := d.loseNamed(s, s.first, s.end, o)
		d.loseUnnamed(s, s.first, s.end, o, named, s.pending)
	}
	s.pins--
	if f != nil {
		d.m.mu.Unlock()
		_ = f.Close()
		d.m.mu.Lock()
	}
}

// evict drops the oldest segment of which nothing is leased. It is called by the
// goroutine, with the lock held, and releases it; false: there is none.
func (d *Disk) evict() bool {
	i := slices.IndexFunc(d.segs, func(s *segment) bool {
		return s.leases == 0 && s != d.w.seg && s.pins == 0 && !(s.reading && d.loading)
	})
	if i < 0 {
		return false
	}
	s := d.segs[i]
	t := discard{name: s.name, size: s.size}
	if s.reading {
		t.reader = d.stopReading()
	}
	s.gone = true
	d.segs = slices.Delete(d.segs, i, i+1)
	if s.ids.Count(func(first, end uint64) uint64 { return s.free(first+s.shift, end+s.shift) }) == s.pending { // the file need not be read
		d.loseUnnamed(s, s.first, s.end, Evicted, d.loseNamed(s, s.first, s.end, Evicted), s.pending)
	} else {
		d.lose(s, Evicted, maxClock)
	}
	d.ids -= s.ids.Cost()
	t.reuse = d.reusable(s)
	d.trash = append(d.trash, t)
	d.empty()
	return true
}

const maxClock = 1<<63 - 1

// Sweep implements [Buffer]. What is on disk expires block by block: an entry
// waits for the newest one that was written with it.
func (d *Disk) Sweep() []Loss {
	m := &d.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.opts.MaxAge > 0 && !m.closed {
		limit := m.now() - d.opts.MaxAge.Milliseconds()
		for _, s := range slices.Clone(d.segs) {
			if s.oldest >= limit {
				break
			}
			if s.pins == 0 && s.pending > 0 {
				d.lose(s, Expired, limit)
			}
		}
		d.retireFinished(false)
		m.expire(limit)
	}
	return m.lost.take()
}
