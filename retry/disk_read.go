package retry

import (
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
		f, err := d.search(s, index, end)
		switch {
		case m.closed:
			continue
		case err != nil && (s.dead || d.gone(err, s)):
			s.bad = true
			f = found{missing: s.pending}
		case err != nil:
			return false, err
		}
		if d.took(s, index, end, f) {
			return true, nil
		}
	}
}

// search looks for the next block of s, with the lock released.
func (d *Disk) search(s *segment, index, end uint64) (f found, err error) {
	s.pins++
	d.loading = true
	d.m.mu.Unlock()
	if err = d.turnTo(s, index); err == nil {
		f, err = d.find(s, index, end)
	}
	d.m.mu.Lock()
	d.loading = false
	s.pins--
	for _, p := range f.places {
		s.remember(p)
	}
	return f, err
}

// took takes over what was found, and what is lost on the way to it. It returns
// false if there is nothing to be read there.
func (d *Disk) took(s *segment, index, end uint64, f found) bool {
	m := &d.m
	to := end
	if f.blk != nil {
		to = f.blk.head.First + s.shift
	}
	d.corrupt(s, index, max(index, to), f)
	if f.blk == nil {
		m.read.index = end
		d.retireFinished(true)
		return false
	}
	d.rd.blk = f.blk
	d.skipEmpty(s, f.blk)
	if s.pending == 0 {
		d.rd.blk = nil
		m.read.index = max(m.read.index, f.blk.head.End()+s.shift)
		d.retireFinished(true)
		return false
	}
	return true
}

// gone reports whether the error means that the segment's file is not there any
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

// turnTo makes s the segment that is read, near the index. The lock is not held.
func (d *Disk) turnTo(s *segment, index uint64) error {
	if d.rd.seg == s {
		return nil
	}
	f, err := d.openSegment(s)
	if err != nil {
		return err
	}
	d.m.mu.Lock()
	old := d.stopReading()
	from := s.placeOf(index)
	d.rd = reader{seg: s, file: f, off: from.off, written: from.written}
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
