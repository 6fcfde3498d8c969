package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Builder makes a block of entries. Its memory is reused.
type Builder struct {
	raw      []byte
	docs     []uint64
	devices  []Device
	refs     map[series]int
	last     int // device of the entry added last, from 1
	span     uint32
	entries  uint32
	skipped  uint64
	packed   bool   // body and dir are made
	body     []byte // raw, or deflated
	flags    uint32
	dir      []byte
	deflated bytes.Buffer
}

// series is whose entries have sequence numbers in a row.
type series struct {
	device string
	boot   uint64
}

// Reset begins a new block, whose entries may refer to those documents.
func (b *Builder) Reset(docs ...uint64) {
	b.raw, b.docs, b.devices, b.span, b.entries, b.skipped, b.packed, b.last = b.raw[:0], docs, nil, 0, 0, 0, false, 0
	if b.refs == nil {
		b.refs = map[series]int{}
	}
	clear(b.refs)
	if cap(b.raw) > keptBuilder { // one large entry was written
		b.raw, b.deflated = nil, bytes.Buffer{}
	}
}

const (
	keptBuilder = 1 << 20 // bytes of memory that are kept for the next block
	maxDeflate  = 1 << 20 // bytes that are deflated: it takes as much again in memory
)

// Entries returns how many were added, and Devices which.
func (b *Builder) Entries() int      { return int(b.entries) }
func (b *Builder) Devices() []Device { return b.devices }

// Add adds an entry at the next position. The sequence numbers of a device and boot
// rise.
func (b *Builder) Add(device string, boot, seq uint64, data []byte) {
	b.flushSkip()
	ref := b.last
	if ref == 0 || b.devices[ref-1].Boot != boot || b.devices[ref-1].Name != device { // mostly it is the same
		key := series{device, boot}
		if ref = b.refs[key]; ref == 0 {
			b.devices = append(b.devices, Device{Name: device, Boot: boot})
			ref = len(b.devices)
			b.refs[key] = ref
		}
		b.last = ref
	}
	d := &b.devices[ref-1]
	if n := len(d.Runs); n > 0 && d.Runs[n-1].Last+1 == seq {
		d.Runs[n-1].Last = seq
	} else {
		d.Runs = append(d.Runs, Run{seq, seq})
	}
	b.raw = binary.AppendUvarint(b.raw, uint64(ref))
	b.raw = binary.AppendUvarint(b.raw, uint64(len(data)))
	b.raw = append(b.raw, data...)
	b.span++
	b.entries++
}

// Skip leaves the next position empty: its entry is finished already.
func (b *Builder) Skip() {
	b.skipped++
	b.span++
}

func (b *Builder) flushSkip() {
	if b.skipped > 0 {
		b.raw = binary.AppendUvarint(b.raw, 0)
		b.raw = binary.AppendUvarint(b.raw, b.skipped)
		b.skipped = 0
	}
}

// pack makes body and directory. It deflates the body if that saves a page.
func (b *Builder) pack() {
	if b.packed {
		return
	}
	b.packed = true
	b.flushSkip()
	b.dir = appendDirectory(b.dir[:0], b.docs, b.devices)
	b.body, b.flags = b.raw, 0
	if size := blockSize(headBytes+len(b.dir), len(b.body)); size > page && len(b.raw) <= maxDeflate {
		small := b.deflate()
		if n := blockSize(headBytes+len(b.dir), len(small)); n < size && int64(len(b.raw)) <= maxInflate*n {
			b.body, b.flags = small, flagDeflate
		}
	}
}

// Note adds the block to what is known of its segment; h is as Append left it.
func (b *Builder) Note(l *IDs, h *Head) { l.Add(h, b.raw) }

// Size returns the length of the block, after which nothing may be added.
func (b *Builder) Size() int64 {
	b.pack()
	return blockSize(headBytes+len(b.dir), len(b.body))
}

// Append appends the block as it is at offset off of a file of that salt, and
// sets what h does not say yet. After it nothing may be added.
func (b *Builder) Append(dst []byte, salt uint64, off int64, h *Head) []byte {
	b.pack()
	dir, body := b.dir, b.body
	h.Span, h.Entries, h.Docs, h.Devices = b.span, b.entries, b.docs, b.devices
	h.flags, h.rawLen = b.flags, len(b.raw)
	return h.seal(dst, salt, off, dir, body)
}

// seal appends the block of a head, its directory and a body as it is stored.
func (h *Head) seal(dst []byte, salt uint64, off int64, dir, body []byte) []byte {
	h.off, h.headLen, h.bodyLen = off, headBytes+len(dir), len(body)
	start := seed(salt, off)
	h.dirCRC, h.bodyCRC = crc32.Update(start, castagnoli, dir), crc32.Update(start, castagnoli, body)

	from := len(dst)
	dst = h.appendFixed(dst)
	head := dst[from:]
	binary.LittleEndian.PutUint32(head[4:], crc32.Update(start, castagnoli, head[8:]))
	dst = append(dst, dir...)
	dst = append(dst, body...)
	zeros := from + int(h.Size()) - len(dst) - h.headLen - trailerBytes
	dst = append(dst, make([]byte, zeros)...)
	dst = append(dst, dst[from:from+h.headLen]...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.headLen))
	return append(dst, tailMagic[:]...)
}

// appendFixed appends the head without checksum and directory.
func (h *Head) appendFixed(dst []byte) []byte {
	le := binary.LittleEndian
	dst = append(dst, headMagic[:]...)
	for _, v := range []uint32{0, uint32(h.headLen), uint32(h.bodyLen), uint32(h.rawLen), h.dirCRC, h.bodyCRC, h.flags, h.Span, h.Entries} {
		dst = le.AppendUint32(dst, v)
	}
	for _, v := range []uint64{h.First, h.Before, h.Durable, h.Acked, h.Prev, uint64(h.Clock), uint64(h.Wall)} {
		dst = le.AppendUint64(dst, v)
	}
	return dst
}

// deflate compresses raw. The stateless form keeps no window between calls,
// which would cost most of a megabyte.
func (b *Builder) deflate() []byte {
	b.deflated.Reset()
	_ = flate.StatelessDeflate(&b.deflated, b.raw, true, nil) // a bytes.Buffer does not fail
	return b.deflated.Bytes()
}

// inflaters keeps the 40 KiB that inflating takes from one block to the next.
var inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

func inflate(body []byte, n int) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(body), nil); err != nil {
		return nil, errBody
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, errBody
	}
	if k, _ := r.Read(make([]byte, 1)); k > 0 {
		return nil, errBody
	}
	return raw, nil
}
