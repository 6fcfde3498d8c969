package compress

import "math/bits"

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
