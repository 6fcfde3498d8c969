package compress

import (
	"fmt"
	"math"
	"time"

	"github.com/rivulet-iot/rivulet/record"
)

// written is a column of a forged vector: its values and how they are written.
type written struct {
	kind   record.Kind
	values []int64
	by     manner
}

// forged makes a vector of columns that are named a, b, c…
func forged(name string, columns ...written) vector {
	n := len(columns[0].values)
	var readings []record.Column
	for i, c := range columns {
		readings = append(readings, record.Column{Name: string(rune('a' + i)), Kind: c.kind})
	}
	f := newForge()
	f.begin(int64(n), readings...)
	for _, c := range columns {
		c.by(f, c.values)
	}
	records := make([]record.Record, n)
	for i := range records {
		r := at(i)
		r.ID.Device, r.ID.Boot = "forge", 1
		r.Time = time.UnixMilli(1_700_000_000_000 + int64(i)).UTC()
		for k, c := range columns {
			value := record.IntValue(c.values[i])
			if c.kind == record.Float {
				value = record.FloatValue(math.Float64frombits(uint64(c.values[i])))
			}
			r.Readings = append(r.Readings, record.Reading{Name: readings[k].Name, Value: value})
		}
		records[i] = r
	}
	return vector{name: name, records: records, forged: f.frame()}
}

func floatBits(n int, f func(i int) float64) (v []int64) {
	for i := range n {
		v = append(v, int64(math.Float64bits(f(i))))
	}
	return v
}

func forgedVectors() (out []vector) {
	ints := func(v []int64, by manner) written { return written{record.Int, v, by} }
	floats := func(v []int64, by manner) written { return written{record.Float, v, by} }

	// Every form of a column of numbers: kinds, flat, with a unit.
	noise := []int64{1000, 1003, 1003, 998, -5, 1 << 40, 1000, 1001, 999, 1002, -1 << 62, 7}
	flat := map[uint64][]int64{fixed: {5, 9, 9, 9, 9, 9}, steps: {5, 2, -1, -4, -7, -10}, linear: {5, 5, 5, 5, 5, 5}, mean: {-3, -3, -3, -3, -3, -3}}
	for _, unit := range []int64{0, 3, -7} {
		var loose, stiff []written
		for kind := range uint64(predictors) {
			form, values, still := kind, noise, flat[kind]
			if unit != 0 {
				form |= hasUnit
				values, still = multiples(noise, 4, unit), multiples(flat[kind], 0, unit)
			}
			loose = append(loose, ints(values, intsIn(form, unit)))
			stiff = append(stiff, ints(still, intsIn(form|isFlat, unit)))
		}
		out = append(out, forged(fmt.Sprintf("numbers-unit%d", unit), loose...), forged(fmt.Sprintf("numbers-flat-unit%d", unit), stiff...))
	}

	// Numbers of every length, and those where arithmetic wraps.
	var lengths []int64
	for digits := range 64 {
		lengths = append(lengths, 1<<digits, -1<<digits|0x1234&(1<<digits-1), 0, 0)
	}
	ends := []int64{math.MaxInt64, math.MinInt64, math.MinInt64, math.MaxInt64, 0, math.MinInt64, -1, 1, math.MaxInt64 - 1, 0}
	out = append(out, forged("lengths", ints(lengths, func(f *forge, v []int64) {
		f.way(ordered).number(v[0]).form(fixed).number(0 - v[0])
		own := newModel
		for _, x := range v[1:] {
			own.encode(&f.coder, x)
		}
	})), forged("wrapping", ints(ends, intsIn(fixed, 0)), ints(ends, intsIn(steps, 0)), ints(ends, intsIn(linear, 0)), ints(ends, intsIn(mean, 0))))

	// Floats in their order, without lowest bits that are 0; and lists.
	any64 := floatBits(12, func(i int) float64 { return 10 / float64(2*i-7) })
	singles := floatBits(12, func(i int) float64 { return float64(float32(i-5) / 7) })
	powers := floatBits(12, func(i int) float64 { return math.Ldexp(float64(1-i%3), i-6) })
	signs := floatBits(12, func(i int) float64 { return math.Copysign(0, float64(i%2)-0.5) })
	few := []int64{-9, 44, 44, math.MinInt64, 44, -9, math.MaxInt64, 0}
	out = append(out, forged("floats-in-order", floats(any64, floatsIn(steps, 0, 0)), floats(singles, floatsIn(linear, 0, 29)),
		floats(powers, floatsIn(mean, 0, 52)), floats(signs, floatsIn(fixed, 0, 63)), floats(powers, floatsIn(steps|hasUnit, 1, 7))),
		forged("ranked", floats(signs, rankedIn(steps, fixed, 63)), floats(powers, rankedIn(mean, mean, 52)), floats(any64, rankedIn(steps, linear, 0))),
		forged("ranked-ints", ints(few, rankedIn(linear, steps, -1)), ints(make([]int64, 8), rankedIn(steps, steps|isFlat, -1))))

	// Derived columns: every degree, of ints, and where there is nothing finite to expect.
	x := floatBits(20, func(i int) float64 { return float64(i*7%20)/8 - 1 })
	counts := make([]int64, 20)
	for i := range counts {
		counts[i] = 1<<60 + int64(i/2*4096+i%2) // pairs that are equal as floats
	}
	wild := []float64{math.Inf(1), math.Inf(-1), math.NaN(), 0, math.Copysign(0, -1), 1e308, -1e308, 5e-324, 3, -3}
	wildX := floatBits(20, func(i int) float64 { return wild[i%10] })
	wildY := floatBits(20, func(i int) float64 { return wild[i%10*3%10] })
	for degree := range maxDegree + 1 {
		y := floatBits(20, func(i int) float64 {
			x := math.Float64frombits(uint64(x[i]))
			return 3 + x*(1+x*(2+x*(x-0.5)))
		})
		ofCounts := floatBits(20, func(i int) float64 { return float64(i*i%7) / 3 })
		out = append(out, forged(fmt.Sprintf("derived-degree%d", degree), floats(x, floatsIn(steps, 0, 0)), floats(y, derivedIn(x, true, 0, degree)),
			ints(counts, intsIn(mean, 0)), floats(ofCounts, derivedIn(counts, false, 0, degree)),
			floats(wildX, floatsIn(steps, 0, 0)), floats(wildY, derivedIn(wildX, true, 0, degree))))
	}

	// Floats made of integers.
	k := []int64{215, 216, 214, -3, 0, 99999, 215, 1<<53 - 1, -1 << 53, 12345678901234567, math.MinInt64, math.MaxInt64}
	for way, name := range map[int]string{quotients: "quotients", products: "products", singleQuotients: "single-quotients", singleProducts: "single-products"} {
		var columns []written
		for _, scale := range []int{0, 1, 2, 7, 15} {
			columns = append(columns, floats(made(way, scale, k, nil), madeOf(way, scale, k)))
		}
		odd := map[int]float64{0: math.Copysign(0, -1), 1: math.Pi, 11: 5e-324}
		columns = append(columns, floats(made(way, 3, k, odd), madeOf(way, 3, k, 0, 1, 11)))
		out = append(out, forged(name, columns...))
	}
	return out
}

// multiples of a unit: small enough for it, if they are shifted.
func multiples(v []int64, shift int, unit int64) (out []int64) {
	for _, x := range v {
		out = append(out, x>>shift*unit)
	}
	return out
}
