package compress

import (
	"math"
	"math/bits"
)

// Ways to write a column of floats. What is cheapest for one is chosen by what it
// would about take. Ints have ordered and ranked only.
const (
	ordered = 0 // the bits, as integers in the order of the floats
	ranked  = 1 // a sorted list of the floats there are, and which one each is
	derived = 2 // a list of a float for each value of an earlier column

	// The floats are made of integers by arithmetic that sensors' drivers use.
	quotients       = 4 // k / 10^scale
	products        = 5 // k * 10^-scale
	singleQuotients = 6 // both also rounded to 32 bits
	singleProducts  = 7
)

// order maps the bits of floats, without their lowest zeros, to integers that
// compare as the floats do. It is its own inverse but for the shift.
func order(bits uint64, zeros int) int64 { return flip(int64(bits)>>zeros, zeros) }

func disorder(x int64, zeros int) uint64 { return uint64(flip(x, zeros)) << zeros }

func flip(x int64, zeros int) int64 { return x ^ x>>63&(math.MaxInt64>>zeros) }

// trailingZeros returns how many of the lowest bits are 0 in every value.
func trailingZeros(v []int64) int {
	all := uint64(0)
	for _, x := range v {
		all |= uint64(x)
	}
	return min(bits.TrailingZeros64(all), 63)
}

const maxScale = 15 // decimal places

var (
	pow10 = [maxScale + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}
	tenth = [maxScale + 1]float64{1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15}
)

// fromInteger makes a float. It rounds each result to 64 bits, and singles then to
// 32, so it is the same everywhere.
func fromInteger(k int64, way, scale int) float64 {
	switch way {
	case quotients:
		return float64(k) / pow10[scale]
	case products:
		return float64(k) * tenth[scale]
	case singleQuotients:
		return float64(float32(float64(k) / pow10[scale]))
	default:
		return float64(float32(float64(k) * float64(float32(tenth[scale]))))
	}
}

// integers are what a column of floats is made of, but for a few odd ones.
type integers struct {
	way, scale int
	k          []int64 // for an odd one, that of the value before
	odd        []int   // places of values that are not made of an integer
}

// oddOnes is how many odd values a column may have: a -0 among decimals, a reading
// that somebody averaged. Each costs nine bytes.
func oddOnes(values int) int { return values/32 + 1 }

// of finds the integers that fromInteger makes v of, bit for bit, if it can.
func (n *integers) of(v []int64) bool {
	first := quotients
	if trailingZeros(v) >= 29 {
		first = singleQuotients
	}
	for n.way = first; n.way <= first+1; n.way++ {
		for n.scale = 0; n.scale <= maxScale; n.scale = n.needed(v) {
			if n.try(v) {
				return true
			}
		}
	}
	return false
}

// try uses the scale at hand. It gives up when too many values are odd.
func (n *integers) try(v []int64) bool {
	n.k, n.odd = n.k[:0], n.odd[:0]
	last, most := int64(0), oddOnes(len(v))
	for i, x := range v {
		k, exact := toInteger(math.Float64frombits(uint64(x)), n.way, n.scale)
		if exact {
			last = k
		} else if n.odd = append(n.odd, i); len(n.odd) > most {
			return false
		}
		n.k = append(n.k, last)
	}
	return len(n.odd) < len(v)
}

// needed returns the scale beyond the one at hand that suits most of the odd ones.
func (n *integers) needed(v []int64) int {
	var suits [maxScale + 2]int // the last: none
	for _, i := range n.odd {
		scale := n.scale + 1
		for ; scale <= maxScale; scale++ {
			if _, exact := toInteger(math.Float64frombits(uint64(v[i])), n.way, scale); exact {
				break
			}
		}
		suits[min(scale, maxScale+1)]++
	}
	best := maxScale + 1
	for scale, many := range suits {
		if many > suits[best] {
			best = scale
		}
	}
	return best
}

func toInteger(f float64, way, scale int) (int64, bool) {
	const most = 1 << 53
	x := float64(f * pow10[scale]) // not fused with what follows
	if !(x > -most && x < most) {
		return 0, false
	}
	k := int64(x + math.Copysign(0.5, x))
	return k, math.Float64bits(fromInteger(k, way, scale)) == math.Float64bits(f)
}
