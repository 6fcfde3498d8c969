package retry

import (
	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// segment is a file of entries. Of what it holds only counts are kept in memory,
// and, once some are finished, a bit for each.
type segment struct {
	id      spool.FileID
	name    string
	first   uint64 // index of its first entry
	end     uint64 // index after its last one
	shift   uint64 // index - shift = position
	size    int64  // of the file
	entries uint64 // in its blocks
	pending uint64 // not finished
	endsAt  uint64 // entries written before its end
	oldest  int64  // time of the oldest block that may be pending
	newest  int64  // time of the newest entry
	done    bitset // by place
	leased  bitset
	low     uint64    // all indexes below are done
	leases  int       // how many are leased
	pins    int       // users that have released the lock
	reading bool      // the consumer has its file open
	bad     bool      // something in it cannot be read
	gone    bool      // evicted: not in the log any more
	stale   bool      // it has blocks that were written again to the next one
	dead    bool      // nothing of it can be read, on a disk that can be written to
	reused  bool      // it lies in space that was used before
	unsafe  bool      // it failed, and has blocks that were written without syncing
	docs    []uint64  // documents that its entries may refer to
	places  []place   // of some of its blocks, in order
	ids     spool.IDs // of its entries, as far as there was room
}

// place returns where index is in the segment, 0 if that is before it and the end
// if behind.
func (s *segment) place(index uint64) int {
	if index <= s.first {
		return 0
	}
	return int(min(index, s.end) - s.first)
}

// finish marks the indexes from a to below b that are free and returns how many
// that were.
func (s *segment) finish(a, b uint64) (newly uint64) {
	a, b = max(a, s.low), min(b, s.end)
	if a >= b {
		return 0
	}
	newly = s.free(a, b)
	if a == s.low && len(s.done) == 0 && newly == b-a { // in order, as nearly always
		s.low = b
		return newly
	}
	s.done.grow(s.place(b))
	words(s.place(a), s.place(b), func(w int, mask uint64) {
		if w < len(s.leased) {
			mask &^= s.leased[w]
		}
		s.done[w] |= mask
	})
	return newly
}

// ack marks the indexes from a to below b that are leased and returns how many
// that were.
func (s *segment) ack(a, b uint64) (n uint64) {
	a, b = max(a, s.low), min(b, s.end)
	if a >= b {
		return 0
	}
	from, to := s.place(a), s.place(b)
	end := s.leased.gap(nil, from, to) // the first that is not leased
	if inOrder := a == s.low && len(s.done) == 0 && s.leased.count(end, to) == 0; inOrder {
		n = uint64(s.leased.clear(from, end))
		s.low = s.first + uint64(end)
	} else {
		n = uint64(s.leased.move(&s.done, from, to))
	}
	s.leases -= int(n)
	return n
}

// take copies the marks of a chunk, which ends where the segment does.
func (s *segment) take(c *chunk) {
	if c.live == c.n && c.leases == 0 {
		return
	}
	for i := range c.n {
		switch index := c.first + uint64(i); {
		case c.done.has(i):
			s.finish(index, index+1)
		case c.leased.has(i):
			s.lease(index)
		}
	}
}

// lease marks an index that is free.
func (s *segment) lease(i uint64) {
	s.leased.set(s.place(i), s.place(i)+1)
	s.leases++
}

// free counts the indexes from a to below b that are neither done nor leased.
func (s *segment) free(a, b uint64) uint64 {
	a, b = max(a, s.first, s.low), min(b, s.end)
	if a >= b {
		return 0
	}
	from, to := s.place(a), s.place(b)
	return uint64(to - from - s.done.count(from, to) - s.leased.count(from, to))
}

// nextFree returns the lowest index from i on that is neither done nor leased, or
// end.
func (s *segment) nextFree(i uint64) uint64 {
	return s.first + uint64(s.done.gap(s.leased, s.place(max(i, s.low)), s.place(s.end)))
}

// firstUndone returns the lowest index that is not done, or end.
func (s *segment) firstUndone() uint64 {
	s.low = s.first + uint64(s.done.gap(nil, s.place(s.low), s.place(s.end)))
	return s.low
}

// recovered makes the segment that recovery found.
func recovered(f *spool.Segment, acked uint64, ago int64) *segment {
	s := &segment{id: f.FileID, name: f.Name, first: f.First, end: f.End, size: f.Size, entries: f.Entries,
		pending: f.Pending, endsAt: f.EndBefore, oldest: f.Oldest - ago, newest: f.Newest - ago, low: min(max(acked, f.First), f.End),
		bad: f.Lost > 0 || f.Copied > 0 || f.Unread, stale: f.Torn || f.Stale, docs: f.Docs, ids: f.IDs}
	for _, g := range f.Gaps {
		s.finish(g.First, g.Last+1)
	}
	return s
}

// discard is a file that is not needed any more.
type discard struct {
	name   string
	size   int64    // that is counted
	more   int64    // that it may have and is not
	bad    bool     // it is damaged: kept for a while under another name
	reuse  bool     // its space may be used again
	doc    bool     // segments that were removed before referred to it
	reader vfs.File // to be closed first
}

// reusable reports whether the space of a segment may be used again: nothing about
// its file was ever wrong.
func (d *Disk) reusable(s *segment) bool {
	return !s.bad && !s.stale && !s.unsafe && s.size == d.segBytes
}

// untouched reports whether all entries of a block are free. The positions that hold
// none are marked only once the block was read.
func (s *segment) untouched(h *spool.Head) bool {
	free := s.free(h.First+s.shift, h.End()+s.shift)
	return free == uint64(h.Entries) || free == uint64(h.Span)
}

// retire takes a finished segment out of the log.
func (d *Disk) retire(i int) {
	s := d.segs[i]
	d.segs = append(d.segs[:i:i], d.segs[i+1:]...)
	d.ids -= s.ids.Cost()
	t := discard{name: s.name, size: s.size, bad: s.bad, reuse: d.reusable(s)}
	if s.reading {
		t.reader = d.stopReading()
	}
	d.trash = append(d.trash, t)
	d.empty()
	d.poke()
}

// retireFinished retires every segment without pending entries that nobody uses.
// Only the consumer may close the file that it reads.
func (d *Disk) retireFinished(consumer bool) {
	for i := 0; i < len(d.segs); {
		// What a segment has that was written again to the next one must not be taken
		// for its own after a restart: that one stays until it goes.
		follows := i > 0 && d.segs[i-1].stale
		if s := d.segs[i]; s.pending == 0 && !follows && s != d.w.seg && s.pins == 0 && (consumer || !s.reading) {
			d.retire(i)
		} else {
			i++
		}
	}
}
