package spool

import (
	"cmp"
	"errors"
	"math/bits"
	"path/filepath"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// sort puts the segments in the order in which they were written. When the first
// write to one failed, the next begins at the same position: then that one is
// the later of which more can be read.
func (s *State) sort(fsys vfs.FS, dir string) error {
	names := map[uint64]int{}
	for _, seg := range s.Segments {
		names[seg.First]++
	}
	type reach struct{ bodies, heads uint64 }
	reaches := map[*Segment]reach{}
	for _, seg := range s.Segments {
		if names[seg.First] < 2 {
			continue
		}
		f, err := fsys.Open(filepath.Join(dir, seg.Name), vfs.ReadOnly)
		if err != nil {
			continue // scan will say so
		}
		var r reach
		for p := range Blocks(f, seg.Salt, 0) {
			if p.Head == nil {
				continue
			}
			r.heads = max(r.heads, p.Head.End())
			if _, err := ReadBody(f, seg.Salt, p.Head); err == nil {
				r.bodies = max(r.bodies, p.Head.End())
			}
		}
		reaches[seg] = r
		if err := f.Close(); err != nil {
			return err
		}
	}
	slices.SortFunc(s.Segments, func(a, b *Segment) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(reaches[a].bodies, reaches[b].bodies),
			cmp.Compare(reaches[a].heads, reaches[b].heads), cmp.Compare(a.Salt, b.Salt))
	})
	return nil
}

func (s *State) loadSegments(fsys vfs.FS, dir string) error {
	c := s.Cursor
	s.Next, s.Acked, s.Durable, s.Clock = max(1, c.Next), max(1, c.Acked), c.Written, c.Clock
	// From the newest to the oldest: after a failed write the same entries were
	// written to another segment, and only the later copy counts. What a segment
	// has beyond the beginning of the next was not taken into the log.
	limit, before := uint64(lots), uint64(lots)
	for _, seg := range slices.Backward(s.Segments) {
		seg.limit, seg.limitBefore = limit, before
		s.Next = max(s.Next, seg.First) // of one with nothing in it too: later names must sort after it
		before = seg.Before
		err := s.scan(fsys, dir, seg, false)
		if err == nil && seg.EndBefore > s.Durable { // the end may have been cut short
			err = s.scan(fsys, dir, seg, true)
		}
		if err != nil {
			return err
		}
		if seg.Blocks > 0 {
			limit = seg.firstHead
		}
	}
	for i, seg := range s.Segments {
		if err := s.count(fsys, dir, seg, s.Segments[i+1:]); err != nil {
			return err
		}
		s.Written = max(s.Written, seg.EndBefore)
	}
	s.Written = max(s.Written, s.Durable)
	return nil
}

