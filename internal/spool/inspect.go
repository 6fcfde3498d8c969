package spool

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Class says what Inspect found at a place of a segment.
type Class uint8

// The classes. Only Damaged and Absent are what should not be.
const (
	Whole   Class = iota // a block, to be read
	Stale                // a block whose entries are in another segment
	Torn                 // a write that was cut short; nobody was told that its entries were stored
	Damaged              // what was stored and cannot be read
	Absent               // nothing, where by their numbers entries were stored
	Gone                 // the same in a segment that Repair made: lost before
)

// String returns the name of the class, such as "damaged".
func (c Class) String() string {
	return [...]string{"whole", "stale", "torn", "damaged", "absent", "gone"}[min(c, Gone)]
}

// Find is a part of a segment.
type Find struct {
	Piece
	Class   Class
	Raw     []byte // the body of a whole block, as [Head.Each] takes it, if bodies were asked for
	Problem error  // why it is Damaged, Torn or Absent
	Lost    uint64 // entries neither finished nor readable
	OneHead bool   // one of the two heads of a whole block is damaged, which costs nothing
}

// IDs returns the device and the runs of sequence numbers that Lost is of, if
// they are known: if the block has a head and none of its entries was finished.
func (f *Find) IDs() []Device {
	if f.Head == nil || f.Lost != uint64(f.Head.Entries) {
		return nil
	}
	return f.Head.Devices
}

// Bad reports whether something that was stored is damaged, be it finished or not.
func (f *Find) Bad() bool { return f.Class == Damaged || f.Class == Absent }

var (
	errHole   = errors.New("no block begins here")
	errCut    = errors.New("a write that was cut short, or what an older segment left; nothing in it was said to be stored")
	errAbsent = errors.New("nothing is here, but by the numbers of the blocks entries were")
	errGone   = errors.New("lost before the segment was repaired")
)

