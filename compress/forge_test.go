package compress

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/rivulet-iot/rivulet/record"
)

// forge writes columnar frames part by part, as the caller says: such as our
// encoder would not write, and such as nobody should. The checksum is right.
type forge struct {
	coder  rangeEncoder
	head   headModel
	text   text
	packed []byte // the text, deflated, if it is to be
	size   int    // that of the text inflated, if not what it is
}

func newForge() *forge {
	f := &forge{head: newHead}
	f.text.reset()
	f.coder.start(nil)
	return f
}

func (f *forge) number(numbers ...int64) *forge {
	for _, v := range numbers {
		f.head.encode(&f.coder, v)
	}
	return f
}

func (f *forge) bits(v uint64, n int) *forge { f.coder.bits(v, n); return f }

// A choice that is learnt, of a column of numbers or of readings.
func (f *forge) form(v uint64) *forge { return f.tree(f.head.form[:], v, formBits) }
func (f *forge) way(v uint64) *forge  { return f.tree(f.head.way[:], v, wayBits) }
func (f *forge) scale(v int) *forge   { return f.tree(f.head.scale[:], uint64(v), scaleBits) }
func (f *forge) zeros(v int) *forge   { return f.tree(f.head.zeros[:], uint64(v), zerosBits) }

func (f *forge) tree(t []bit, v uint64, n int) *forge { f.coder.tree(t, v, n); return f }

func (f *forge) str(s string) *forge { return f.number(f.text.add(s)) }

func (f *forge) frame() []byte {
	out := append(binary.BigEndian.AppendUint32(nil, columnarStart), 0, 0, 0, 0)
	out = binary.AppendUvarint(out, uint64(max(f.size, len(f.text.buf))))
	if f.packed != nil {
		out[3] |= columnarDeflate
		out = append(binary.AppendUvarint(out, uint64(len(f.packed))), f.packed...)
	} else {
		out = append(out, f.text.buf...)
	}
	return mend(append(out, f.coder.finish()...))
}

// begin writes all before the readings, for records of one device.
func (f *forge) begin(records int64, readings ...record.Column) *forge {
	f.number(records, 0).id("forge", 1)
	f.shape(readings...).number(0)
	return f.seqs(1, records).flat(1_700_000_000_000, records)
}

// id writes a device and a boot that are new, without a mark.
func (f *forge) id(device string, boot uint64) *forge { return f.newBoot(device, boot).bits(0, 1) }

func (f *forge) newBoot(device string, boot uint64) *forge {
	return f.str(device).number(0).bits(boot, 64)
}

// seqs writes as many sequence numbers from first on.
func (f *forge) seqs(first, n int64) *forge {
	if n > 1 {
		f.coder.bit(&f.head.gaps, 0)
	}
	return f.number(first)
}

func (f *forge) shape(readings ...record.Column) *forge {
	f.number(0).bits(0, 1).str("").number(int64(len(readings)))
	for _, r := range readings {
		f.str(r.Name).bits(uint64(r.Kind-1), 2)
	}
	return f
}

// flat writes a column of as many numbers from first on.
func (f *forge) flat(first, n int64) *forge {
	f.number(first)
	if n > 1 {
		f.form(steps | isFlat).number(1)
	}
	return f
}

// column writes numbers in a form: a predictor, and maybe isFlat and hasUnit.
func (f *forge) column(form uint64, unit int64, v []int64) {
	x := slices.Clone(v)
	f.number(v[0])
	if len(v) == 1 {
		return
	}
	f.form(form)
	if form&hasUnit != 0 {
		f.number(unit)
		for i := range v {
			x[i] = (v[i] - v[0]) / unit
		}
	}
	kind, param := uint8(form&3), int64(0)
	switch kind {
	case fixed:
		param = x[1]
		f.number(param - x[0])
	case steps:
		param = x[1] - x[0]
		f.number(param)
	}
	own := newModel
	var p predictor
	p.start(kind, param, x[0])
	for _, x := range x[1:] {
		if form&isFlat == 0 {
			own.encode(&f.coder, x-p.expect())
		}
		p.saw(x)
	}
}

// A manner writes the values of a column: floats' bits, ints, bools.
type manner func(f *forge, v []int64)

func inOrder(v []int64, zeros int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = order(uint64(x), zeros)
	}
	return out
}

func intsIn(form uint64, unit int64) manner {
	return func(f *forge, v []int64) { f.way(ordered).column(form, unit, v) }
}

func floatsIn(form uint64, unit int64, zeros int) manner {
	return func(f *forge, v []int64) {
		f.way(ordered).zeros(zeros).column(form, unit, inOrder(v, zeros))
	}
}

func rankedIn(listForm, form uint64, zeros int) manner { // zeros: -1 for ints
	return func(f *forge, v []int64) {
		f.way(ranked)
		if zeros >= 0 {
			f.zeros(zeros)
			v = inOrder(v, zeros)
		}
		list := slices.Compact(slices.Sorted(slices.Values(v)))
		f.number(int64(len(list))).column(listForm, 1, list)
		places := make([]int64, len(v))
		for i, x := range v {
			places[i] = int64(slices.Index(list, x))
		}
		f.column(form, 1, places)
	}
}

// derivedIn writes a column that is a function of the one before it.
func derivedIn(leaders []int64, float bool, zeros, degree int) manner {
	return func(f *forge, v []int64) {
		var l leader
		l.load(0, leaders, float)
		l.fill(new(distinct))
		ys := make([]int64, len(l.xs))
		for i, at := range l.ranks.of {
			ys[at] = v[i]
		}
		f.way(derived).zeros(zeros).number(1).bits(uint64(degree), 3)
		own := newModel
		encodeDerived(&f.coder, &f.head, &own, l.xs, ys, zeros, degree)
	}
}

// madeOf writes floats that are made of integers, but for the odd ones.
func madeOf(way, scale int, k []int64, odd ...int) manner {
	return func(f *forge, v []int64) {
		f.way(uint64(way)).scale(scale).number(int64(len(odd)))
		before := -1
		for _, i := range odd {
			f.number(int64(i-before)).bits(uint64(v[i]), 64)
			before = i
		}
		f.column(mean, 1, k)
	}
}

// made returns the floats of integers, with their bits as rows have them.
func made(way, scale int, k []int64, odd map[int]float64) (v []int64) {
	for i, x := range k {
		f := fromInteger(x, way, scale)
		if o, ok := odd[i]; ok {
			f = o
		}
		v = append(v, int64(math.Float64bits(f)))
	}
	return v
}
