package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Limits of what is written, by which reading is bounded.
const (
	MaxEntry   = 11 << 20        // bytes of an entry
	MaxBody    = MaxEntry + 1024 // bytes of a block's entries, inflated or not
	MaxHead    = 256 << 10       // bytes of a head
	MaxName    = 1 << 10         // bytes of a device's name
	MaxSpan    = 1 << 20         // positions from the first of a segment to its end
	MaxSegment = 16 << 20        // bytes of a segment: what is behind them is not read

	headBytes    = 96 // without the directory
	trailerBytes = 8
	flagDeflate  = 1
	maxInflate   = 16 // a body is at most so many times the size of its block when inflated

	page = vfs.PageSize
	lots = 1 << 62 // more than any counter reaches
)

var (
	headMagic  = [4]byte{'R', 'V', 'b', '1'}
	tailMagic  = [4]byte{'R', 'V', 'b', 'E'}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Head is what a block says of itself.
type Head struct {
	First   uint64   // position of the first entry
	Span    uint32   // positions covered
	Entries uint32   // how many entries
	Before  uint64   // entries written before
	Durable uint64   // of which so many were durable
	Acked   uint64   // entries below this position were finished
	Prev    uint64   // first position of the segment before, of the same opening; 0: none
	Clock   int64    // ms the buffer was open when the newest entry was put
	Wall    int64    // Unix ms at writing
	Docs    []uint64 // documents that the entries may refer to
	Devices []Device // whose entries

	flags    uint32
	headLen  int
	bodyLen  int
	rawLen   int
	bodyCRC  uint32
	dirCRC   uint32
	off      int64 // of the block in the file
	avail    int64 // bytes of the file from there on; 0: not known
	unwanted bool  // flags that this version does not know
}

// Device names the entries of one device and boot in a block.
type Device struct {
	Name string
	Boot uint64
	Runs []Run
}

// Run is a run of sequence numbers, inclusive.
type Run struct{ First, Last uint64 }

// End returns the position after the last one covered.
func (h *Head) End() uint64 { return h.First + uint64(h.Span) }

// Size returns the length of the block in bytes, whole pages.
func (h *Head) Size() int64 { return blockSize(h.headLen, h.bodyLen) }

// Off returns where in its file the block begins.
func (h *Head) Off() int64 { return h.off }

func blockSize(head, body int) int64 {
	n := 2*int64(head) + int64(body) + trailerBytes
	return (n + page - 1) / page * page
}

// Bound returns an upper bound of the size of a block of so many bytes of entries, of
// so many devices, whose names have so many bytes, and documents. An entry
// counts for its data and at least six bytes more, finished ones too: these leave
// room for what their absence takes in the body and in the runs of sequence numbers.
func Bound(entries, devices, names, docs int) int64 {
	return blockSize(headBound(devices, names, docs), entries)
}

// Room returns how many bytes of entries fit a block of that size for sure; less
// than nothing if not even the head does.
func Room(size int64, devices, names, docs int) int {
	head := headBound(devices, names, docs)
	room := size/page*page - 2*int64(head) - trailerBytes
	return int(min(room, MaxBody, 2*int64(MaxHead-head))) // of the entries a third, at most, may go into the head
}

// headBound leaves, for a device, 9 bytes of boot and 20 of numbers.
func headBound(devices, names, docs int) int {
	return headBytes + 8 + 8*docs + 29*devices + names
}

// seed is the checksum that a part of a block begins with.
func seed(salt uint64, off int64) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], salt)
	binary.LittleEndian.PutUint64(b[8:], uint64(off))
	return crc32.Checksum(b[:], castagnoli)
}

var errNoHead = errors.New("no block begins here")

// parseFixed reads the part of a head that is before the directory. What it
// returns was written so, and is within the limits; the directory may be damaged.
func parseFixed(b []byte, salt uint64, off int64) (*Head, error) {
	if len(b) < headBytes || [4]byte(b) != headMagic {
		return nil, errNoHead
	}
	le := binary.LittleEndian
	if crc32.Update(seed(salt, off), castagnoli, b[8:headBytes]) != le.Uint32(b[4:]) {
		return nil, errNoHead
	}
	n, body, raw := le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:])
	if n < headBytes || n > MaxHead || body > MaxBody || raw > MaxBody {
		return nil, errNoHead
	}
	h := &Head{
		headLen: int(n), bodyLen: int(body), rawLen: int(raw), dirCRC: le.Uint32(b[20:]), bodyCRC: le.Uint32(b[24:]), flags: le.Uint32(b[28:]),
		Span: le.Uint32(b[32:]), Entries: le.Uint32(b[36:]), First: le.Uint64(b[40:]), Before: le.Uint64(b[48:]), Durable: le.Uint64(b[56:]),
		Acked: le.Uint64(b[64:]), Prev: le.Uint64(b[72:]), Clock: int64(le.Uint64(b[80:])), Wall: int64(le.Uint64(b[88:])), off: off,
	}
	h.unwanted = h.flags&^flagDeflate != 0
	if h.Entries > h.Span || h.Entries == 0 || h.Span > MaxSpan || int64(h.rawLen) > maxInflate*h.Size() ||
		h.First == 0 || h.First > lots || h.Before > lots || h.Durable > lots || h.Acked > lots {
		return nil, errNoHead
	}
	return h, nil
}

// parseRest reads the directory of a head, which b begins with.
func (h *Head) parseRest(b []byte, salt uint64) (err error) {
	dir := b[headBytes:h.headLen]
	if crc32.Update(seed(salt, h.off), castagnoli, dir) != h.dirCRC {
		return errNoHead
	}
	if h.Docs, h.Devices, err = parseDirectory(dir, h.Entries); err != nil {
		return errNoHead
	}
	return nil
}

// parseHead reads a head that is whole in b, which may go on behind it.
func parseHead(b []byte, salt uint64, off int64) (*Head, error) {
	h, err := parseFixed(b, salt, off)
	if err != nil {
		return nil, err
	}
	if h.headLen > len(b) {
		return nil, errNoHead
	}
	return h, h.parseRest(b, salt)
}
