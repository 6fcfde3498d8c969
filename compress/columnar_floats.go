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

// toIntegers appends to dst the integers that fromInteger makes v of, bit for bit,
// if there are any.
func toIntegers(dst, v []int64) (out []int64, way, scale int, ok bool) {
	first := quotients
	if trailingZeros(v) >= 29 {
		first = singleQuotients
	}
	for way = first; way <= first+1; way++ {
		if out, scale, ok = toIntegersBy(dst, v, way); ok {
			return out, way, scale, true
		}
	}
	return dst, 0, 0, false
}

func toIntegersBy(dst, v []int64, way int) (out []int64, scale int, ok bool) {
	for i := 0; i < len(v); i++ {
		f := math.Float64frombits(uint64(v[i]))
		k, exact := toInteger(f, way, scale)
		if exact {
			dst = append(dst, k)
			continue
		}
		for !exact {
			if scale++; scale > maxScale {
				return dst[:0], 0, false
			}
			_, exact = toInteger(f, way, scale)
		}
		dst, i = dst[:0], -1 // from the start with the new scale
	}
	return dst, scale, true
}

func toInteger(f float64, way, scale int) (int64, bool) {
	const most = 1 << 53
	x := f * pow10[scale]
	if !(x > -most && x < most) {
		return 0, false
	}
	k := int64(x + math.Copysign(0.5, x))
	return k, math.Float64bits(fromInteger(k, way, scale)) == math.Float64bits(f)
}
