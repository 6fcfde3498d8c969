package retry

import (
	"errors"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// found is what a search for the next block came upon.
type found struct {
	blk     *block        // nil: there is none
	lost    []*spool.Head // blocks on the way whose entries cannot be read
	missing uint64        // entries that were written on the way, in blocks without a head
	off     int64         // after what was read
	written uint64        // entries written before that
	places  []place       // of blocks on the way
}

// find searches s for the block that holds the index or comes after it, and is
// below end. An error means that the disk cannot be read, not that it is damaged.
func (d *Disk) find(s *segment, index, end uint64) (f found, err error) {
	for range 3 {
		if f, err = d.scan(s, index, end); err == nil {
			break
		}
	}
	if err != nil && !d.alive(s) {
		return found{}, err
	}
	d.rd.off, d.rd.written = f.off, f.written
	return f, nil
}

func (d *Disk) scan(s *segment, index, end uint64) (f found, err error) {
	f.off, f.written = d.rd.off, d.rd.written
	for p := range spool.Blocks(d.rd.file, s.id.Salt, f.off) {
		h := p.Head
		if h == nil {
			err = errors.Join(err, p.Err)
			continue
		}
		if h.First+s.shift >= end {
			break
		}
		if h.Before > f.written && h.First+s.shift > index {
			f.missing += h.Before - f.written
		}
		f.places = append(f.places, place{h.First + s.shift, p.Off, f.written})
		f.off, f.written = p.Off+p.Len, h.Before+uint64(h.Entries)
		if h.End()+s.shift <= index {
			continue
		}
		raw, rerr := spool.ReadBody(d.rd.file, s.id.Salt, h)
		if rerr == nil {
			f.blk = &block{head: h, raw: raw, r: h.Reader(raw)}
			return f, err
		}
		f.lost = append(f.lost, h)
		if spool.Unreadable(rerr) {
			err = errors.Join(err, rerr)
		}
	}
	if s.endsAt > f.written {
		f.missing += s.endsAt - f.written
	}
	return f, err
}

// alive reports whether anything of a segment can be read.
func (d *Disk) alive(s *segment) bool {
	var b [1]byte
	for off := int64(0); off < s.size; off += vfs.PageSize {
		if n, err := d.rd.file.ReadAt(b[:], off); n == 1 && err == nil {
			return true
		}
	}
	return false
}

// skipEmpty marks the positions of a block that hold no entry.
func (d *Disk) skipEmpty(s *segment, b *block) {
	h := b.head
	if h.Span == h.Entries {
		return
	}
	next := h.First
	_ = h.Each(b.raw, func(e spool.Entry) bool {
		s.finish(next+s.shift, e.Pos+s.shift)
		next = e.Pos + 1
		return true
	})
	s.finish(next+s.shift, h.End()+s.shift)
}

// retryRead tries again what failed once: cards do that.
func retryRead[T any](read func() (T, error)) (v T, err error) {
	for range 3 {
		if v, err = read(); err == nil {
			break
		}
	}
	return v, err
}
