package retry

import (
	"slices"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

// corrupt gives up what is free of the indexes from a to below b of s.
func (d *Disk) corrupt(s *segment, a, b uint64, f found) {
	m := &d.m
	for _, h := range f.lost {
		d.loseBlock(s, h, nil, Corrupt)
	}
	n := min(s.free(a, b), f.missing, s.pending)
	s.finish(a, b)
	if s.firstUndone() == s.end { // nothing else of it is left
		n = s.pending
	}
	if n > 0 {
		s.pending -= n
		m.ledger.finish(Corrupt, n)
		m.lost.addRun(Corrupt, "", 0, 1, n)
	}
	if n > 0 || len(f.lost) > 0 {
		s.bad = true
		d.opts.Logger.Warn("part of the buffer on disk is damaged", "file", s.name, "blocks", len(f.lost), "entries", n)
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
	n := uint64(0)
	switch {
	case s.untouched(h):
		n = uint64(h.Entries)
		for _, dev := range h.Devices {
			for _, r := range dev.Runs {
				m.lost.addRun(o, dev.Name, h.Boot, r.First, r.Last)
			}
		}
	case raw != nil:
		_ = h.Each(raw, func(e spool.Entry) bool {
			if i := e.Pos + s.shift; s.free(i, i+1) > 0 {
				m.lost.add(o, e.Device, h.Boot, e.Seq)
				n++
			}
			return true
		})
	default:
		n = min(free, uint64(h.Entries))
		m.lost.addRun(o, "", h.Boot, 1, n)
	}
	n = min(n, s.pending)
	s.finish(a, b)
	s.pending -= n
	m.ledger.finish(o, n)
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
		d.m.lost.addRun(o, "", 0, 1, s.pending)
		d.m.ledger.finish(o, s.pending)
		s.finish(s.first, s.end)
		s.pending = 0
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
	d.lose(s, Evicted, maxClock)
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
