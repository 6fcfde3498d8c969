package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"iter"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Piece is a part of a segment: a block, or a hole, where none can be read.
type Piece struct {
	Off, Len int64
	Head     *Head // nil: a hole
	Copied   bool  // the head was damaged; this is its copy
	Err      error // of a hole: why it could not be read, if reading failed
}

// Blocks visits the segment from offset off, where a block begins or the end is.
// Space that was never written is not a piece, nor does a hole end in it. What a
// file can make it read is bounded, whatever it claims: for each page there are at most
// three reads, together of not more than three times the pages there are, up to
// MaxSegment. Pages of a sparse file that were never written are not read where
// the system tells them.
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
		s := &scan{f: f, salt: salt, size: min(size, MaxSegment), end: -1}
		for off < s.size {
			p := s.piece(off)
			if p.Len == 0 || !yield(p) {
				return
			}
			off += p.Len
		}
	}
}

// window is how much is read at once where page after page is looked at.
const window = 64 << 10

// scan is one visit of a file.
type scan struct {
	f    vfs.File
	salt uint64
	size int64
	buf  []byte
	got  []byte // of buf, what was read last
	at   int64  // where that is in the file
	end  int64  // and where the page read last ends
	long []byte // for heads of more than a page
	// vain is how many bytes were read of long heads that were none. A file that
	// was written by this package cannot make it more than its size: its heads do
	// not overlap.
	vain int64
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
		h, copied := s.headAt(at, b), false
		if h == nil && len(b) == page {
			h, copied = s.copyAt(at+page, off, b), true
		}
		if h != nil {
			h.avail = s.size - h.off
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
		} else {
			at = s.skip(at)
		}
	}
	return hole
}

// read returns the page at that offset, less at the end of the file. It is valid
// until the next call.
func (s *scan) read(at int64) ([]byte, error) {
	want := min(page, s.size-at)
	if at < s.at || at+want > s.at+int64(len(s.got)) {
		n := want
		if at == s.end { // page after page
			n = min(window, s.size-at)
		}
		err := s.fill(at, n)
		if err != nil && n > want { // in one of the pages
			err = s.fill(at, want)
		}
		if s.end = at + page; err != nil {
			return nil, err
		}
	}
	s.end = at + page
	b := s.got[at-s.at:]
	return b[:min(int64(len(b)), want)], nil
}

func (s *scan) fill(at, n int64) error {
	if int64(len(s.buf)) < n {
		s.buf = make([]byte, n)
	}
	k, err := readAt(s.f, s.buf[:n], at)
	if s.at, s.got = at, s.buf[:k]; err == io.EOF {
		err = nil
	}
	if err != nil {
		s.got = nil
	}
	return err
}

// skip returns the offset of the last page of zeros that there need be no look at,
// at being that of one.
func (s *scan) skip(at int64) int64 {
	f, ok := s.f.(interface{ NextData(off int64) int64 })
	if !ok || at+page < s.at+int64(len(s.got)) { // what is read already costs nothing
		return at
	}
	return max(at, f.NextData(at+page)/page*page-page)
}

// headAt returns the head that begins at at, where b was read, or nil.
func (s *scan) headAt(at int64, b []byte) *Head {
	h, err := parseFixed(b, s.salt, at)
	if err != nil {
		return nil
	}
	if h.headLen <= len(b) {
		if h.parseRest(b, s.salt) != nil {
			return nil
		}
		return h
	}
	return s.readLong(h, at)
}

// copyAt returns the head that is repeated at the end of a block that ends at end
// and begins at from or later, or nil; b is the page before end.
func (s *scan) copyAt(end, from int64, b []byte) *Head {
	if [4]byte(b[page-4:]) != tailMagic {
		return nil
	}
	n := int64(binary.LittleEndian.Uint32(b[page-8:]))
	at := end - trailerBytes - n
	if n < headBytes || n > MaxHead || at < from {
		return nil
	}
	var fixed [headBytes]byte
	head := fixed[:]
	if in := page - trailerBytes - n; in >= 0 {
		head = b[in : page-trailerBytes]
	} else if _, err := readAt(s.f, head, at); err != nil {
		return nil
	}
	// Where the block begins follows from its size, and the checksum proves it.
	off := end - blockSize(int(n), int(min(binary.LittleEndian.Uint32(head[12:]), MaxBody)))
	if off < from {
		return nil
	}
	h, err := parseFixed(head, s.salt, off)
	switch {
	case err != nil || h.headLen != int(n):
		return nil
	case len(head) < h.headLen:
		return s.readLong(h, at)
	case h.parseRest(head, s.salt) != nil:
		return nil
	}
	return h
}

// readLong completes a head of more than a page that is at at. It returns nil if
// it is none.
func (s *scan) readLong(h *Head, at int64) *Head {
	n := int64(h.headLen)
	if at+n > s.size || s.vain+n > s.size {
		return nil
	}
	if int64(len(s.long)) < n {
		s.long = make([]byte, n)
	}
	if k, err := readAt(s.f, s.long[:n], at); int64(k) < n || err != nil && err != io.EOF || h.parseRest(s.long, s.salt) != nil {
		s.vain += n
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
	binary.LittleEndian.PutUint32(b[4:], endSum(salt, off))
	return b
}

func endSum(salt uint64, off int64) uint32 {
	return crc32.Update(seed(salt, off), castagnoli, endMagic[:])
}

func isEnd(b []byte, salt uint64, off int64) bool {
	return len(b) == page && [4]byte(b) == endMagic && binary.LittleEndian.Uint32(b[4:]) == endSum(salt, off) && allZero(b[8:])
}

var zeros [page]byte

func allZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }
