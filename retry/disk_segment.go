package retry

import (
	"math/bits"

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
	done    []uint64
	low     uint64 // all indexes below are done
	pins    int    // users that have released the lock
	reading bool   // the consumer has its file open
	bad     bool   // something in it cannot be read
	gone    bool   // evicted: not in the log any more
	stale   bool   // it has blocks that were written again to the next one
	dead    bool   // nothing of it can be read, on a disk that can be written to
	reused  bool   // it lies in space that was used before
	unsafe  bool   // it failed, and has blocks that were written without syncing
}

func (s *segment) isDone(i uint64) bool {
	n := i - s.first
	return i < s.low || n/64 < uint64(len(s.done)) && s.done[n/64]&(1<<(n%64)) != 0
}

// finish marks the indexes from a to below b and returns how many were not yet.
func (s *segment) finish(a, b uint64) (newly uint64) {
	a, b = max(a, s.low), min(b, s.end)
	if a >= b {
		return 0
	}
	if a == s.low && len(s.done) == 0 { // in order, as nearly always
		s.low = b
		return b - a
	}
	for last := (b - 1 - s.first) / 64; uint64(len(s.done)) <= last; {
		s.done = append(s.done, 0)
	}
	for a < b {
		n := a - s.first
		width := min(64-n%64, b-a)
		mask := (^uint64(0) >> (64 - width)) << (n % 64)
		newly += uint64(bits.OnesCount64(mask &^ s.done[n/64]))
		s.done[n/64] |= mask
		a += width
	}
	return newly
}

// undone counts the indexes from a to below b that are not done.
func (s *segment) undone(a, b uint64) (n uint64) {
	for i := max(a, s.first, s.low); i < min(b, s.end); i++ {
		if !s.isDone(i) {
			n++
		}
	}
	return n
}

// firstUndone returns the lowest index that is not done, or end.
func (s *segment) firstUndone() uint64 {
	i := max(s.low, s.first)
	for i < s.end {
		n := i - s.first
		if n/64 >= uint64(len(s.done)) {
			break
		}
		zeros := bits.TrailingZeros64(^s.done[n/64] >> (n % 64))
		if zeros < 64-int(n%64) {
			i += uint64(zeros)
			break
		}
		i += 64 - n%64
	}
	s.low = min(i, s.end)
	return s.low
}

// recovered makes the segment that recovery found.
func recovered(f *spool.Segment, acked uint64, ago int64) *segment {
	s := &segment{id: f.FileID, name: f.Name, first: f.First, end: f.End, size: f.Size, entries: f.Entries,
		pending: f.Pending, endsAt: f.EndBefore, oldest: f.Oldest - ago, newest: f.Newest - ago, low: min(max(acked, f.First), f.End),
		bad: f.Lost > 0 || f.Copied > 0 || f.Unread, stale: f.Torn || f.Stale}
	for _, g := range f.Gaps {
		s.finish(g.First, g.Last+1)
	}
	return s
}

// discard is a file that is not needed any more.
type discard struct {
	name   string
	size   int64
	bad    bool     // it is damaged: kept for a while under another name
	reuse  bool     // its space may be used again
	reader vfs.File // to be closed first
}

// reusable tells whether the space of a segment may be used again: nothing about
// its file was ever wrong.
func (d *Disk) reusable(s *segment) bool {
	return !s.bad && !s.stale && !s.unsafe && s.size == d.segBytes
}

// untouched tells whether no entry of a block is finished. The positions that hold
// none are marked only once the block was read.
func (s *segment) untouched(h *spool.Head) bool {
	undone := s.undone(h.First+s.shift, h.End()+s.shift)
	return undone == uint64(h.Entries) || undone == uint64(h.Span)
}

// retire takes a finished segment out of the log.
func (d *Disk) retire(i int) {
	s := d.segs[i]
	d.segs = append(d.segs[:i:i], d.segs[i+1:]...)
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
