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

const (
	classes = 65 // bit lengths of a difference, 0 to 64
	topBits = 5  // bits below the highest that are learnt; the rest are taken for noise
)

// model is what is learnt of the differences in one column.
type model struct {
	zero  [3]bit                     // whether there is one, after none, a small and a large one
	class [3][classes]bit            // its bit length less 1, six decisions
	sign  [classes]bit               // by bit length
	top   [classes][1 << topBits]bit // by bit length: the bits below the highest
	after uint8
}

var newModel = func() (m model) {
	for i := range m.zero {
		m.zero[i] = newBit
	}
	for i := range m.class {
		for j := range m.class[i] {
			m.class[i][j] = newBit
		}
	}
	for i := range m.sign {
		m.sign[i] = newBit
		for j := range m.top[i] {
			m.top[i][j] = newBit
		}
	}
	return m
}()

// headModel learns what comes once in a frame, or once in a column: numbers, and how
// columns are written, which is mostly how the one before was.
type headModel struct {
	model
	form  [1 << formBits]bit // of a column of numbers
	way   [1 << wayBits]bit  // of a column of ints or floats
	scale [1 << scaleBits]bit
	zeros [1 << zerosBits]bit
	gaps  bit // whether sequence numbers are other than one after the other
}

const formBits, wayBits, scaleBits, zerosBits = 4, 3, 4, 6

var newHead = func() (h headModel) {
	h.model = newModel
	for _, tree := range [][]bit{h.form[:], h.way[:], h.scale[:], h.zeros[:]} {
		for i := range tree {
			tree[i] = newBit
		}
	}
	h.gaps = 15 << 28 // hardly ever
	return h
}()

// magnitude returns the absolute value of r and 1 if r is negative. That of the
// least int64 is 1<<63.
func magnitude(r int64) (abs uint64, negative uint32) {
	s := uint64(r >> 63)
	return (uint64(r) ^ s) - s, uint32(s & 1)
}

const small = 3 // bits

func (m *model) follow(n int) {
	switch {
	case n == 0:
		m.after = 0
	case n <= small:
		m.after = 1
	default:
		m.after = 2
	}
}

func (m *model) encode(e *rangeEncoder, r int64) {
	abs, negative := magnitude(r)
	n := bits.Len64(abs)
	after := m.after
	m.follow(n)
	if n == 0 {
		e.bit(&m.zero[after], 0)
		return
	}
	e.bit(&m.zero[after], 1)
	e.tree(m.class[after][:], uint64(n-1), 6)
	e.bit(&m.sign[n], negative)
	learnt := min(n-1, topBits)
	e.tree(m.top[n][:], abs>>(n-1-learnt), learnt)
	e.bits(abs, n-1-learnt)
}

func (m *model) decode(d *rangeDecoder) int64 {
	after := m.after
	if d.bit(&m.zero[after]) == 0 {
		m.after = 0
		return 0
	}
	n := int(d.tree(m.class[after][:], 6)-64) + 1
	m.follow(n)
	negative := d.bit(&m.sign[n])
	learnt := min(n-1, topBits)
	left := n - 1 - learnt
	abs := d.tree(m.top[n][:], learnt)<<left | d.bits(left)
	s := -uint64(negative)
	return int64((abs ^ s) - s)
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
