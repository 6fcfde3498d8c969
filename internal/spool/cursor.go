package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// The names of the files that are there once, and the sizes.
const (
	LockName   = "LOCK"
	FormatName = "FORMAT"
	CursorName = "cursor"
	SpareName  = "spare"

	SlotBytes   = page // of a cursor
	CursorBytes = 2 * SlotBytes
	slotUsed    = 68
)

var slotMagic = [4]byte{'R', 'V', 'c', '1'}

// Cursor is what is kept beside the blocks.
type Cursor struct {
	Generation uint64
	Next       uint64 // positions below were used
	Acked      uint64 // entries below this position were finished
	Written    uint64 // entries in all durable blocks so far
	Clock      int64  // ms the buffer was open
	Wall       int64  // Unix ms at writing
	Trusted    int64  // the latest time that somebody vouched for, Unix ms; 0: none
	Segment    uint32 // low half of the salt of the segment that Written ends in; 0: none
}

// Off returns where the slot belongs.
func (c *Cursor) Off() int64 { return int64(c.Generation%2) * SlotBytes }

// Slot returns the slot's bytes.
func (c *Cursor) Slot() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, SlotBytes)
	b = append(b, slotMagic[:]...)
	b = le.AppendUint32(b, 0)
	for _, v := range []uint64{c.Generation, c.Next, c.Acked, c.Written, uint64(c.Clock), uint64(c.Wall), uint64(c.Trusted)} {
		b = le.AppendUint64(b, v)
	}
	b = le.AppendUint32(b, c.Segment)
	le.PutUint32(b[4:], crc32.Checksum(b[8:slotUsed], castagnoli))
	return b[:SlotBytes]
}

func parseSlot(b []byte) (c Cursor, ok bool) {
	le := binary.LittleEndian
	if len(b) < slotUsed || [4]byte(b) != slotMagic || crc32.Checksum(b[8:slotUsed], castagnoli) != le.Uint32(b[4:]) {
		return Cursor{}, false
	}
	c = Cursor{Generation: le.Uint64(b[8:]), Next: le.Uint64(b[16:]), Acked: le.Uint64(b[24:]), Written: le.Uint64(b[32:]),
		Clock: int64(le.Uint64(b[40:])), Wall: int64(le.Uint64(b[48:])), Trusted: int64(le.Uint64(b[56:])), Segment: le.Uint32(b[64:])}
	return c, c.Generation <= lots && c.Next <= lots && c.Acked <= c.Next && c.Written <= lots
}

// ParseCursor returns the newer slot that is whole. Sure is false if the other
// one was damaged, and may have been newer, or if none is whole. A slot may be
// blank only before it is written for the first time, with generation 0 or 1.
func ParseCursor(b []byte) (c Cursor, sure, ok bool) {
	sure = true
	blank := false
	for i := range 2 {
		part := b[min(len(b), i*SlotBytes):min(len(b), (i+1)*SlotBytes)]
		s, valid := parseSlot(part)
		switch {
		case valid && s.Generation%2 == uint64(i):
			if !ok || s.Generation > c.Generation {
				c, ok = s, true
			}
		case allZero(part):
			blank = true
		default:
			sure = false
		}
	}
	if c.Generation > 1 && (blank || len(b) < CursorBytes) {
		sure = false
	}
	return c, sure && ok, ok
}
