package spool

import "encoding/binary"

// Entry is an entry of a block.
type Entry struct {
	Pos    uint64
	Device string
	Boot   uint64
	Seq    uint64
	Data   []byte // within what Each was given
}

// Each calls f with the entries in raw, in order, until it returns false. The
// error says that raw is not what the head describes.
func (h *Head) Each(raw []byte, f func(Entry) bool) error {
	r := h.Reader(raw)
	for {
		e, ok := r.Next()
		if !ok {
			return r.err
		}
		if !f(e) {
			return nil
		}
	}
}

// Reader reads the entries of a block one by one.
type Reader struct {
	h      *Head
	raw    []byte
	places []place
	pos    uint64
	count  uint32
	err    error
}

// Reader returns a Reader of raw, which ReadBody returned.
func (h *Head) Reader(raw []byte) *Reader {
	return &Reader{h: h, raw: raw, places: make([]place, len(h.Devices)), pos: h.First}
}

// Next returns the next entry, or false at the end.
func (r *Reader) Next() (e Entry, ok bool) {
	h := r.h
	for len(r.raw) > 0 && r.err == nil {
		ref, n := binary.Uvarint(r.raw)
		v, m := uint64(0), 0
		if n > 0 {
			v, m = binary.Uvarint(r.raw[n:])
		}
		switch {
		case n <= 0 || m <= 0,
			ref == 0 && (v == 0 || v > h.End()-r.pos),
			ref > uint64(len(h.Devices)) || ref > 0 && (v > uint64(len(r.raw)-n-m) || r.pos == h.End()):
			r.err = errBody
			return Entry{}, false
		}
		r.raw = r.raw[n+m:]
		if ref == 0 {
			r.pos += v
			continue
		}
		d := &h.Devices[ref-1]
		seq, ok := r.places[ref-1].next(d.Runs)
		if !ok {
			break
		}
		e = Entry{r.pos, d.Name, d.Boot, seq, r.raw[:v:v]}
		r.raw = r.raw[v:]
		r.pos++
		r.count++
		return e, true
	}
	if len(r.raw) > 0 || r.pos != h.End() || r.count != h.Entries {
		r.err = errBody
	}
	return Entry{}, false
}

// place is how far the runs of a device were read.
type place struct {
	run int
	n   uint64
}

func (p *place) next(runs []Run) (uint64, bool) {
	if p.run == len(runs) {
		return 0, false
	}
	r := runs[p.run]
	seq := r.First + p.n
	if p.n++; seq == r.Last {
		*p = place{run: p.run + 1}
	}
	return seq, true
}
