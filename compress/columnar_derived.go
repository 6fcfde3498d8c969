package compress

import "math"

// A derived column has one value for each value of an earlier column, its leader:
// Fahrenheit beside Celsius, volts beside an ADC's counts, three gases out of one
// resistance. What is written is a list of these values in the order of the
// leader's; and since most such relations are smooth, not the values but how far
// they are from a polynomial through the ones before.

const maxDegree = 4

// curve extrapolates a function from its latest points, by Newton's divided
// differences. Every product is rounded before it is added (Go may fuse the two
// otherwise), so that all machines and languages get the same bits.
type curve struct {
	x [maxDegree + 1]float64 // latest first
	d [maxDegree + 1]float64 // divided differences behind the latest point
	n int                    // points, up to maxDegree+1
}

// expect returns the function's value at x as a polynomial of each degree has it.
// It may be no finite number. There must be a point.
func (c *curve) expect(x float64) (y [maxDegree + 1]float64) {
	sum, product := c.d[0], 1.0
	y[0] = sum
	for k := 1; k <= maxDegree; k++ {
		if k < c.n {
			product = product * (x - c.x[k-1])
			sum = sum + float64(product*c.d[k])
		}
		y[k] = sum
	}
	return y
}

func (c *curve) add(x, y float64) {
	was := c.d
	c.d[0] = y
	for k := 1; k <= min(c.n, maxDegree); k++ {
		c.d[k] = (c.d[k-1] - was[k-1]) / (x - c.x[k-1])
	}
	copy(c.x[1:], c.x[:])
	c.x[0] = x
	c.n = min(c.n+1, maxDegree+1)
}

// residual returns how far a value is from what is expected, in the order of the
// floats; from the one before when what is expected is not finite.
func residual(value, before int64, expected float64, zeros int) int64 {
	if expected-expected == 0 {
		before = int64(math.Float64bits(expected))
	}
	return order(uint64(value), zeros) - order(uint64(before), zeros)
}

// planDerived returns the degree that takes least, and about how many quarters of
// a bit that is.
func planDerived(xs []float64, ys []int64, zeros int) (degree, least int) {
	var c curve
	var costs [maxDegree + 1]int
	for i, x := range xs {
		if i > 0 {
			for k, expected := range c.expect(x) {
				costs[k] += cost(residual(ys[i], ys[i-1], expected, zeros))
			}
		}
		c.add(x, math.Float64frombits(uint64(ys[i])))
	}
	for k := range costs {
		if costs[k] < costs[degree] {
			degree = k
		}
	}
	return degree, costs[degree] + 4*64
}

func encodeDerived(e *rangeEncoder, head *headModel, own *model, xs []float64, ys []int64, zeros, degree int) {
	*own = newModel
	var c curve
	for i, x := range xs {
		if i == 0 {
			head.encode(e, order(uint64(ys[0]), zeros))
		} else {
			own.encode(e, residual(ys[i], ys[i-1], c.expect(x)[degree], zeros))
		}
		c.add(x, math.Float64frombits(uint64(ys[i])))
	}
}

// decodeDerived fills ys.
func decodeDerived(d *rangeDecoder, head *headModel, own *model, xs []float64, ys []int64, zeros, degree int) {
	*own = newModel
	var c curve
	for i, x := range xs {
		if i == 0 {
			ys[0] = int64(disorder(head.decode(d), zeros))
		} else {
			from := uint64(ys[i-1])
			if expected := c.expect(x)[degree]; expected-expected == 0 {
				from = math.Float64bits(expected)
			}
			ys[i] = int64(disorder(order(from, zeros)+own.decode(d), zeros))
		}
		c.add(x, math.Float64frombits(uint64(ys[i])))
	}
}
