package spool

import (
	"encoding/binary"
	"slices"
)

// IDs says which entries are at which positions of a segment. It is what is known of a
// file when that is gone.
type IDs struct {
	groups []group
	refs   map[series]int // devices of the last group, if their order is known
	cost   int
}

// group is entries at positions in a row.
type group struct {
	first, end uint64
	entries    uint64
	devices    []Device
	// order lists the devices of the entries as the body of a block does: for
	// each a number from 1, or 0 and how many positions are empty. nil: they are all of
	// one device and no position is empty, or else the order is not known.
	order []byte
}

const (
	groupCost = 112 // bytes, about
	runCost   = 64
	// maxGroup bounds a group, through which one has to go to find a position.
	maxGroup = 1 << 17
)

// Cost returns how many bytes it takes in memory, about.
func (l *IDs) Cost() int { return l.cost }

// Add adds the entries of a block. raw is its body, or nil: then the order of the
// entries is not known if there are several devices. Blocks come in order.
func (l *IDs) Add(h *Head, raw []byte) {
	plain := len(h.Devices) == 1 && h.Span == h.Entries && len(h.Devices[0].Runs) == 1
	switch {
	case raw != nil && (!plain || l.refs != nil):
		l.addOrdered(h, raw)
	case plain:
		l.addPlain(h)
	default:
		l.push(group{first: h.First, end: h.End(), entries: uint64(h.Entries), devices: h.Devices})
		for _, d := range h.Devices {
			l.cost += runCost * len(d.Runs)
		}
	}
}

func (l *IDs) push(g group) *group {
	l.groups = append(l.groups, g)
	l.refs = nil
	l.cost += groupCost
	return &l.groups[len(l.groups)-1]
}

// addPlain adds a block of one run: mostly it goes on where the last one ended.
func (l *IDs) addPlain(h *Head) {
	d := h.Devices[0]
	if n := len(l.groups); n > 0 {
		g := &l.groups[n-1]
		if g.order == nil && len(g.devices) == 1 && g.end == h.First && g.entries == g.end-g.first && g.devices[0].Name == d.Name && g.devices[0].Boot == d.Boot {
			if runs := g.devices[0].Runs; runs[len(runs)-1].Last+1 == d.Runs[0].First {
				runs[len(runs)-1].Last = d.Runs[0].Last
				g.end, g.entries = h.End(), g.entries+uint64(h.Entries)
				return
			}
		}
	}
	l.push(group{first: h.First, end: h.End(), entries: uint64(h.Entries), devices: []Device{{d.Name, d.Boot, slices.Clone(d.Runs)}}})
	l.cost += runCost
}

// addOrdered adds a block of which the order is known.
func (l *IDs) addOrdered(h *Head, raw []byte) {
	var g *group
	if n := len(l.groups); n > 0 && l.refs != nil && l.groups[n-1].end-l.groups[n-1].first < maxGroup {
		g = &l.groups[n-1]
	} else {
		g = l.push(group{first: h.First, end: h.First})
		l.refs = map[series]int{}
	}
	before := cap(g.order)
	pos := g.end
	_ = h.Each(raw, func(e Entry) bool {
		g.skip(e.Pos - pos)
		key := series{e.Device, e.Boot}
		ref, ok := l.refs[key]
		if !ok {
			g.devices = append(g.devices, Device{Name: e.Device, Boot: e.Boot})
			ref = len(g.devices)
			l.refs[key] = ref
			l.cost += runCost
		}
		d := &g.devices[ref-1]
		if n := len(d.Runs); n > 0 && d.Runs[n-1].Last+1 == e.Seq {
			d.Runs[n-1].Last = e.Seq
		} else {
			d.Runs = append(d.Runs, Run{e.Seq, e.Seq})
			l.cost += 16
		}
		g.order = binary.AppendUvarint(g.order, uint64(ref))
		g.entries++
		pos = e.Pos + 1
		return true
	})
	g.skip(h.End() - pos)
	g.end = h.End()
	l.cost += cap(g.order) - before
}

func (g *group) skip(n uint64) {
	if n > 0 {
		g.order = binary.AppendUvarint(append(g.order, 0), n)
	}
}

// Seal says that no more blocks come.
func (l *IDs) Seal() { l.refs = nil }

// Each calls f with the runs of entries at positions that are free, by a function that
// counts those from first to below end, and returns how many that are. Entries of which
// this is not known are left out.
func (l *IDs) Each(free func(first, end uint64) uint64, f func(device string, boot uint64, r Run)) (n uint64) {
	for i := range l.groups {
		g := &l.groups[i]
		switch all := free(g.first, g.end); {
		case all == 0:
		case all == g.entries || all == g.end-g.first: // an empty position may count as free
			for _, d := range g.devices {
				for _, r := range d.Runs {
					f(d.Name, d.Boot, r)
				}
			}
			n += g.entries
		case g.order != nil:
			n += g.eachOrdered(free, f)
		case len(g.devices) == 1 && g.entries == g.end-g.first:
			n += g.eachPlain(free, f)
		}
	}
	return n
}

// Count returns how many entries Each would name.
func (l *IDs) Count(free func(first, end uint64) uint64) uint64 {
	return l.Each(free, func(string, uint64, Run) {})
}

func (g *group) eachPlain(free func(first, end uint64) uint64, f func(device string, boot uint64, r Run)) (n uint64) {
	d := g.devices[0]
	pos := g.first
	for _, r := range d.Runs {
		for seq := r.First; seq <= r.Last; seq, pos = seq+1, pos+1 {
			if free(pos, pos+1) > 0 {
				f(d.Name, d.Boot, Run{seq, seq})
				n++
			}
		}
	}
	return n
}

func (g *group) eachOrdered(free func(first, end uint64) uint64, f func(device string, boot uint64, r Run)) (n uint64) {
	places := make([]place, len(g.devices))
	pos := g.first
	for b := g.order; len(b) > 0; {
		ref, k := binary.Uvarint(b)
		b = b[k:]
		if ref == 0 {
			empty, k := binary.Uvarint(b)
			b, pos = b[k:], pos+empty
			continue
		}
		d := &g.devices[ref-1]
		if seq, ok := places[ref-1].next(d.Runs); ok && free(pos, pos+1) > 0 {
			f(d.Name, d.Boot, Run{seq, seq})
			n++
		}
		pos++
	}
	return n
}
