package retry

import "sort"

// place is where a block of a segment begins.
type place struct {
	index   uint64 // of its first entry
	off     int64
	written uint64 // entries written before it
}

// placeGap is how far apart in the file the places are that are remembered: reading
// on from anywhere passes over no more blocks than that.
const placeGap = 128 << 10

// remember adds a place, if it is far enough behind the last one.
func (s *segment) remember(p place) {
	if n := len(s.places); n == 0 && p.off >= placeGap || n > 0 && p.off >= s.places[n-1].off+placeGap {
		s.places = append(s.places, p)
	}
}

// placeOf returns a place at or before the index: the start of the segment if none is
// known.
func (s *segment) placeOf(index uint64) place {
	n := sort.Search(len(s.places), func(i int) bool { return s.places[i].index > index })
	if n == 0 {
		return place{index: s.first, written: s.id.Before}
	}
	return s.places[n-1]
}