// Inspect visits the parts of a segment of the directory that s was loaded from,
// in order, and holds one block in memory at a time. Without bodies it reads heads
// only, and does not see damage elsewhere. The error is that the file cannot be
// opened, and comes last.
func (s *State) Inspect(fsys vfs.FS, dir string, seg *Segment, bodies bool) iter.Seq2[Find, error] {
	return func(yield func(Find, error) bool) {
		f, err := fsys.Open(filepath.Join(dir, seg.Name), vfs.ReadOnly)
		if err != nil {
			yield(Find{}, err)
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		in := inspection{s: s, seg: seg, f: f, bodies: bodies, end: seg.First, gaps: seg.gaps}
		for p := range Blocks(f, seg.Salt, 0) {
			for _, find := range in.next(p) {
				if !yield(find, nil) {
					return
				}
			}
		}
		if last, ok := in.last(); ok {
			yield(last, nil)
		}
	}
}

// inspection is one visit of a segment.
type inspection struct {
	s      *State
	seg    *Segment
	f      vfs.File
	bodies bool
	end    uint64 // position after the blocks so far
	gaps   []gap  // still to come
	tail   bool   // what the segment lost at its end was told
	hole   *Piece // what may explain the next gap
	at     int64  // where the next piece begins
}

// next returns what a piece is, after what became clear by it.
func (in *inspection) next(p Piece) (out []Find) {
	in.at = p.Off + p.Len
	if p.Head == nil {
		if p.Off >= in.seg.Used {
			return []Find{in.atEnd(p)}
		}
		in.hole = &p
		return nil
	}
	h := p.Head
	_, entries := in.seg.own(in.f, h, in.end)
	own := entries > 0 && p.Off < in.seg.Used
	if own && len(in.gaps) > 0 && in.gaps[0].pos.Last == h.First {
		out = append(out, in.between(p.Off, in.gaps[0].lost))
		in.gaps = in.gaps[1:]
	} else if in.hole != nil {
		out = append(out, in.between(p.Off, 0))
	}
	in.hole = nil
	switch {
	case own:
		in.end = h.End()
		return append(out, in.block(p))
	case entries > 0: // Load did not take it
		return append(out, Find{Piece: p, Class: Torn, Problem: errCut})
	}
	return append(out, Find{Piece: p, Class: Stale})
}

// between returns the hole before off, or what is absent there.
func (in *inspection) between(off int64, lost uint64) Find {
	if in.hole == nil {
		return in.absent(off, lost)
	}
	return Find{Piece: *in.hole, Class: Damaged, Problem: why(in.hole.Err, errHole), Lost: lost}
}

// atEnd returns what a hole is that no block follows.
func (in *inspection) atEnd(p Piece) Find {
	if in.seg.tail.lost == 0 || in.tail {
		return Find{Piece: p, Class: Torn, Problem: why(p.Err, errCut)}
	}
	in.tail = true
	return Find{Piece: p, Class: Damaged, Problem: why(p.Err, errHole), Lost: in.seg.tail.lost}
}

// last returns what is absent at the end.
func (in *inspection) last() (Find, bool) {
	lost := in.seg.tail.lost
	if in.tail || lost == 0 {
		return Find{}, false
	}
	return in.absent(in.at, lost), true
}

func (in *inspection) absent(off int64, lost uint64) Find {
	if in.seg.Salvaged() {
		return Find{Piece: Piece{Off: off}, Class: Gone, Problem: errGone, Lost: lost}
	}
	return Find{Piece: Piece{Off: off}, Class: Absent, Problem: errAbsent, Lost: lost}
}

// block checks a block of the segment.
func (in *inspection) block(p Piece) Find {
	h := p.Head
	find := Find{Piece: p, OneHead: p.Copied}
	if !in.bodies {
		return find
	}
	raw, err := ReadBody(in.f, in.seg.Salt, h)
	if err == nil {
		find.Raw = raw
		find.OneHead = p.Copied || !h.copyWhole(in.f, in.seg.Salt)
		return find
	}
	find.Class, find.Problem = Damaged, why(err, nil)
	if h.Before+uint64(h.Entries) > in.s.Durable {
		find.Class = Torn
	}
	if from := max(in.s.Acked, h.First); h.End() > from {
		find.Lost = min(uint64(h.Entries), h.End()-from)
	}
	return find
}

// why is the reason err, without saying where, or other if there is none.
func why(err, other error) error {
	var damage *DamageError
	if errors.As(err, &damage) {
		err = damage.Err
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the file ends within the block")
	}
	if err != nil && Unreadable(err) {
		return fmt.Errorf("reading failed: %w", err)
	}
	if err != nil {
		return err
	}
	return other
}

// copyWhole reports whether the second head is there.
func (h *Head) copyWhole(f io.ReaderAt, salt uint64) bool {
	b := make([]byte, h.headLen+trailerBytes)
	if n, _ := f.ReadAt(b, h.off+h.Size()-int64(len(b))); n < len(b) || [4]byte(b[len(b)-4:]) != tailMagic {
		return false
	}
	c, err := parseHead(b[:h.headLen], salt, h.off)
	return err == nil && c.headLen == h.headLen
}

// InspectFile visits the blocks of any file of blocks, such as one set aside, as
// Inspect does with bodies; what cannot be read is Damaged.
func InspectFile(fsys vfs.FS, dir, name string) iter.Seq2[Find, error] {
	return func(yield func(Find, error) bool) {
		id, ok := ParseName(name, filepath.Ext(name))
		if !ok {
			yield(Find{}, fmt.Errorf("%s: not the name of a file of blocks", filepath.Join(dir, name)))
			return
		}
		f, err := fsys.Open(filepath.Join(dir, name), vfs.ReadOnly)
		if err != nil {
			yield(Find{}, err)
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		for p := range Blocks(f, id.Salt, 0) {
			find := Find{Piece: p}
			if p.Head == nil {
				find.Class, find.Problem = Damaged, why(p.Err, errHole)
			} else if find.Raw, err = ReadBody(f, id.Salt, p.Head); err != nil {
				find.Class, find.Problem = Damaged, why(err, nil)
			}
			if !yield(find, nil) {
				return
			}
		}
	}
}
