package partition

import (
	"fmt"
	"math/bits"
)

// Range is a hash key range: every hash key from Start to End, both included,
// as HashKeyRange of the Kinesis API has it. A Range with End below Start is
// not valid; [ParseRange] and [NewMap] refuse it.
type Range struct {
	Start, End Hash // both included
}

// Full returns the range of all hash keys, 0 to 2^128-1.
func Full() Range {
	return Range{End: Hash{}.Prev()}
}

// ParseRange reads StartingHashKey and EndingHashKey of a HashKeyRange.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_HashKeyRange.html
func ParseRange(start, end string) (Range, error) {
	s, err := ParseHash(start)
	if err != nil {
		return Range{}, fmt.Errorf("starting hash key: %w", err)
	}
	e, err := ParseHash(end)
	if err != nil {
		return Range{}, fmt.Errorf("ending hash key: %w", err)
	}
	if e.Compare(s) < 0 {
		return Range{}, fmt.Errorf("partition: hash key range ends at %s, before its start %s", end, start)
	}
	return Range{s, e}, nil
}

// Contains reports whether h lies in the range.
func (r Range) Contains(h Hash) bool {
	return r.Start.Compare(h) <= 0 && h.Compare(r.End) <= 0
}

// String returns the range as "start..end" in decimal.
func (r Range) String() string {
	var buf [2*maxDigits + 2]byte
	b := r.Start.AppendDecimal(buf[:0])
	b = append(b, ".."...)
	return string(r.End.AppendDecimal(b))
}

// Mid returns the first hash key of the upper half, which is the
// NewStartingHashKey that splits the range in equal parts. Of an odd number
// of hash keys the upper half has one more. Mid of a range of one hash key is
// that hash key.
func (r Range) Mid() Hash {
	// Start + size/2, where size = End-Start+1 may be 2^128: halve first.
	d := r.End.sub(r.Start)
	half := Hash{d.Hi >> 1, d.Hi<<63 | d.Lo>>1}
	if d.Lo&1 != 0 { // size is even
		half = half.Next()
	}
	return r.Start.add(half)
}

// Split cuts the range in two: lo ends just before at, hi starts with it, as
// SplitShard cuts a shard at NewStartingHashKey. It reports false, and returns
// zero ranges, if at is not above Start or is above End. To halve a range, use
// r.Split(r.Mid()).
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SplitShard.html
func (r Range) Split(at Hash) (lo, hi Range, ok bool) {
	if at == r.Start || !r.Contains(at) {
		return Range{}, Range{}, false
	}
	return Range{r.Start, at.Prev()}, Range{at, r.End}, true
}

// Join returns the range that r and o cover together, as MergeShards makes it.
// It reports false if they are not adjacent.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_MergeShards.html
func (r Range) Join(o Range) (Range, bool) {
	if o.Start.Compare(r.Start) < 0 {
		r, o = o, r
	}
	if r.End.Compare(o.Start) >= 0 || r.End.Next() != o.Start {
		return Range{}, false
	}
	return Range{r.Start, o.End}, true
}

// Even cuts the hash space in n ranges as equal as possible, in order, the way
// Kinesis cuts a new stream: range i starts at floor(i × 2^128 / n). For n = 2
// the first is 0..170141183460469231731687303715884105727. It returns nil if n
// is below 1.
func Even(n int) []Range {
	if n < 1 {
		return nil
	}
	ranges := make([]Range, n)
	for i := range ranges {
		ranges[i] = Range{evenStart(i, n), evenStart(i+1, n).Prev()}
	}
	return ranges
}

// evenStart returns floor(i × 2^128 / n), modulo 2^128, for 0 <= i <= n.
func evenStart(i, n int) Hash {
	if i == n {
		return Hash{}
	}
	// Long division of the three words i, 0, 0 by n.
	hi, rem := bits.Div64(uint64(i), 0, uint64(n))
	lo, _ := bits.Div64(rem, 0, uint64(n))
	return Hash{hi, lo}
}

// evenOwner returns the index in Even(n) of the range that h lies in.
func evenOwner(h Hash, n int) int {
	// The upper word of h×n is floor(h×n / 2^128). That is the index, except
	// that it is one too low for the first hash key of a range whose start was
	// rounded down.
	mid, _ := bits.Mul64(h.Lo, uint64(n))
	top, lo := bits.Mul64(h.Hi, uint64(n))
	_, carry := bits.Add64(lo, mid, 0)
	i := int(top + carry)
	if i+1 < n && h == evenStart(i+1, n) {
		i++
	}
	return i
}

// share returns the part of the hash space that the range covers, 0 to 1.
func (r Range) share() float64 {
	d := r.End.sub(r.Start)
	return float64(d.Hi)*0x1p-64 + float64(d.Lo)*0x1p-128
}
