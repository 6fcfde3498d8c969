package spool

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// State is what a directory holds. Its size goes with the number of segments.
type State struct {
	Used       bool // there was a buffer here before
	Whole      bool // FORMAT is there and whole
	Cursor     Cursor
	CursorRead bool   // Cursor is one of the slots
	CursorSure bool   // and certainly the newest
	Next       uint64 // the lowest position never used
	Acked      uint64 // entries below this position were finished
	Written    uint64 // entries written so far
	Durable    uint64 // and known to be durable
	Clock      int64  // ms the buffer was open
	Segments   []*Segment
	Docs       map[uint64][]byte
	DocFiles   []vfs.Info // files of Docs
	BadDocs    []vfs.Info // files of documents that are damaged
	Odd        []string   // names that are links, pipes or devices: nothing of a buffer
	Kept       []vfs.Info
	Orphans    []vfs.Info // files that were not finished
	Spare      int64      // bytes of the spare segment; 0: there is none
	Bytes      int64      // of all files

	bad       error // reading a small file failed
	slotBlank bool  // the other slot of the cursor is blank
	docBytes  int
	idCost    int // of the IDs of all segments
}

// Segment is what recovery found out about one.
type Segment struct {
	FileID
	Name    string
	Size    int64    // of the file, in bytes
	Used    int64    // bytes up to the end of the last block
	End     uint64   // position after the last entry; First if there is none
	Entries uint64   // in its blocks
	Pending uint64   // of these, not finished
	Lost    uint64   // durable entries that were in blocks which cannot be read
	Docs    []uint64 // documents that its entries may refer to
	IDs     IDs      // of its entries, as far as there was room
	Oldest  int64    // clock of the first block that is not finished
	Newest  int64    // clock of the last block
	Wall    int64    // of the last block, Unix ms
	Blocks  int
	Torn    bool // there is something behind its last block, or it was cut short
	Holes   int  // parts that are no block
	Stale   bool // it has blocks that are in another segment
	Copied  int  // blocks whose first head was damaged
	Unread  bool // reading failed behind its last block

	EndBefore uint64 // entries written before its end
	Gaps      []Run  // positions within that no readable block covers

	prev        uint64 // of its first block; 0: none, or not known
	firstHead   uint64 // position of its first block
	limit       uint64 // entries from this position on are in a later segment
	limitBefore uint64 // and blocks with so many entries before them
	gaps        []gap
	tail        gap    // after its end
	durable     uint64 // entries that its heads say were
}

// gap is what is missing between blocks: from the First to below the Last.
type gap struct {
	written Run // entries written before
	pos     Run // positions
	lost    uint64
}

// Load reads the directory, block heads only. It changes nothing. The error is
// that the directory or one of its files cannot be opened, that nothing in it
// can be read, or ErrNewerFormat. Where only parts cannot be read, they are damaged.
//
// The directory may have been made to cost its reader as much as can be. For each
// MiB of a segment that is on the disk, Load makes at most 1024 reads, of 6 MiB
// together, and allocates 32 MiB on the way, of which it holds the largest block at
// a time; for each file beside that it opens it at most 4 times, with 8 reads of
// 256 KiB together, and 1 MiB of memory. Documents take at most 16 MiB, and what is
// kept of ids 1 MiB. Where the system does not tell what of a sparse file is there,
// all of it counts as being there.
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
		known := true
		switch ext := filepath.Ext(info.Name); {
		case info.Odd:
			s.Odd, known = append(s.Odd, info.Name), false
		case info.Dir, info.Name == LockName:
			known = false
		case info.Name == FormatName:
			err = s.loadFormat(fsys, dir)
		case info.Name == SpareName:
			s.Spare = info.Size
		case info.Name == CursorName:
			err = s.loadCursor(fsys, dir)
		case ext == SegmentExt:
			if id, ok := ParseName(info.Name, ext); ok {
				s.Segments = append(s.Segments, &Segment{FileID: id, Name: info.Name, Size: info.Size})
			}
		case ext == ".tmp":
			s.Orphans = append(s.Orphans, info)
		case ext == BadExt || ext == AsideExt:
			s.Kept = append(s.Kept, info)
		default:
			id, ok := ParseDocName(info.Name)
			if known = ok; ok {
				err = s.loadDoc(fsys, dir, info, id)
			}
		}
		if err != nil {
			return nil, err
		}
		s.Used = s.Used || known
	}
	if err := s.sort(fsys, dir); err != nil {
		return nil, err
	}
	if err := s.dead(fsys, dir, s.bad); err != nil {
		return nil, err
	}
	return s, s.loadSegments(fsys, dir)
}

func (s *State) loadFormat(fsys vfs.FS, dir string) error {
	b, err := s.readParts(fsys, filepath.Join(dir, FormatName), page, page)
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
	b, err := s.readParts(fsys, filepath.Join(dir, CursorName), CursorBytes, SlotBytes)
	if err != nil {
		return err
	}
	s.Cursor, s.CursorSure, s.CursorRead = ParseCursor(b)
	other := min(len(b), int(SlotBytes-s.Cursor.Off()))
	s.slotBlank = len(b) == CursorBytes && allZero(b[other:min(len(b), other+SlotBytes)])
	return nil
}

// maxDocs bounds the documents that are read.
const maxDocs = 16 << 20

func (s *State) loadDoc(fsys vfs.FS, dir string, info vfs.Info, id uint64) error {
	if info.Size > MaxDoc || s.docBytes+int(info.Size) > maxDocs {
		s.BadDocs = append(s.BadDocs, info)
		return nil
	}
	s.docBytes += int(info.Size)
	doc, err := s.readParts(fsys, filepath.Join(dir, info.Name), MaxDoc, MaxDoc)
	if err != nil {
		return err
	}
	if DocName(id, doc) != info.Name {
		s.BadDocs = append(s.BadDocs, info)
		return nil
	}
	s.Docs[id] = doc
	s.DocFiles = append(s.DocFiles, info)
	return nil
}

// readParts reads a small file, at most limit bytes of it, in parts of that
// size. A part that cannot be read is noise to whoever reads on.
func (s *State) readParts(fsys vfs.FS, name string, limit, part int64) ([]byte, error) {
	f, err := fsys.Open(name, vfs.ReadOnly)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b := make([]byte, min(size, limit))
	for off := int64(0); off < int64(len(b)); off += part {
		p := b[off:min(off+part, int64(len(b)))]
		if n, err := readAt(f, p, off); n < len(p) && err != io.EOF {
			s.bad = err
			for i := range p {
				p[i] = 0xff
			}
		}
	}
	return b, f.Close()
}
