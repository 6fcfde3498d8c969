package retry

import mathbits "math/bits"

// bitset is a set of small numbers. Those beyond its length are not in it.
type bitset []uint64

func (b bitset) has(i int) bool { return i>>6 < len(b) && b[i>>6]&(1<<(i&63)) != 0 }

// words calls f with each word that the numbers from a to below b lie in, and
// the mask of them in it.
func words(a, b int, f func(w int, mask uint64)) {
	for a < b {
		width := min(64-a&63, b-a)
		f(a>>6, (^uint64(0)>>(64-width))<<(a&63))
		a += width
	}
}

// grow makes room for numbers below n.
func (b *bitset) grow(n int) {
	for len(*b) < (n+63)>>6 {
		*b = append(*b, 0)
	}
}

// set adds the numbers from x to below y.
func (b *bitset) set(x, y int) {
	b.grow(y)
	words(x, y, func(w int, mask uint64) { (*b)[w] |= mask })
}

// clear removes the numbers from x to below y and returns how many were there.
func (b bitset) clear(x, y int) (n int) {
	words(x, min(y, len(b)<<6), func(w int, mask uint64) {
		n += mathbits.OnesCount64(b[w] & mask)
		b[w] &^= mask
	})
	return n
}

// count returns how many of the numbers from x to below y are there.
func (b bitset) count(x, y int) (n int) {
	words(x, min(y, len(b)<<6), func(w int, mask uint64) { n += mathbits.OnesCount64(b[w] & mask) })
	return n
}

// move takes the numbers from x to below y from b to the set to, and returns how
// many there were.
func (b bitset) move(to *bitset, x, y int) (n int) {
	if y = min(y, len(b)<<6); x < y {
		to.grow(y)
	}
	words(x, y, func(w int, mask uint64) {
		mask &= b[w]
		n += mathbits.OnesCount64(mask)
		b[w] &^= mask
		(*to)[w] |= mask
	})
	return n
}

// gap returns the lowest number from x on that is neither in b nor in c, or n if
// all below it are.
func (b bitset) gap(c bitset, x, n int) int {
	for x < n {
		w, taken := x>>6, uint64(0)
		if w < len(b) {
			taken = b[w]
		}
		if w < len(c) {
			taken |= c[w]
		}
		if free := ^taken >> (x & 63); free != 0 {
			return min(x+mathbits.TrailingZeros64(free), n)
		}
		x = (w + 1) << 6
	}
	return n
}
