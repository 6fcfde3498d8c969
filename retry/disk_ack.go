package retry

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
	switch s, b := rd.seg, rd.blk; {
	case s == nil || index == d.m.read.index:
	case b != nil && index >= b.head.First+s.shift && index < b.head.End()+s.shift:
		b.r, b.held = b.head.Reader(b.raw), false
	case index < d.m.read.index || b != nil:
		from := s.placeOf(index)
		rd.blk, rd.off, rd.written = nil, from.off, from.written
	}
	d.m.seek(index)
}
