package compress

import (
	"math/bits"
	"slices"
)

// How a column of 64-bit numbers is written: the first as it is, each other one as
// its difference from what a predictor expects, by a model that learns how large
// differences are. All arithmetic wraps, so every number can be any.

// predictor expects the next number from those before.
type predictor struct {
	kind  uint8
	param int64 // of fixed and steps
	x1    int64 // the number before
	x2    int64 // the one before that; of mean: the mean in 2^meanShift-ths
}

const (
	fixed  = 0 // param: noise about a level
	steps  = 1 // the number before + param: counters, clocks, slow signals
	linear = 2 // as far from the number before as that was from the one before it
	mean   = 3 // a running mean: noise about a level that moves

	predictors = mean + 1
	meanShift  = 2
)

func (p *predictor) start(kind uint8, param, first int64) {
	*p = predictor{kind: kind, param: param, x1: first, x2: first}
	if kind == mean {
		p.x2 = first << meanShift
	}
}

func (p *predictor) expect() int64 {
	switch p.kind {
	case fixed:
		return p.param
	case steps:
		return p.x1 + p.param
	case linear:
		return 2*p.x1 - p.x2
	default:
		return (p.x2 + 1<<(meanShift-1)) >> meanShift
	}
}

func (p *predictor) saw(v int64) {
	if p.kind == mean {
		p.x2 += v - p.x2>>meanShift
		return
	}
	p.x2, p.x1 = p.x1, v
}

// cost is about what a difference takes, in quarters of a bit.
func cost(r int64) int {
	abs, _ := magnitude(r)
	n := bits.Len64(abs)
	if n == 0 {
		return 2
	}
	return 4*n + 6
}

// numbers is how a column of numbers is to be written, and about how many
// quarters of a bit that takes.
type numbers struct {
	first int64
	unit  int64 // every number is first plus a multiple of it; 0 and 1: no unit
	kind  uint8
	param int64
	flat  bool // every number is as expected
	cost  int
}

// sampled is how many numbers of a long column tell which predictor suits it.
const sampled = 512

// plan chooses how v is written, at the cost of one look at every number, two if
// steps does not suit them, and three at a sample. When the numbers have a unit, it
// makes v their distances from the first in units.
func plan(v []int64) numbers {
	if len(v) == 0 {
		return numbers{}
	}
	n := numbers{first: v[0], kind: steps, flat: true, cost: 4*8 + cost(v[0])}
	if len(v) == 1 {
		return n
	}
	if n.unit = unit(v); n.unit > 1 {
		for i := range v {
			v[i] = (v[i] - n.first) / n.unit
		}
	}
	level, step := typical(v)
	n.param = step
	all := expected(v, steps, step)
	if n.flat = all == 0; n.flat { // as most columns of which nothing changes; nothing takes less
		return n
	}
	sample, least := v, all
	if len(v) > 2*sampled {
		sample = v[len(v)/2-sampled/2:][:sampled]
		least = expected(sample, steps, step)
	}
	for _, kind := range [...]uint8{fixed, linear, mean} {
		if sum := expected(sample, kind, level); sum < least {
			least, n.kind, n.param = sum, kind, level
		}
	}
	if n.kind != steps {
		all = expected(v, n.kind, level)
		n.flat = all == 0
	}
	n.cost += all
	return n
}

// expected returns about how many quarters of a bit the numbers take with a
// predictor: 0 if each is as expected.
func expected(v []int64, kind uint8, param int64) (sum int) {
	var p predictor
	p.start(kind, param, v[0])
	flat := true
	for _, x := range v[1:] {
		r := x - p.expect()
		p.saw(x)
		sum += cost(r)
		flat = flat && r == 0
	}
	if flat {
		return 0
	}
	return sum
}

// unit returns the greatest number of which the numbers are multiples, seen from
// the first: clocks that tick once a second, sensors that count in sixteenths. At
// most 1 means that there is none. (Distances that wrap are multiples too.)
func unit(v []int64) int64 {
	g := uint64(0)
	for _, x := range v[1:] {
		b, _ := magnitude(x - v[0])
		for b != 0 {
			g, b = b, g%b
		}
		if g == 1 {
			return 1
		}
	}
	return int64(g)
}

// typical returns the median of a sample of the numbers and of the steps between
// neighbours.
func typical(v []int64) (level, step int64) {
	var levels, between [31]int64
	n := min(len(v)-1, len(levels))
	for i := range n {
		at := 1 + i*(len(v)-1)/n
		levels[i], between[i] = v[at], v[at]-v[at-1]
	}
	slices.Sort(levels[:n])
	slices.Sort(between[:n])
	return levels[n/2], between[n/2]
}

// encodeNumbers writes v as planned. head is the model of first numbers and
// parameters, which the columns of a frame share; own is reset.
func encodeNumbers(e *rangeEncoder, head *headModel, own *model, v []int64, n numbers) {
	if len(v) == 0 {
		return
	}
	head.encode(e, n.first)
	if len(v) == 1 {
		return
	}
	form := uint64(n.kind)
	if n.flat {
		form |= isFlat
	}
	if n.unit > 1 {
		form |= hasUnit
	}
	e.tree(head.form[:], form, formBits)
	if n.unit > 1 {
		head.encode(e, n.unit)
	}
	switch n.kind {
	case fixed:
		head.encode(e, n.param-v[0])
	case steps:
		head.encode(e, n.param)
	}
	if n.flat {
		return
	}
	*own = newModel
	var p predictor
	p.start(n.kind, n.param, v[0])
	for _, x := range v[1:] {
		own.encode(e, x-p.expect())
		p.saw(x)
	}
}

const (
	isFlat  = 1 << 2
	hasUnit = 1 << 3
)

// decodeNumbers fills v.
func decodeNumbers(d *rangeDecoder, head *headModel, own *model, v []int64) {
	if len(v) == 0 {
		return
	}
	first := head.decode(d)
	v[0] = first
	if len(v) == 1 {
		return
	}
	form := d.choice(head.form[:], formBits)
	unit := int64(1)
	if form&hasUnit != 0 {
		unit = head.decode(d)
		v[0] = 0
	}
	kind, param := uint8(form&3), int64(0)
	switch kind {
	case fixed:
		param = v[0] + head.decode(d)
	case steps:
		param = head.decode(d)
	}
	var p predictor
	p.start(kind, param, v[0])
	*own = newModel
	for i := 1; i < len(v); i++ {
		v[i] = p.expect()
		if form&isFlat == 0 {
			v[i] += own.decode(d)
		}
		p.saw(v[i])
	}
	if form&hasUnit != 0 {
		for i := range v {
			v[i] = first + v[i]*unit
		}
	}
}
