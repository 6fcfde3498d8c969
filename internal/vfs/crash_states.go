package vfs

import (
	"hash/maphash"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
)

// States visits file systems that a power cut at this point may leave, each once
// and each a Crash of its own, all durable, that may be cut again. There are at
// most max. If that is enough for all of Combinations it visits all. Else it
// begins with all combinations without tears if max is enough for those, or with
// the corners (all lost, all kept, each thing alone lost or kept), and goes on
// with random ones, of which seed decides. The same arguments give the same
// states.
func (p *Point) States(max int, seed uint64) iter.Seq[*Crash] {
	return func(yield func(*Crash) bool) {
		v := &visit{p: p, left: max, yield: yield, hash: maphash.MakeSeed()}
		whole := func(d dim) int { return d.whole }
		all := func(d dim) int { return d.all }
		switch {
		case max <= 0:
			return
		case p.product(all) <= uint64(max):
			v.all(all)
			return
		}
		v.seen = map[uint64]struct{}{}
		if p.product(whole) <= uint64(max) {
			v.all(whole)
		} else {
			v.corners()
		}
		rng := rand.New(rand.NewPCG(seed, uint64(len(p.dims))))
		for tries := 4 * max; v.left > 0 && tries > 0; tries-- {
			v.state(p.sample(rng))
		}
	}
}

// visit is one loop over the states of a point.
type visit struct {
	p     *Point
	left  int // how many more
	yield func(*Crash) bool
	seen  map[uint64]struct{} // hashes of choices; nil: all are visited in order
	hash  maphash.Seed
}

// all visits all combinations below the radixes.
func (v *visit) all(radix func(dim) int) {
	choices := make([]int, len(v.p.dims))
	for v.left > 0 {
		v.state(slices.Clone(choices))
		i := 0
		for ; i < len(choices); i++ {
			if choices[i]++; choices[i] < radix(v.p.dims[i]) {
				break
			}
			choices[i] = 0
		}
		if i == len(choices) {
			return
		}
	}
}

// corners visits: all lost, all kept, each alone kept, each alone lost.
func (v *visit) corners() {
	dims := v.p.dims
	newest := make([]int, len(dims))
	for i, d := range dims {
		newest[i] = d.whole - 1
		if d.what == dimGarbage {
			newest[i] = 0
		}
	}
	v.state(make([]int, len(dims)))
	v.state(slices.Clone(newest))
	for i := 0; i < len(dims) && v.left > 0; i++ {
		alone := make([]int, len(dims))
		alone[i] = dims[i].whole - 1
		for j := i; j >= 0; j-- { // with what it needs, and of it
			if dims[j].what == dimChange && alone[j] == 1 {
				for _, k := range v.p.needs[j] {
					alone[k] = 1
				}
			}
		}
		v.state(alone)
		others := slices.Clone(newest)
		others[i] = 0
		v.state(others)
	}
}

// sample returns random choices: in each state either most is lost, or most is
// kept, or half, and pages are torn in half of the states.
func (p *Point) sample(rng *rand.Rand) []int {
	kept := [...]float64{0.1, 0.5, 0.9}[rng.IntN(3)]
	torn := [...]float64{0, 0.3}[rng.IntN(2)]
	choices := make([]int, len(p.dims))
	for i, d := range p.dims {
		switch {
		case d.all > d.whole && rng.Float64() < torn:
			choices[i] = d.whole + rng.IntN(d.all-d.whole)
		case rng.IntN(4) == 0:
			choices[i] = rng.IntN(d.whole)
		case rng.Float64() < kept:
			choices[i] = d.whole - 1
		}
	}
	return choices
}

// state yields the state of these choices, or does nothing if they are the same
// as others that are visited too. It keeps choices.
func (v *visit) state(choices []int) {
	if v.left == 0 {
		return
	}
	changed, entries := v.p.normalise(choices)
	if v.seen == nil && changed {
		return
	}
	if v.seen != nil {
		h := v.sum(choices)
		if _, ok := v.seen[h]; ok {
			return
		}
		v.seen[h] = struct{}{}
	}
	v.left--
	if !v.yield(v.p.state(choices, entries)) {
		v.left = 0
	}
}

func (v *visit) sum(choices []int) uint64 {
	var h maphash.Hash
	h.SetSeed(v.hash)
	for _, c := range choices {
		maphash.WriteComparable(&h, c)
	}
	return h.Sum64()
}

// normalise undoes in choices what is impossible (changes without those that
// they need) and what makes no difference (in files that are gone, in pages
// beyond the end), and reports whether there was any. It also returns the
// entries of the directories that changes have changed.
func (p *Point) normalise(choices []int) (changed bool, entries map[*node]map[string]*node) {
	for i, ch := range p.changes {
		if choices[i] == 0 {
			continue
		}
		if slices.ContainsFunc(p.needs[i], func(j int) bool { return choices[j] == 0 }) {
			choices[i] = 0
			changed = true
			continue
		}
		if entries == nil {
			entries = map[*node]map[string]*node{}
		}
		ch.apply(func(d *node) map[string]*node {
			if entries[d] == nil {
				entries[d] = maps.Clone(p.stills[d].durable)
			}
			return entries[d]
		})
	}
	reached := map[*node]bool{}
	p.reach(p.root, entries, reached)
	for i := len(p.changes); i < len(p.dims); i++ {
		d := p.dims[i]
		if choices[i] == 0 || d.what == dimGarbage {
			continue
		}
		if !reached[d.n] || d.what == dimPage && int64(d.page)*PageSize >= p.size(p.stills[d.n], choices) {
			choices[i] = 0
			changed = true
		}
	}
	return changed, entries
}

func (p *Point) reach(n *node, entries map[*node]map[string]*node, reached map[*node]bool) {
	reached[n] = true
	if n.dir {
		for _, child := range p.entries(n, entries) {
			p.reach(child, entries, reached)
		}
	}
}

func (p *Point) entries(dir *node, changed map[*node]map[string]*node) map[string]*node {
	if m := changed[dir]; m != nil {
		return m
	}
	return p.stills[dir].durable
}
