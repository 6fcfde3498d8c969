package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Limits of a block, by which reading one is bounded.
const (
	MaxBody = 4 << 20 // bytes, inflated or not
	MaxHead = 1 << 20 // bytes
	MaxName = 1 << 10 // bytes of a device's name

	headBytes    = 100 // without the directory
	trailerBytes = 8
	flagDeflate  = 1

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
	Boot    uint64   // of all its entries
	First   uint64   // position of the first
	Span    uint32   // positions covered
	Entries uint32   // how many entries
	Before  uint64   // entries written before
	Durable uint64   // of which so many were durable
	Acked   uint64   // entries below this position were finished
	Prev    uint64   // first position of the segment before, of the same boot; 0: none
	Clock   int64    // ms the buffer was open when the newest entry was put
	Wall    int64    // Unix ms at writing
	Devices []Device // whose entries

	flags    uint32
	headLen  int
	bodyLen  int
	rawLen   int
	bodyCRC  uint32
	off      int64 // of the block in the file
	unwanted bool  // flags that this version does not know
}

// Device names the entries of one device in a block.
type Device struct {
	Name string
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
	n := int64(2*head + body + trailerBytes)
	return (n + page - 1) / page * page
}

// seed is the checksum that a part of a block begins with.
func seed(salt uint64, off int64) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], salt)
	binary.LittleEndian.PutUint64(b[8:], uint64(off))
	return crc32.Checksum(b[:], castagnoli)
}

var errNoHead = errors.New("no block begins here")

// parseHead reads a head from b, which may go on behind it.
func parseHead(b []byte, salt uint64, off int64) (*Head, error) {
	n, err := headLength(b)
	if err != nil || n > len(b) {
		return nil, errNoHead
	}
	b = b[:n]
	le := binary.LittleEndian
	if crc32.Update(seed(salt, off), castagnoli, b[8:]) != le.Uint32(b[4:]) {
		return nil, errNoHead
	}
	h := &Head{
		headLen: n, bodyLen: int(le.Uint32(b[12:])), rawLen: int(le.Uint32(b[16:])), bodyCRC: le.Uint32(b[20:]),
		flags: le.Uint32(b[24:]), Span: le.Uint32(b[28:]), Boot: le.Uint64(b[32:]), First: le.Uint64(b[40:]),
		Entries: le.Uint32(b[96:]), Before: le.Uint64(b[48:]), Durable: le.Uint64(b[56:]), Acked: le.Uint64(b[64:]),
		Prev: le.Uint64(b[72:]), Clock: int64(le.Uint64(b[80:])), Wall: int64(le.Uint64(b[88:])), off: off,
	}
	h.unwanted = h.flags&^flagDeflate != 0
	// What follows a good checksum was written so; these only bound what a
	// writer with a fault could make a reader do.
	if uint32(h.bodyLen) > MaxBody || uint32(h.rawLen) > MaxBody || h.Entries > h.Span || h.Entries == 0 ||
		h.First == 0 || h.First > lots || h.Before > lots || h.Durable > lots || h.Acked > lots {
		return nil, errNoHead
	}
	if h.Devices, err = parseDirectory(b[headBytes:], h.Entries); err != nil {
		return nil, errNoHead
	}
	return h, nil
}

// headLength returns the length that the head in b claims.
func headLength(b []byte) (int, error) {
	if len(b) < headBytes || [4]byte(b) != headMagic {
		return 0, errNoHead
	}
	n := binary.LittleEndian.Uint32(b[8:])
	if n < headBytes || n > MaxHead {
		return 0, errNoHead
	}
	return int(n), nil
}

var errDirectory = errors.New("spool: the directory of a block is not valid")

