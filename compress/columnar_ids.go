package compress

import "github.com/rivulet-iot/rivulet/record"

// How ids are written, but for devices, and what is said of them: boots, marks,
// sequence numbers.

// seqs writes the sequence numbers: only the first if they are as most often.
func (e *columnarEncoder) seqs() {
	v := e.cols.Seqs
	if len(v) == 1 {
		e.number(v[0])
		return
	}
	gaps := uint32(0)
	for i, seq := range v {
		if seq != v[0]+int64(i) {
			gaps = 1
			break
		}
	}
	e.coder.bit(&e.head.gaps, gaps)
	if gaps == 0 {
		e.number(v[0])
		return
	}
	e.column(v)
}

// boot writes a boot, and behind that of each device that is new, its mark.
func (e *columnarEncoder) boot(b *record.Batch, device string, boot uint64) {
	if at, ok := e.boots[boot]; ok {
		e.number(int64(len(e.boots) - at))
	} else {
		e.boots[boot] = len(e.boots)
		e.number(0)
		e.coder.bits(boot, 64)
	}
	pair := record.ID{Device: device, Boot: boot}
	if _, ok := e.marked[pair]; ok {
		return
	}
	e.marked[pair] = struct{}{}
	m := b.Mark(device, boot)
	if !m.Complete {
		e.coder.bits(0, 1)
		return
	}
	e.coder.bits(1, 1)
	e.number(int64(len(m.Closed)))
	for _, closed := range m.Closed {
		e.coder.bits(closed, 64)
	}
}

// readBoot reads a boot: a new one, or how many new ones back it was.
func (d *columnarDecoder) readBoot() uint64 {
	back := d.count("boots back", int64(len(d.boots)))
	if back == 0 && d.err == nil {
		d.boots = append(d.boots, d.coder.bits(64))
		back = 1
	}
	if d.err != nil {
		return 0
	}
	return d.boots[len(d.boots)-back]
}

// readMark reads what is said of a device and a boot where they first come.
func (d *columnarDecoder) readMark(id record.ID) {
	if _, ok := d.marked[id]; ok || d.err != nil {
		return
	}
	at := len(d.marks)
	d.marked[id] = at
	m := Mark{Device: id.Device, Boot: id.Boot}
	if m.Complete = d.coder.bits(1) == 1; m.Complete {
		n := d.count("closed boots", record.MaxClosed)
		if !d.spend(int64(n), smallCost) {
			return
		}
		for range n {
			m.Closed = append(m.Closed, d.coder.bits(64))
		}
	}
	d.marks = append(d.marks, m)
}

// readSeqs reads sequence numbers.
func (d *columnarDecoder) readSeqs(n int) []int64 {
	if d.err != nil {
		return nil
	}
	if n == 1 || d.coder.bit(&d.head.gaps) == 1 {
		return d.numbers(n)
	}
	v, first := make([]int64, n), d.number()
	for i := range v {
		v[i] = first + int64(i)
	}
	return v
}

// tell hands out the marks. That of a device and boot without a record says nothing.
func (d *columnarDecoder) tell(seqs []int64, fn func(Mark)) {
	if fn == nil {
		return
	}
	at := 0
	for i := range d.series {
		s := &d.series[i]
		m := &d.marks[d.marked[s.id]]
		for _, seq := range seqs[at : at+s.n] {
			if m.First == 0 || uint64(seq) < m.First {
				m.First = uint64(seq)
			}
		}
		at += s.n
	}
	for _, m := range d.marks {
		if m.Complete && m.First > 0 {
			fn(m)
		}
	}
}
