package vfs

import (
	"maps"
	"slices"
)

// Killed returns a file system as it is after kill -9 at this point, with the
// power on: all that was written is seen, no file is open and nobody has a lock,
// but what was not synced is still not durable, and a later cut may take it.
func (p *Point) Killed() *Crash {
	c := p.empty()
	c.origin, c.choices = p.crash.origin, p.crash.choices
	twins := map[*node]*node{nil: nil}
	for n, s := range p.stills {
		twin := &node{name: s.name, dir: s.dir, base: s.base, size: s.size, shared: true}
		twin.sizes = slices.Clip(s.sizes)
		twin.versions = maps.Clone(s.versions)
		for i, vs := range twin.versions {
			twin.versions[i] = slices.Clip(vs)
		}
		twins[n] = twin
	}
	for n, s := range p.stills {
		if !s.dir {
			continue
		}
		m := make(map[string]*node, len(s.durable))
		for name, child := range s.durable {
			m[name] = twins[child]
		}
		twins[n].durable, twins[n].entries = m, maps.Clone(m)
	}
	for _, ch := range p.changes {
		twin := &change{op: ch.op, n: twins[ch.n], from: place{twins[ch.from.dir], ch.from.name}, to: place{twins[ch.to.dir], ch.to.name}}
		for _, d := range ch.unsynced {
			twin.unsynced = append(twin.unsynced, twins[d])
		}
		twin.apply(func(d *node) map[string]*node { return d.entries })
		c.changes = append(c.changes, twin)
	}
	c.root = twins[p.root]
	return c
}

// empty returns a Crash without a tree.
func (p *Point) empty() *Crash {
	return &Crash{Garbage: p.crash.Garbage, Capacity: p.crash.Capacity, stale: p.crash.stale, noise: p.crash.noise}
}

// size returns the chosen size of a file.
func (p *Point) size(s *still, choices []int) int64 {
	if s.sizeDim >= 0 && choices[s.sizeDim] > 0 {
		return s.sizes[choices[s.sizeDim]-1]
	}
	return s.size
}

// state makes the file system of normalised choices.
func (p *Point) state(choices []int, entries map[*node]map[string]*node) *Crash {
	c := p.empty()
	c.origin, c.choices = p, choices
	c.root = p.thing(p.root, choices, entries)
	return c
}

func (p *Point) thing(n *node, choices []int, changed map[*node]map[string]*node) *node {
	s := p.stills[n]
	if !n.dir {
		return p.file(s, choices)
	}
	old := p.entries(n, changed)
	m := make(map[string]*node, len(old))
	for name, child := range old {
		m[name] = p.thing(child, choices, changed)
	}
	return &node{name: s.name, dir: true, durable: m, entries: m, alias: true}
}

func (p *Point) file(s *still, choices []int) *node {
	n := &node{name: s.name, base: s.base, size: p.size(s, choices), shared: true}
	own := func(count int) { // makes base a copy, of at least count pages
		if n.shared {
			n.base, n.shared = slices.Clone(n.base), false
		}
		n.base = append(n.base, make([]*page, max(0, count-len(n.base)))...)
	}
	garbage := 0
	if p.garbage >= 0 {
		garbage = choices[p.garbage]
	}
	for _, i := range s.pageDims {
		if choice := choices[i]; choice != 0 {
			d := p.dims[i]
			own(d.page + 1)
			n.base[d.page] = p.page(s, d, choice, garbage)
		}
	}
	count := int(pageBytes(n.size) / PageSize)
	if garbage != 0 {
		own(count)
		for i, data := range n.base {
			if data == nil {
				n.base[i] = p.unwritten(i, garbage)
			}
		}
	}
	end := int(n.size % PageSize)
	if n.size < s.length() && end != 0 && len(n.base) == count && n.base[count-1] != nil {
		own(count) // what follows the end is not to appear when the file grows
		cut := new(page)
		copy(cut[:end], n.base[count-1][:])
		n.base[count-1] = cut
	}
	return n
}

// page returns a page in its chosen form.
func (p *Point) page(s *still, d dim, choice, garbage int) *page {
	vs := s.versions[d.page]
	if choice < d.whole {
		return vs[choice-1].data
	}
	from, to, mask := tear(vs, choice-d.whole)
	data := new(page)
	switch {
	case from > 0:
		*data = *vs[from-1].data
	case d.page < len(s.base) && s.base[d.page] != nil:
		*data = *s.base[d.page]
	default:
		*data = *p.unwritten(d.page, garbage)
	}
	for i := range sectors {
		if mask>>i&1 != 0 {
			copy(data[i*sectorSize:(i+1)*sectorSize], vs[to-1].data[i*sectorSize:])
		}
	}
	return data
}

// unwritten returns what page i reads as where nothing was written.
func (p *Point) unwritten(i, garbage int) *page {
	switch {
	case garbage == 0:
		return &zeroPage
	case garbage == 2 && i < len(p.crash.stale) && p.crash.stale[i] != nil:
		return p.crash.stale[i]
	}
	return p.crash.noise
}
