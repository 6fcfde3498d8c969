package compress

import (
	"math/bits"
	"slices"
)

// ranks is a column as a sorted list of the different numbers in it, and the
// place in that list of each.
type ranks struct {
	list []int64
	of   []int64
}

// sorted finds the ranks of v by sorting. It is for decoders: whoever makes a frame
// may choose values that fall together in a hash table.
func sorted(v []int64) (r ranks) {
	r.list = slices.Clone(v)
	slices.Sort(r.list)
	r.list = slices.Compact(r.list)
	r.of = make([]int64, len(v))
	for i, x := range v {
		at, _ := slices.BinarySearch(r.list, x)
		r.of[i] = int64(at)
	}
	return r
}

// distinct finds the different numbers of a column, by a hash table with open
// addressing.
type distinct struct {
	keys  []int64
	slots []int32 // 1 + index in keys; 0 for none
	rank  []int64
	order []int32
	marks []bool
}

// seen returns n marks, all clear.
func (t *distinct) seen(n int) []bool {
	t.marks = slices.Grow(t.marks[:0], n)[:n]
	clear(t.marks)
	return t.marks
}

// fill finds the ranks of v.
func (t *distinct) fill(r *ranks, v []int64) {
	size := 1 << bits.Len(uint(2*len(v)))
	if cap(t.slots) < size {
		t.slots = make([]int32, size)
	}
	t.slots = t.slots[:size]
	clear(t.slots)
	t.keys, r.of = t.keys[:0], slices.Grow(r.of[:0], len(v))
	shift := 64 - bits.TrailingZeros(uint(size))
	last, lastAt := int64(0), int64(-1)
	for _, x := range v {
		if lastAt < 0 || x != last {
			last, lastAt = x, t.find(x, shift)
		}
		r.of = append(r.of, lastAt)
	}
	t.order = slices.Grow(t.order[:0], len(t.keys))
	for i := range t.keys {
		t.order = append(t.order, int32(i))
	}
	slices.SortFunc(t.order, func(a, b int32) int {
		if t.keys[a] < t.keys[b] {
			return -1
		}
		return 1
	})
	t.rank = slices.Grow(t.rank[:0], len(t.keys))[:len(t.keys)]
	r.list = r.list[:0]
	for rank, i := range t.order {
		t.rank[i] = int64(rank)
		r.list = append(r.list, t.keys[i])
	}
	for i, at := range r.of {
		r.of[i] = t.rank[at]
	}
}

// find returns the index of x in keys.
func (t *distinct) find(x int64, shift int) int64 {
	at := uint64(x) * 0x9e3779b97f4a7c15 >> shift
	for {
		slot := &t.slots[at]
		if *slot == 0 {
			t.keys = append(t.keys, x)
			*slot = int32(len(t.keys))
			return int64(len(t.keys) - 1)
		}
		if t.keys[*slot-1] == x {
			return int64(*slot - 1)
		}
		at = (at + 1) & uint64(len(t.slots)-1)
	}
}
