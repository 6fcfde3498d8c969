package retry

import (
	"errors"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// reader is where the consumer reads in the segments.
type reader struct {
	seg     *segment
	file    vfs.File
	off     int64  // of the next block
	written uint64 // entries written before it
	blk     *block // what was read last, if not all of it is leased
}

// block is a block in memory.
type block struct {
	head *spool.Head
	raw  []byte
	r    *spool.Reader
	next spool.Entry // read last
	held bool        // it did not fit
}

// Next implements [Buffer]. While the disk cannot be read it returns nothing, so
// that order is kept, and Health says so.
func (d *Disk) Next(maxBytes int) []Entry {
	m := &d.m
	m.mu.Lock()
	defer m.mu.Unlock()
	d.adopt()
	d.retireFinished(true)
	clear(m.given)
	m.given = m.given[:0]
	size := 0
	for {
		if d.rd.blk != nil && d.leaseBlock(&size, maxBytes) {
			return m.given
		}
		more, err := d.load()
		if err != nil {
			d.readTrouble(err)
			return m.given
		}
		if !more {
			break
		}
	}
	if len(m.given) == 0 || size < maxBytes {
		m.lease(size, maxBytes)
	}
	return m.given
}

// leaseBlock leases entries of the loaded block. It returns true when no more are to
// be leased.
func (d *Disk) leaseBlock(size *int, maxBytes int) bool {
	m, b, s := &d.m, d.rd.blk, d.rd.seg
	for {
		e, ok := &b.next, b.held
		if b.held = false; !ok {
			if *e, ok = b.r.Next(); !ok {
				break
			}
		}
		index := e.Pos + s.shift
		if index < m.read.index {
			continue
		}
		if s.free(index, index+1) == 0 {
			m.read.index = index + 1
			continue
		}
		n := len(e.Data) + EntryOverhead
		if len(m.given) > 0 && n > maxBytes-*size || !d.pin(s) {
			b.held = true
			return true
		}
		*size += n
		s.lease(index)
		m.leases++
		m.given = append(m.given, Entry{index, e.Device, e.Boot, e.Seq, e.Data})
		m.read.index = index + 1
	}
	m.read.index = max(m.read.index, b.head.End()+s.shift)
	d.rd.blk = nil
	return false
}

// pin reports whether entries of s may be leased: of no more than half of what may be
// on disk, but one entry at least.
func (d *Disk) pin(s *segment) bool {
	if s.leases > 0 || d.m.leases == 0 {
		return true
	}
	sum := s.size
	for _, o := range d.segs {
		if o.leases > 0 {
			sum += o.size
		}
	}
	return sum <= d.opts.MaxBytes/2
}

// load reads the next block that holds an entry not leased yet. It returns false
// when there is none on disk. The lock is released while it reads.
func (d *Disk) load() (more bool, err error) {
	m := &d.m
	for {
		if m.closed {
			if f := d.stopReading(); f != nil {
				_ = f.Close()
			}
			return false, nil
		}
		i := slices.IndexFunc(d.segs, func(s *segment) bool { return s.end > m.read.index && s.pending > 0 })
		if i < 0 {
			return false, nil
		}
		s := d.segs[i]
		index, end := s.nextFree(max(m.read.index, s.first)), s.end
		if m.read.index = index; index == end {
			continue
		}
		s.pins++
		d.loading = true
		m.mu.Unlock()
		f := found{}
		err := d.turnTo(s)
		if err == nil {
			f, err = d.find(s, index, end)
		}
		m.mu.Lock()
		d.loading = false
		s.pins--
		switch {
		case m.closed:
			continue
		case err != nil && (s.dead || d.gone(err, s)):
			s.bad = true
			f = found{missing: s.pending}
		case err != nil:
			return false, err
		}
		to := end
		if f.blk != nil {
			to = f.blk.head.First + s.shift
		}
		d.corrupt(s, index, max(index, to), f)
		if f.blk == nil {
			m.read.index = end
			d.retireFinished(true)
			continue
		}
		d.rd.blk = f.blk
		d.skipEmpty(s, f.blk)
		if s.pending == 0 {
			d.rd.blk = nil
			m.read.index = max(m.read.index, f.blk.head.End()+s.shift)
			d.retireFinished(true)
			continue
		}
		return true, nil
	}
}

// gone tells whether the error means that the segment's file is not there any
// more, on a disk that is.
func (d *Disk) gone(err error, s *segment) bool {
	if !spool.Missing(err) {
		return false
	}
	if _, err := spool.ReadFile(d.fs, d.path(spool.CursorName), spool.CursorBytes); err != nil {
		return false
	}
	s.bad = true
	return true
}

// turnTo makes s the segment that is read. The lock is not held.
func (d *Disk) turnTo(s *segment) error {
	if d.rd.seg == s {
		return nil
	}
	f, err := d.openSegment(s)
	if err != nil {
		return err
	}
	d.m.mu.Lock()
	old := d.stopReading()
	d.rd = reader{seg: s, file: f, written: s.id.Before}
	s.reading = true
	d.m.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	return nil
}

// openSegment opens a segment's file, to be read.
func (d *Disk) openSegment(s *segment) (vfs.File, error) {
	return retryRead(func() (vfs.File, error) { return d.fs.Open(d.path(s.name), vfs.ReadOnly) })
}

// stopReading forgets the reader and returns its file, to be closed.
func (d *Disk) stopReading() vfs.File {
	old := d.rd.file
	if d.rd.seg != nil {
		d.rd.seg.reading = false
	}
	d.rd = reader{}
	return old
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

// found is what a search for the next block came upon.
type found struct {
	blk     *block        // nil: there is none
	lost    []*spool.Head // blocks on the way whose entries cannot be read
	missing uint64        // entries that were written on the way, in blocks without a head
	off     int64         // after what was read
	written uint64        // entries written before that
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

// alive tells whether anything of a segment can be read.
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

// Ack implements [Buffer]. Copies of entries that are rejected or corrupt are kept
// aside, in files of the directory, at most an eighth of MaxBytes.
func (d *Disk) Ack(first, last uint64, o Outcome) {
	m := &d.m
	if o == Rejected || o == Corrupt {
		d.keepAside(first, last)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ended := false
	for _, s := range d.segs {
		if s.first > last {
			break
		}
		if s.end <= first || s.leases == 0 {
			continue
		}
		n := s.ack(first, add1(last))
		m.leases -= int(n)
		s.pending -= n
		ended = ended || s.pending == 0
		m.ledger.finish(o, n)
		d.noteAcked(n)
	}
	if ended {
		d.retireFinished(true)
	}
	m.ack(first, last, o)
	d.adopt()
}

// Return implements [Buffer].
func (d *Disk) Return(first, last uint64) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.takeBack(first, last)
	d.adopt()
	if d.full { // what was leased may be dropped now
		d.empty()
		d.poke()
	}
}

func (d *Disk) takeBack(first, last uint64) {
	for _, s := range d.segs {
		n := s.leased.clear(s.place(first), s.place(add1(last)))
		s.leases -= n
		d.m.leases -= n
	}
	d.m.takeBack(first, last)
}

// Seek implements [Buffer].
func (d *Disk) Seek(index uint64) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.seek(index)
}

func (d *Disk) seek(index uint64) {
	rd := &d.rd
	if back := index < d.m.read.index; back && rd.seg != nil {
		if b := rd.blk; b != nil && index >= b.head.First+rd.seg.shift {
			b.r, b.held = b.head.Reader(b.raw), false
		} else {
			rd.blk, rd.off, rd.written = nil, 0, rd.seg.id.Before
		}
	}
	d.m.seek(index)
}
