package compress

import (
	"math"
	"slices"
)

// numeric writes columns of floats and of ints, each in the way that takes least.
type numeric struct {
	records  int
	leaders  [maxLeaders + 1]leader // the latest, and room for the column at hand
	n        int                    // leaders so far in this frame
	table    distinct
	integers integers
	ordered  []int64
	curve    []int64 // a value for each of the leader's, of the best leader so far
	trial    []int64 // the same of another
	sample   ranks
}

// leader is a column that others may be derived from: one that every record has.
type leader struct {
	column int
	float  bool
	zeros  int
	values []int64 // as integers in the order of what they stand for
	ranks  ranks   // of values; empty until somebody asked
	xs     []float64
}

// maxLeaders bounds the time and memory that looking for relations takes.
const maxLeaders = 4

func (f *numeric) reset(records int) { f.records, f.n = records, 0 }

// choice is a way to write a column, and about how many quarters of a bit it takes.
type choice struct {
	way, cost int
	plan      numbers // of v
	v         []int64 // integers, ordered numbers, or places in a list
	list      numbers // of a ranked column
	leader    *leader
	degree    int
}

// bitsEach is a cost for every value of a column.
func bitsEach(n, values int) int { return 4 * n * values }

// encode writes a column: of floats' bits, or of ints. Each step is taken only
// while what was found before it is worth beating; most columns need one or two.
func (f *numeric) encode(e *columnarEncoder, column int, v []int64, float bool) {
	l := &f.leaders[f.n%len(f.leaders)]
	l.load(column, v, float)
	best := choice{cost: math.MaxInt}
	if float {
		if n := &f.integers; n.of(v) {
			p := plan(n.k)
			best = choice{way: n.way, cost: p.cost + bitsEach(72, len(n.odd)), plan: p, v: n.k}
		}
	}
	if best.cost > bitsEach(4, len(v)) {
		f.ordered = append(f.ordered[:0], l.values...)
		if p := plan(f.ordered); p.cost < best.cost {
			best = choice{way: ordered, cost: p.cost, plan: p, v: f.ordered}
		}
	}
	if float && len(v) == f.records && best.cost > bitsEach(4, len(v)) {
		f.derive(&best, l, v)
	}
	if best.way != derived && best.cost > bitsEach(4, len(v)) {
		f.rank(&best, l)
	}
	f.write(e, l, v, &best)
	if best.way != derived && len(v) == f.records {
		f.n++
	}
}

func (l *leader) load(column int, v []int64, float bool) {
	l.column, l.float, l.zeros = column, float, 0
	l.values, l.ranks.list = append(l.values[:0], v...), l.ranks.list[:0]
	if float {
		l.zeros = trailingZeros(v)
		for i, x := range v {
			l.values[i] = order(uint64(x), l.zeros)
		}
	}
}

// rank tries a sorted list. Where the first values hardly repeat, none is tried.
func (f *numeric) rank(best *choice, l *leader) {
	const first = 256
	if n := len(l.values); n > first {
		f.table.fill(&f.sample, l.values[:first])
		if len(f.sample.list) > first/10*9 {
			return
		}
	}
	l.fill(&f.table)
	places := plan(l.ranks.of)
	list := plan(l.ranks.list)
	if c := places.cost + list.cost; c < best.cost {
		*best = choice{way: ranked, cost: c, plan: places, v: l.ranks.of, list: list}
	}
}

// fill finds the ranks of a leader's values, once.
func (l *leader) fill(table *distinct) {
	if len(l.ranks.list) > 0 {
		return
	}
	table.fill(&l.ranks, l.values)
	l.place()
}

// place notes what the ranks stand for.
func (l *leader) place() {
	l.xs = l.xs[:0]
	for _, x := range l.ranks.list {
		l.xs = append(l.xs, l.number(x))
	}
}

func (l *leader) number(x int64) float64 {
	if l.float {
		return math.Float64frombits(disorder(x, l.zeros))
	}
	return float64(x)
}

// derive tries the latest leaders.
func (f *numeric) derive(best *choice, own *leader, v []int64) {
	for i := range min(f.n, maxLeaders) {
		l := &f.leaders[(f.n-1-i)%len(f.leaders)]
		if !l.leads(v) || !f.worthwhile(l, v, best.cost) {
			continue
		}
		l.fill(&f.table)
		if !f.follow(&l.ranks, v) {
			continue
		}
		degree, c := planDerived(l.xs, f.trial, own.zeros)
		if c < best.cost {
			*best = choice{way: derived, cost: c, leader: l, degree: degree}
			f.curve, f.trial = f.trial, f.curve
		}
	}
}

// leads tells at little cost that v is no function of the leader: where the leader
// stays and v does not.
func (l *leader) leads(v []int64) bool {
	for i := 1; i < len(v); i++ {
		if l.values[i] == l.values[i-1] && v[i] != v[i-1] {
			return false
		}
	}
	return true
}

// worthwhile tells by the first records whether a relation is likely to be worth
// looking at all of them.
func (f *numeric) worthwhile(l *leader, v []int64, cost int) bool {
	const first = 64
	if len(v) <= first {
		return true
	}
	f.table.fill(&f.sample, l.values[:first])
	if !f.follow(&f.sample, v[:first]) {
		return false
	}
	var xs [first]float64
	for i, x := range f.sample.list {
		xs[i] = l.number(x)
	}
	_, c := planDerived(xs[:len(f.sample.list)], f.trial, 0)
	return c < cost/len(v)*first
}

// follow makes the trial list: of v, one for each of the leader's. It tells whether
// v is a function of the leader.
func (f *numeric) follow(r *ranks, v []int64) bool {
	f.trial = slices.Grow(f.trial[:0], len(r.list))[:len(r.list)]
	seen := f.table.seen(len(r.list))
	for i, at := range r.of {
		if !seen[at] {
			seen[at], f.trial[at] = true, v[i]
		} else if f.trial[at] != v[i] {
			return false
		}
	}
	return true
}

// write puts the way, what it needs, and the numbers.
func (f *numeric) write(e *columnarEncoder, l *leader, v []int64, c *choice) {
	e.coder.tree(e.head.way[:], uint64(c.way), wayBits)
	switch {
	case c.way >= quotients:
		e.coder.tree(e.head.scale[:], uint64(f.integers.scale), scaleBits)
		e.number(int64(len(f.integers.odd)))
		before := -1
		for _, i := range f.integers.odd {
			e.number(int64(i - before))
			e.coder.bits(uint64(v[i]), 64)
			before = i
		}
	case l.float:
		e.coder.tree(e.head.zeros[:], uint64(l.zeros), zerosBits)
	}
	switch c.way {
	case ranked:
		e.number(int64(len(l.ranks.list)))
		encodeNumbers(&e.coder, &e.head, &e.own, l.ranks.list, c.list)
	case derived:
		e.number(int64(l.column - c.leader.column))
		e.coder.bits(uint64(c.degree), 3)
		encodeDerived(&e.coder, &e.head, &e.own, c.leader.xs, f.curve, l.zeros, c.degree)
		return
	}
	encodeNumbers(&e.coder, &e.head, &e.own, c.v, c.plan)
}
