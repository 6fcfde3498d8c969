package spool

import (
	"path/filepath"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// count finds out what of a segment is pending and lost; later are the segments
// after it.
func (s *State) count(fsys vfs.FS, dir string, seg *Segment, later []*Segment) error {
	// What was below the watermark is not lost. No more than one entry is at a
	// position.
	lose := func(g *gap) {
		from, pos := g.written.First, max(g.pos.First, s.Acked)
		if to := min(g.written.Last, s.Durable); to > from && g.pos.Last > pos {
			g.lost = min(to-from, g.pos.Last-pos)
		}
		seg.Lost += g.lost
	}
	for i := range seg.gaps {
		lose(&seg.gaps[i])
	}
	// What followed it may have been finished and removed, unless a head or the
	// cursor says that nothing did.
	switch {
	case len(later) > 0 && later[0].prev == seg.First:
		seg.tail = gap{written: Run{seg.EndBefore, later[0].Before}, pos: Run{seg.End, later[0].First}}
	case len(later) > 0 && later[0].First == seg.First: // written again
	default:
		durable := seg.durable
		if tag := s.Cursor.Segment; tag != 0 && (tag == uint32(seg.Salt) || tag == uint32(seg.salvage().Salt)) {
			durable = max(durable, s.Cursor.Written)
		}
		seg.tail = gap{written: Run{seg.EndBefore, durable}, pos: Run{seg.End, s.Next}}
	}
	lose(&seg.tail)
	if seg.End <= s.Acked || seg.Blocks == 0 {
		return nil
	}
	whole := seg.First >= s.Acked
	if whole {
		seg.Pending = seg.Entries
	}
	f, err := fsys.Open(filepath.Join(dir, seg.Name), vfs.ReadOnly)
	if err != nil {
		return err
	}
	end, first := seg.First, true
	for p := range Blocks(f, seg.Salt, 0) {
		h := p.Head
		if h == nil {
			continue
		}
		if h.First >= seg.End {
			break
		}
		next, entries := seg.own(f, h, end)
		if entries == 0 {
			continue
		}
		if end = next; end <= s.Acked {
			continue
		}
		if first {
			seg.Oldest, first = h.Clock, false
		}
		if whole {
			break
		}
		seg.Pending += entries
		if h.First < s.Acked {
			n, _ := below(f, seg.Salt, h, s.Acked)
			seg.Pending -= n
			seg.Gaps = append(seg.Gaps, empty(f, seg.Salt, h, s.Acked)...)
		}
	}
	return f.Close()
}

// empty lists the runs of positions of a block, from pos on, that hold no entry.
func empty(f vfs.File, salt uint64, h *Head, pos uint64) (gaps []Run) {
	raw, err := ReadBody(f, salt, h)
	if err != nil {
		return nil
	}
	_ = h.Each(raw, func(e Entry) bool {
		if e.Pos > pos {
			gaps = append(gaps, Run{pos, e.Pos - 1})
		}
		pos = max(pos, e.Pos+1)
		return true
	})
	if h.End() > pos {
		gaps = append(gaps, Run{pos, h.End() - 1})
	}
	return gaps
}

// below counts the entries of a block below a position. If the body cannot be
// read, ok is false, and it is the least that there can be.
func below(f vfs.File, salt uint64, h *Head, pos uint64) (n uint64, ok bool) {
	raw, err := ReadBody(f, salt, h)
	if err != nil {
		return uint64(h.Entries) - min(uint64(h.Entries), h.End()-pos), false
	}
	_ = h.Each(raw, func(e Entry) bool {
		if e.Pos < pos {
			n++
		}
		return e.Pos < pos
	})
	return n, true
}