// scan reads the heads of a segment's blocks, and with strict set the bodies of
// those that are not known to be durable: one that is not whole then counts as a
// write that was cut short.
func (s *State) scan(fsys vfs.FS, dir string, seg *Segment, strict bool) error {
	f, err := openPatiently(fsys, filepath.Join(dir, seg.Name))
	if err != nil {
		seg.End, seg.EndBefore, seg.Unread, seg.Torn = seg.First, seg.Before, true, true
		return s.dead(fsys, dir, err)
	}
	s.idCost -= seg.IDs.Cost()
	*seg = Segment{FileID: seg.FileID, Name: seg.Name, Size: seg.Size, limit: seg.limit, limitBefore: seg.limitBefore, End: seg.First, EndBefore: seg.Before}
	var readErr error
	hole := false
	for p := range Blocks(f, seg.Salt, 0) {
		if p.Head == nil {
			seg.Holes++
			hole, readErr = true, p.Err
			continue
		}
		h := p.Head
		s.Next, s.Acked = max(s.Next, h.End()), max(s.Acked, h.Acked)
		s.Durable, s.Clock = max(s.Durable, h.Durable), max(s.Clock, h.Clock)
		seg.durable = max(seg.durable, h.Durable)
		end, entries := seg.own(f, h, seg.End)
		if entries == 0 {
			seg.Stale = true
			continue
		}
		if strict && h.Before+entries > s.Durable {
			_, err := ReadBody(f, seg.Salt, h)
			if err != nil || h.Before > max(seg.EndBefore, s.Durable) { // what follows was not durable either
				hole = true
				if err != nil && Unreadable(err) {
					readErr = err
				}
				break
			}
		}
		if p.Copied {
			seg.Copied++
		}
		if seg.Blocks == 0 {
			seg.prev, seg.firstHead = h.Prev, h.First
		}
		if h.Before > seg.EndBefore {
			seg.gaps = append(seg.gaps, gap{written: Run{seg.EndBefore, h.Before}, pos: Run{seg.End, h.First}})
		}
		if h.First > seg.End {
			seg.Gaps = append(seg.Gaps, Run{seg.End, h.First - 1})
		}
		seg.Blocks++
		seg.Entries += entries
		seg.End, seg.EndBefore = end, h.Before+entries
		seg.Used = p.Off + p.Len
		seg.note(s, h, entries)
		seg.Newest, seg.Wall = h.Clock, h.Wall
		hole, readErr = false, nil
	}
	seg.Unread = readErr != nil
	seg.Torn = hole || bits.OnesCount64(uint64(seg.Size)) != 1 || seg.Size > MaxSegment
	return errors.Join(s.dead(fsys, dir, readErr), f.Close())
}

// note adds what a block's head says of its entries, if all of them are the segment's.
func (seg *Segment) note(s *State, h *Head, own uint64) {
	for _, id := range h.Docs {
		if !slices.Contains(seg.Docs, id) && len(seg.Docs) < maxSegmentDocs {
			seg.Docs = append(seg.Docs, id)
		}
	}
	if own == uint64(h.Entries) && s.idCost < maxIDCost {
		before := seg.IDs.Cost()
		seg.IDs.Add(h, nil)
		s.idCost += seg.IDs.Cost() - before
	}
}

const (
	// maxIDCost bounds the memory for the ids of what is found.
	maxIDCost = 1 << 20
	// maxSegmentDocs bounds the documents of one segment. A segment that refers to
	// more was not written by this package.
	maxSegmentDocs = 1 << 10
)

// openPatiently tries again what failed once: cards do that.
func openPatiently(fsys vfs.FS, name string) (f vfs.File, err error) {
	for range 3 {
		if f, err = fsys.Open(name, vfs.ReadOnly); err == nil || Missing(err) {
			break
		}
	}
	return f, err
}

// own returns how many entries of a block are the segment's, and where they end:
// none if the same are in a later segment, or before position from.
func (seg *Segment) own(f vfs.File, h *Head, from uint64) (end, entries uint64) {
	switch {
	case h.First >= seg.limit || h.First < from || h.Before >= seg.limitBefore || h.End()-seg.First > MaxSpan:
		return 0, 0
	case h.End() > seg.limit:
		if n, ok := below(f, seg.Salt, h, seg.limit); ok {
			return seg.limit, n
		}
		return 0, 0 // its write failed
	}
	return h.End(), uint64(h.Entries)
}

// dead returns err if nothing else can be read either: then it is not a bad spot
// but a disk that is not there.
func (s *State) dead(fsys vfs.FS, dir string, err error) error {
	if err == nil {
		return nil
	}
	names := []string{CursorName, FormatName}
	if n := len(s.Segments); n > 0 {
		names = append(names, s.Segments[0].Name, s.Segments[n-1].Name)
	}
	for _, name := range names {
		for off := int64(0); off < CursorBytes; off += SlotBytes {
			if readable(fsys, filepath.Join(dir, name), off) {
				return nil
			}
		}
	}
	return err
}

// readable reports whether there is a byte at off that can be read.
func readable(fsys vfs.FS, name string, off int64) bool {
	f, err := fsys.Open(name, vfs.ReadOnly)
	if err != nil {
		return false
	}
	n, _ := f.ReadAt(make([]byte, 1), off)
	return f.Close() == nil && n == 1
}
