package spool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"iter"
	"strconv"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// The suffixes of files that hold blocks.
const (
	SegmentExt = ".seg"   // entries to be delivered
	BadExt     = ".bad"   // a damaged segment
	AsideExt   = ".aside" // entries that will not be delivered
)

// FileID is what the name of a file of blocks says.
type FileID struct {
	First  uint64 // position of the first entry
	Before uint64 // entries written before
	Salt   uint64 // random, in every checksum
}

// Name returns the name of the file.
func (id FileID) Name(ext string) string {
	return fmt.Sprintf("%016x-%016x-%016x%s", id.First, id.Before, id.Salt, ext)
}

// ParseName takes a name apart that FileID.Name made.
func ParseName(name, ext string) (id FileID, ok bool) {
	if len(name) != 50+len(ext) {
		return id, false
	}
	for i, field := range []*uint64{&id.First, &id.Before, &id.Salt} {
		v, err := strconv.ParseUint(name[17*i:17*i+16], 16, 64)
		if err != nil {
			return id, false
		}
		*field = v
	}
	return id, name == id.Name(ext) && id.First > 0 && id.First <= lots && id.Before <= lots
}

// salvageMark is in the low bits of the salt of what Repair made.
const salvageMark = 0x5a1f

// salvage returns the name for what is saved of a damaged segment: always the
// same, so that a repair that was interrupted goes on with it. The positions and
// counts stay.
func (id FileID) salvage() FileID {
	h := fnv.New64a()
	_, _ = io.WriteString(h, id.Name(SegmentExt)) // does not fail
	id.Salt = h.Sum64()&^0xffff | salvageMark
	return id
}

// Salvaged tells whether Repair made the segment: by chance also one in 65536
// others.
func (id FileID) Salvaged() bool { return id.Salt&0xffff == salvageMark }

// Piece is a part of a segment: a block, or a hole, where none can be read.
type Piece struct {
	Off, Len int64
	Head     *Head // nil: a hole
	Copied   bool  // the head was damaged; this is its copy
	Err      error // of a hole: why it could not be read, if reading failed
}

// Blocks visits the segment from offset off, where a block begins or the end is.
// Space that was never written is not a piece, nor does a hole end in it.
func Blocks(f vfs.File, salt uint64, off int64) iter.Seq[Piece] {
	return func(yield func(Piece) bool) {
		size, err := f.Size()
		for tries := 1; tries < 3 && err != nil; tries++ {
			size, err = f.Size()
		}
		if err != nil {
			yield(Piece{Off: off, Err: err})
			return
		}
		s := &scan{f: f, salt: salt, size: size}
		for off < size {
			p := s.piece(off)
			if p.Len == 0 || !yield(p) {
				return
			}
			off += p.Len
		}
	}
}

type scan struct {
	f    vfs.File
	salt uint64
	size int64
	buf  [page]byte
	next *Piece // the block that ends the hole returned last
}

// piece returns what is at off, an empty one if there is nothing from there on.
func (s *scan) piece(off int64) Piece {
	if s.next != nil && s.next.Off == off {
		p := *s.next
		s.next = nil
		return p
	}
	hole := Piece{Off: off}
	for at := off; at < s.size; at += page {
		b, err := s.read(at)
		if err != nil {
			hole.Err, hole.Len = err, at+page-off
			continue
		}
		if isEnd(b, s.salt, at) { // what is behind it is of an older segment
			return hole
		}
		h, herr := readHead(s.f, s.salt, at, at, b)
		copied := false
		if herr != nil && len(b) == page {
			h, copied = s.copyAt(at+page, off), true
		}
		if h != nil {
			p := Piece{Off: h.off, Len: h.Size(), Head: h, Copied: copied}
			if h.off == off {
				return p
			}
			s.next = &p
			hole.Len = h.off - off
			return hole
		}
		if !allZero(b) {
			hole.Len = at + page - off
		}
	}
	return hole
}

func (s *scan) read(at int64) ([]byte, error) {
	n, err := readAt(s.f, s.buf[:], at)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return s.buf[:n], nil
}

// copyAt returns the head that is repeated at the end of a block that ends at end
// and begins at from or later, or nil.
func (s *scan) copyAt(end, from int64) *Head {
	if [4]byte(s.buf[page-4:]) != tailMagic {
		return nil
	}
	n := int64(binary.LittleEndian.Uint32(s.buf[page-8:]))
	at := end - trailerBytes - n
	if n < headBytes || n > MaxHead || at < from {
		return nil
	}
	b := make([]byte, n)
	if _, err := readAt(s.f, b, at); err != nil {
		return nil
	}
	// Where the block begins follows from its size, and the checksum proves it.
	off := end - blockSize(int(n), int(min(binary.LittleEndian.Uint32(b[12:]), MaxBody)))
	if off < from {
		return nil
	}
	h, err := parseHead(b, s.salt, off)
	if err != nil || h.headLen != int(n) {
		return nil
	}
	return h
}

var endMagic = [4]byte{'R', 'V', 'b', 'F'}

// EndPage returns the page that ends a segment in space that was used before: what
// is behind its last block is not a write that was cut short.
func EndPage(salt uint64, off int64) []byte {
	b := make([]byte, page)
	copy(b, endMagic[:])
	binary.LittleEndian.PutUint32(b[4:], crc32.Update(seed(salt, off), castagnoli, endMagic[:]))
	return b
}

func isEnd(b []byte, salt uint64, off int64) bool {
	return len(b) == page && [4]byte(b) == endMagic && bytes.Equal(b, EndPage(salt, off))
}

var zeros [page]byte

func allZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }
