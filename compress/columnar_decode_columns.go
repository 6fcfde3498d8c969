package compress

import (
	"math"

	"github.com/rivulet-iot/rivulet/record"
)

// readColumns reads the values of every column.
func (d *columnarDecoder) readColumns(records int) {
	d.cols = make([]frameColumn, len(d.set.Cols))
	for i := range d.cols {
		if d.err != nil {
			return
		}
		c := &d.cols[i]
		n := d.set.Cols[i].N
		switch d.set.Cols[i].Kind {
		case record.String:
			d.readStrings(c, n)
		case record.Bool:
			c.values = d.numbers(n)
			for _, v := range c.values {
				if v != 0 && v != 1 {
					d.fail("a bool of %d", v)
				}
			}
		default:
			c.values = d.readNumeric(i, n, records)
		}
	}
}

func (d *columnarDecoder) readStrings(c *frameColumn, n int) {
	first := d.n
	for range d.count("strings in a column", int64(n)) {
		d.newText()
	}
	if c.values = d.numbers(n); d.err != nil {
		return
	}
	c.texts = d.texts[first:d.n]
	for _, v := range c.values {
		if v < 0 || v >= int64(len(c.texts)) {
			d.fail("string %d of %d", v, len(c.texts))
		}
		if d.err != nil || !d.spend(1, int64(len(c.texts[v]))) {
			return
		}
	}
}

// readNumeric reads a column of floats, as bits, or of ints.
func (d *columnarDecoder) readNumeric(column, n, records int) []int64 {
	if n == 0 { // a series without records
		return nil
	}
	float := d.set.Cols[column].Kind == record.Float
	way, zeros := int(d.coder.choice(d.head.way[:], wayBits)), 0
	if float && way >= quotients {
		return d.readIntegers(way, n)
	}
	if float {
		zeros = int(d.coder.choice(d.head.zeros[:], zerosBits))
	}
	var v []int64
	switch {
	case way == ordered:
		v = d.numbers(n)
	case way == ranked:
		list := d.numbers(d.count("values in a list", int64(n)))
		v = d.numbers(n)
		for i, at := range v {
			if at < 0 || at >= int64(len(list)) {
				d.fail("place %d in a list of %d", at, len(list))
				return nil
			}
			v[i] = list[at]
		}
	case way == derived && float:
		return d.readDerived(column, n, records, zeros)
	default:
		d.fail("a column is written in way %d", way)
		return nil
	}
	if float {
		for i, x := range v {
			v[i] = int64(disorder(x, zeros))
		}
	}
	return v
}

// readIntegers reads a column of floats that are made of integers, but for odd ones.
func (d *columnarDecoder) readIntegers(way, n int) []int64 {
	scale := int(d.coder.choice(d.head.scale[:], scaleBits))
	type oddOne struct {
		at   int
		bits uint64
	}
	var odd []oddOne
	at := -1
	for range d.count("odd values in a column", int64(n)) {
		step := d.count("places to the next odd value", int64(n-1-at))
		if step == 0 {
			d.fail("two odd values in place %d", at)
			return nil
		}
		at += step
		odd = append(odd, oddOne{at, d.coder.bits(64)})
	}
	v := d.numbers(n)
	for i, k := range v {
		v[i] = int64(math.Float64bits(fromInteger(k, way, scale)))
	}
	for _, o := range odd {
		if d.err == nil {
			v[o.at] = int64(o.bits)
		}
	}
	return v
}

// readDerived reads a column that is a function of an earlier one.
func (d *columnarDecoder) readDerived(column, n, records, zeros int) []int64 {
	from := column - d.count("columns back", int64(column))
	degree := int(d.coder.bits(3))
	kind := d.set.Cols[from].Kind
	if from == column || degree > maxDegree || n != records || len(d.cols[from].values) != records || kind != record.Float && kind != record.Int {
		d.fail("column %d is derived from %d to degree %d", column, from, degree)
	}
	if d.err != nil {
		return nil
	}
	leader := leader{float: kind == record.Float}
	leader.load(from, d.cols[from].values, leader.float)
	leader.ranks = sorted(leader.values)
	leader.place()
	list := make([]int64, len(leader.xs))
	decodeDerived(&d.coder, &d.head, &d.own, leader.xs, list, zeros, degree)
	v := make([]int64, n)
	for i, at := range leader.ranks.of {
		v[i] = list[at]
	}
	return v
}
