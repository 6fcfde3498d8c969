package spool

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"path/filepath"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// State is what a directory holds. Its size goes with the number of segments.
type State struct {
	Used       bool // there was a buffer here before
	Whole      bool // FORMAT is there and whole
	Cursor     Cursor
	CursorRead bool // Cursor is one of the slots
	CursorSure bool // and certainly the newest
	Boot       uint32
	Next       uint64 // the lowest position never used
	Acked      uint64 // entries below this position were finished
	Written    uint64 // entries written so far
	Durable    uint64 // and known to be durable
	Clock      int64  // ms the buffer was open
	Segments   []*Segment
	Docs       map[uint64][]byte
	DocNames   []string // files of Docs
	BadDocs    []string // files of documents that are damaged
	Kept       []vfs.Info
	Bytes      int64 // of all files
}

// Segment is what recovery found out about one.
type Segment struct {
	FileID
	Name    string
	Size    int64  // of the file, in bytes
	Used    int64  // bytes up to the end of the last block
	End     uint64 // position after the last entry; First if there is none
	Entries uint64 // in its blocks
	Pending uint64 // of these, not finished
	Lost    uint64 // durable entries that were in blocks which cannot be read
	Boot    uint32
	Oldest  int64 // clock of the first block that is not finished
	Newest  int64 // clock of the last block
	Wall    int64 // of the last block, Unix ms
	Blocks  int
	Torn    bool // there is something behind its last block, or it was cut short
	Holes   int  // parts that are no block
	Copied  int  // blocks whose first head was damaged

	prev      uint64 // of its first block; 0: none, or not known
	endBefore uint64 // entries written before its end
	firstHead uint64 // position of its first block
	gaps      []gap
}

// gap is a hole between blocks of a segment.
type gap struct {
	from, to uint64 // entries written before and after it
	pos      uint64 // position after it
}

// Load reads the directory, block heads only. It changes nothing. The error is
// that the directory cannot be read at all, or ErrNewerFormat.
func Load(fsys vfs.FS, dir string) (*State, error) {
	infos, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	s := &State{Docs: map[uint64][]byte{}, Next: 1, Acked: 1}
	for _, info := range infos {
		if info.Name != LockName {
			s.Bytes += info.Size
		}
		switch ext := filepath.Ext(info.Name); {
		case info.Dir:
		case info.Name == FormatName:
			err = s.loadFormat(fsys, dir)
		case info.Name == CursorName:
			err = s.loadCursor(fsys, dir)
		case ext == SegmentExt:
			if id, ok := ParseName(info.Name, ext); ok {
				s.Segments = append(s.Segments, &Segment{FileID: id, Name: info.Name, Size: info.Size})
			}
		case ext == BadExt || ext == AsideExt:
			s.Kept = append(s.Kept, info)
		default:
			if id, ok := ParseDocName(info.Name); ok {
				err = s.loadDoc(fsys, dir, info.Name, id)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	s.Used = s.Whole || s.CursorRead || len(s.Segments) > 0
	slices.SortFunc(s.Segments, func(a, b *Segment) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Salt, b.Salt)) })
	return s, s.loadSegments(fsys, dir)
}

func (s *State) loadFormat(fsys vfs.FS, dir string) error {
	b, err := ReadFile(fsys, filepath.Join(dir, FormatName), page)
	if err != nil {
		return err
	}
	s.Whole, err = CheckFormat(b)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}

func (s *State) loadCursor(fsys vfs.FS, dir string) error {
	b, err := ReadFile(fsys, filepath.Join(dir, CursorName), CursorBytes)
	if err != nil {
		return err
	}
	s.Cursor, s.CursorSure, s.CursorRead = ParseCursor(b)
	return nil
}

func (s *State) loadDoc(fsys vfs.FS, dir, name string, id uint64) error {
	doc, ok, err := ReadDoc(fsys, dir, name)
	if err != nil {
		return err
	}
	if !ok {
		s.BadDocs = append(s.BadDocs, name)
		return nil
	}
	s.Docs[id] = doc
	s.DocNames = append(s.DocNames, name)
	return nil
}