func parseDirectory(b []byte, entries uint32) ([]Device, error) {
	next := func(most uint64) (v uint64, ok bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > most {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	count, ok := next(uint64(len(b)) / 4) // a device takes 4 bytes at least
	if !ok {
		return nil, errDirectory
	}
	devices := make([]Device, 0, count)
	sum := uint64(0)
	for range count {
		n, ok := next(MaxName)
		if !ok || n > uint64(len(b)) {
			return nil, errDirectory
		}
		d := Device{Name: string(b[:n])}
		b = b[n:]
		runs, ok := next(uint64(len(b)) / 2)
		if !ok {
			return nil, errDirectory
		}
		last := uint64(0)
		for range runs {
			skip, ok := next(1 << 62)
			n, ok2 := next(uint64(entries) - sum)
			if !ok || !ok2 || skip == 0 || n == 0 || last+skip > 1<<62 {
				return nil, errDirectory
			}
			first := last + skip
			last = first + n - 1
			sum += n
			d.Runs = append(d.Runs, Run{first, last})
		}
		devices = append(devices, d)
	}
	if len(b) > 0 || sum != uint64(entries) {
		return nil, errDirectory
	}
	return devices, nil
}

// ReadHead reads the head of the block at off of a file of that salt. The error
// is that of reading, or says that no block begins there.
func ReadHead(f io.ReaderAt, salt uint64, off int64) (*Head, error) {
	var first [page]byte
	n, err := readAt(f, first[:], off)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return readHead(f, salt, off, off, first[:n])
}

// readHead reads the head of the block at off; at is where this copy of it
// begins, and b what was read there.
func readHead(f io.ReaderAt, salt uint64, off, at int64, b []byte) (*Head, error) {
	n, err := headLength(b)
	if err != nil {
		return nil, err
	}
	if n > len(b) {
		b = make([]byte, n)
		if _, err := readAt(f, b, at); err != nil {
			return nil, err
		}
	}
	return parseHead(b, salt, off)
}

// readAt reads again what it failed to read: cards fail once, and what is taken
// for damaged is given up for good.
func readAt(f io.ReaderAt, b []byte, off int64) (n int, err error) {
	for range 3 {
		if n, err = f.ReadAt(b, off); err == nil || err == io.EOF {
			break
		}
	}
	return n, err
}

// DamageError says that a block cannot be read.
type DamageError struct {
	Off int64 // of the block in its file
	Err error
}

// Error says where and what.
func (e *DamageError) Error() string {
	return fmt.Sprintf("spool: block at byte %d: %v", e.Off, e.Err)
}

// Unwrap returns what went wrong.
func (e *DamageError) Unwrap() error { return e.Err }

var (
	errBodyCRC = errors.New("checksum mismatch")
	errFlags   = errors.New("written by a newer version: unknown flags")
	errBody    = errors.New("the body is not as the head says")
)

// Unreadable tells whether an error of ReadBody is that of reading, and not that
// something else was there than was written.
func Unreadable(err error) bool {
	for _, e := range []error{errBodyCRC, errFlags, errBody, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return false
		}
	}
	return err != nil
}

// ReadBody reads the entries of a block as [Head.Each] takes them. An error is a
// *DamageError.
func ReadBody(f io.ReaderAt, salt uint64, h *Head) ([]byte, error) {
	raw, err := readBody(f, salt, h)
	if err == nil {
		err = h.Each(raw, func(Entry) bool { return true })
	}
	if err != nil {
		return nil, &DamageError{h.off, err}
	}
	return raw, nil
}

func readBody(f io.ReaderAt, salt uint64, h *Head) ([]byte, error) {
	if h.unwanted {
		return nil, errFlags
	}
	body, err := storedBody(f, salt, h)
	if err != nil {
		return nil, err
	}
	if h.flags&flagDeflate == 0 {
		if len(body) != h.rawLen {
			return nil, errBody
		}
		return body, nil
	}
	return inflate(body, h.rawLen)
}

// storedBody reads the body as it is in the file.
func storedBody(f io.ReaderAt, salt uint64, h *Head) ([]byte, error) {
	body := make([]byte, h.bodyLen)
	if n, err := readAt(f, body, h.off+int64(h.headLen)); n < len(body) {
		return nil, err
	}
	if crc32.Update(seed(salt, h.off), castagnoli, body) != h.bodyCRC {
		return nil, errBodyCRC
	}
	return body, nil
}
