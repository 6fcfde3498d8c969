package vfs

import (
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
)

// Point is a moment of a Crash: what is durable then, and what may be lost or
// kept. It does not change when the Crash goes on, and may be used by several
// goroutines at once.
type Point struct {
	crash   Crash // its fields, stale and noise; the tree is below
	root    *node
	stills  map[*node]*still
	changes []*change
	needs   [][]int // of each change, the earlier ones that it needs
	dims    []dim   // what is to choose: first the changes, in order
	garbage int     // the dim of the garbage, or -1
}

// still is a node at that moment.
type still struct {
	node           // a copy; entries is not used
	sizeDim  int   // the dim of its size, or -1
	pageDims []int // the dims of its pages
}

// dim is one thing that may be lost or kept. Choice 0 is the durable form. For a
// page, the choices from whole up to all are torn.
type dim struct {
	what  dimKind
	n     *node // the file, of a size or page
	page  int
	whole int
	all   int
}

type dimKind uint8

const (
	dimChange dimKind = iota
	dimSize
	dimPage
	dimGarbage
)

// Point takes what could be lost at this moment. It copies no data.
func (c *Crash) Point() *Point {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Garbage && c.noise == nil {
		c.noise = newNoise()
	}
	p := &Point{
		crash:   Crash{Garbage: c.Garbage, Capacity: c.Capacity, stale: c.stale, noise: c.noise, origin: c.origin, choices: c.choices},
		root:    c.root,
		stills:  map[*node]*still{},
		garbage: -1,
	}
	for i, ch := range c.changes {
		still := *ch
		still.unsynced = slices.Clone(ch.unsynced)
		p.changes = append(p.changes, &still)
		var needs []int
		for j, e := range p.changes[:i] {
			if ch.needs(e) {
				needs = append(needs, j)
			}
		}
		p.needs = append(p.needs, needs)
		p.dims = append(p.dims, dim{what: dimChange, whole: 2, all: 2})
	}
	p.add(c.root)
	for _, ch := range p.changes {
		for _, n := range []*node{ch.from.dir, ch.to.dir, ch.n} {
			if n != nil {
				p.add(n)
			}
		}
	}
	if c.Garbage {
		kinds := 2
		if c.stale != nil {
			kinds = 3
		}
		p.garbage = len(p.dims)
		p.dims = append(p.dims, dim{what: dimGarbage, whole: kinds, all: kinds})
	}
	return p
}

func newNoise() *page {
	rng := rand.New(rand.NewPCG(1, 2))
	data := new(page)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data
}

// add takes n and what is durably below it.
func (p *Point) add(n *node) {
	if p.stills[n] != nil {
		return
	}
	s := &still{node: *n, sizeDim: -1}
	p.stills[n] = s
	if n.dir {
		n.frozen = true
		for _, name := range slices.Sorted(maps.Keys(n.durable)) {
			p.add(n.durable[name])
		}
		return
	}
	n.shared = true
	s.versions = maps.Clone(n.versions)
	if len(n.sizes) > 0 {
		s.sizeDim = len(p.dims)
		p.dims = append(p.dims, dim{what: dimSize, n: n, whole: 1 + len(n.sizes), all: 1 + len(n.sizes)})
	}
	for _, i := range slices.Sorted(maps.Keys(n.versions)) {
		s.pageDims = append(s.pageDims, len(p.dims))
		vs := n.versions[i]
		p.dims = append(p.dims, dim{what: dimPage, n: n, page: i, whole: 1 + len(vs), all: 1 + len(vs) + tears(vs)})
	}
}

// tears returns how many ways there are to tear a page between two of its
// versions.
func tears(vs []version) int {
	sum := 0
	for from := range len(vs) {
		mask := uint8(0)
		for _, v := range vs[from:] {
			mask |= v.mask
			if sum += 1<<bits.OnesCount8(mask) - 2; sum > 1<<30 {
				return 1 << 30
			}
		}
	}
	return sum
}

// tear returns which: version to, counted from 1, torn from version from, in
// the sectors of mask.
func tear(vs []version, which int) (from, to int, sectors uint8) {
	for from := range len(vs) {
		mask := uint8(0)
		for i, v := range vs[from:] {
			mask |= v.mask
			count := 1<<bits.OnesCount8(mask) - 2
			if which < count {
				return from, from + i + 1, deposit(uint8(which+1), mask)
			}
			which -= count
		}
	}
	return 0, 0, 0
}

// deposit spreads the low bits of x over the bits that are set in mask.
func deposit(x, mask uint8) (sum uint8) {
	for ; mask != 0; mask &= mask - 1 {
		if x&1 != 0 {
			sum |= mask & -mask
		}
		x >>= 1
	}
	return sum
}

// Combinations returns how many combinations of lost, kept and torn there are,
// at most 1<<62. States that a combination needs but are impossible, and
// repetitions, are counted too. States visits all if its bound is not below.
func (p *Point) Combinations() uint64 { return p.product(func(d dim) int { return d.all }) }

func (p *Point) product(radix func(dim) int) uint64 {
	product := uint64(1)
	for _, d := range p.dims {
		hi, lo := bits.Mul64(product, uint64(radix(d)))
		if hi != 0 || lo > 1<<62 {
			return 1 << 62
		}
		product = lo
	}
	return product
}

// String says which state of which Point c is, for messages of tests; empty for
// a Crash that is none.
func (c *Crash) String() string {
	if c.origin == nil {
		return ""
	}
	p := c.origin
	var parts []string
	if before := p.crash.String(); before != "" {
		parts = append(parts, before, "then")
	}
	for i, d := range p.dims {
		if s := p.describe(i, d, c.choices[i]); s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return "nothing was unsynced"
	}
	return strings.Join(parts, "; ")
}

func (p *Point) describe(i int, d dim, choice int) string {
	fate := [2]string{"lost", "kept"}
	switch d.what {
	case dimChange:
		ch := p.changes[i]
		at := ch.to
		if ch.op == OpRemove {
			at = ch.from
		}
		return fmt.Sprintf("%s %s %s", ch.op, at.name, fate[choice])
	case dimSize:
		s := p.stills[d.n]
		return fmt.Sprintf("%s size %d of %d, %v", s.name, append([]int64{s.size}, s.sizes...)[choice], s.size, s.sizes)
	case dimGarbage:
		return [...]string{"", "unwritten is noise", "unwritten is a removed file"}[choice]
	}
	s := p.stills[d.n]
	if choice < d.whole {
		return fmt.Sprintf("%s page %d version %d of %d", s.name, d.page, choice, d.whole-1)
	}
	from, to, mask := tear(s.versions[d.page], choice-d.whole)
	return fmt.Sprintf("%s page %d torn from version %d to %d in sectors %08b", s.name, d.page, from, to, bits.Reverse8(mask))
}