func (s *State) loadSegments(fsys vfs.FS, dir string) error {
	c := s.Cursor
	s.Boot, s.Next, s.Acked, s.Durable, s.Clock = c.Boot, max(1, c.Next), max(1, c.Acked), c.Written, c.Clock
	// From the newest to the oldest: after a failed write the same entries were
	// written to another segment, and only the later copy counts.
	limit := uint64(lots)
	for _, seg := range slices.Backward(s.Segments) {
		if err := s.scan(fsys, dir, seg, limit); err != nil {
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
		s.Written = max(s.Written, seg.endBefore)
	}
	s.Written = max(s.Written, s.Durable)
	return nil
}

// scan reads the heads of a segment's blocks below the position limit.
func (s *State) scan(fsys vfs.FS, dir string, seg *Segment, limit uint64) error {
	f, err := fsys.Open(filepath.Join(dir, seg.Name), vfs.ReadOnly)
	if err != nil {
		return err
	}
	seg.End, seg.endBefore = seg.First, seg.Before
	var readErr error
	hole := false
	for p := range Blocks(f, seg.Salt, 0) {
		if p.Head == nil {
			seg.Holes++
			hole, readErr = true, p.Err
			continue
		}
		h := p.Head
		s.Boot, s.Next, s.Acked = max(s.Boot, h.Boot), max(s.Next, h.End()), max(s.Acked, h.Acked)
		s.Durable, s.Clock = max(s.Durable, h.Durable), max(s.Clock, h.Clock)
		if h.First >= limit || h.First < seg.End {
			continue
		}
		if p.Copied {
			seg.Copied++
		}
		if seg.Blocks == 0 {
			seg.prev, seg.firstHead = h.Prev, h.First
		}
		if h.Before > seg.endBefore {
			seg.gaps = append(seg.gaps, gap{seg.endBefore, h.Before, h.First})
		}
		seg.Blocks++
		seg.Entries += uint64(h.Entries)
		seg.End, seg.endBefore = h.End(), h.Before+uint64(h.Entries)
		seg.Used, seg.Boot = p.Off+p.Len, h.Boot
		seg.Newest, seg.Wall = h.Clock, h.Wall
		hole, readErr = false, nil
	}
	seg.Torn = hole || bits.OnesCount64(uint64(seg.Size)) != 1
	return errors.Join(s.dead(fsys, dir, readErr), f.Close())
}

// dead returns err if nothing else can be read either: then it is not a bad spot
// but a disk that is not there.
func (s *State) dead(fsys vfs.FS, dir string, err error) error {
	if err == nil {
		return nil
	}
	if _, other := ReadFile(fsys, filepath.Join(dir, CursorName), CursorBytes); other == nil {
		return nil
	}
	return err
}

// count finds out what of a segment is pending and lost; later are the segments
// after it.
func (s *State) count(fsys vfs.FS, dir string, seg *Segment, later []*Segment) error {
	lose := func(from, to uint64, pos uint64) {
		if to = min(to, s.Durable); to > from && pos > s.Acked {
			seg.Lost += to - from
		}
	}
	for _, g := range seg.gaps {
		lose(g.from, g.to, g.pos)
	}
	switch {
	case len(later) == 0:
		if seg.Torn {
			lose(seg.endBefore, s.Durable, s.Next)
		}
	case later[0].prev == seg.First, seg.Torn && later[0].prev == 0:
		lose(seg.endBefore, later[0].Before, later[0].First)
	}
	if seg.End <= s.Acked {
		return nil
	}
	if seg.First >= s.Acked {
		seg.Pending = seg.Entries
	}
	f, err := fsys.Open(filepath.Join(dir, seg.Name), vfs.ReadOnly)
	if err != nil {
		return err
	}
	for p := range Blocks(f, seg.Salt, 0) {
		h := p.Head
		if h == nil || h.End() <= s.Acked || h.First >= seg.End {
			continue
		}
		if seg.Oldest == 0 {
			seg.Oldest = h.Clock
		}
		if seg.First >= s.Acked {
			break
		}
		seg.Pending += uint64(h.Entries)
		if h.First < s.Acked {
			seg.Pending -= below(f, seg.Salt, h, s.Acked)
		}
	}
	return f.Close()
}

// below counts the entries of a block below a position: none if it cannot be
// read.
func below(f vfs.File, salt uint64, h *Head, pos uint64) (n uint64) {
	raw, err := ReadBody(f, salt, h)
	if err != nil {
		return 0
	}
	_ = h.Each(raw, func(e Entry) bool {
		if e.Pos < pos {
			n++
		}
		return e.Pos < pos
	})
	return n
}
