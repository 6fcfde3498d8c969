package partition

import (
	"errors"
	"fmt"
	"slices"
)

// Shard is one open shard: its id and the hash keys it owns.
type Shard struct {
	ID    string // for example shardId-000000000000
	Range Range  // the hash keys it owns
}

// Map is the open shards of a stream at one moment, ordered by hash key. It is
// immutable, and so safe for concurrent use. Make one with [NewMap].
type Map struct {
	shards []Shard // sorted by Range.Start; together they cover every hash key once
	byID   map[string]int
}

// NewMap returns the map of the given shards, in any order, which it copies.
// They must be the open shards of one stream (ListShards with a filter of
// AT_LATEST), so that each hash key has exactly one owner. If they are not,
// the error names the empty list or id, the duplicate id, the inverted range,
// the gap or the overlap; a map from a moment ago is then of more use than
// none, as a reshard is likely under way.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
func NewMap(shards []Shard) (*Map, error) {
	if len(shards) == 0 {
		return nil, errors.New("partition: shard map has no open shards")
	}
	m := &Map{shards: slices.Clone(shards), byID: make(map[string]int, len(shards))}
	slices.SortStableFunc(m.shards, func(a, b Shard) int { return a.Range.Start.Compare(b.Range.Start) })
	for i, s := range m.shards {
		if s.ID == "" {
			return nil, fmt.Errorf("partition: shard map has a shard without an id, range %v", s.Range)
		}
		if _, ok := m.byID[s.ID]; ok {
			return nil, fmt.Errorf("partition: shard map has %s twice", s.ID)
		}
		if s.Range.End.Compare(s.Range.Start) < 0 {
			return nil, fmt.Errorf("partition: %s has the inverted range %v", s.ID, s.Range)
		}
		m.byID[s.ID] = i
	}
	if err := m.checkCover(); err != nil {
		return nil, err
	}
	return m, nil
}

// checkCover returns an error unless each hash key has exactly one owner.
func (m *Map) checkCover() error {
	first, last := m.shards[0], m.shards[len(m.shards)-1]
	if first.Range.Start != (Hash{}) {
		return fmt.Errorf("partition: shard map has a gap: no shard owns %v, before %s",
			Range{Hash{}, first.Range.Start.Prev()}, first.ID)
	}
	for i := 1; i < len(m.shards); i++ {
		a, b := m.shards[i-1], m.shards[i]
		if b.Range.Start.Compare(a.Range.End) <= 0 {
			both := Range{b.Range.Start, a.Range.End}
			if b.Range.End.Compare(both.End) < 0 {
				both.End = b.Range.End
			}
			return fmt.Errorf("partition: shard map has an overlap: both %s and %s own %v", a.ID, b.ID, both)
		}
		if next := a.Range.End.Next(); next != b.Range.Start {
			return fmt.Errorf("partition: shard map has a gap: no shard owns %v, between %s and %s",
				Range{next, b.Range.Start.Prev()}, a.ID, b.ID)
		}
	}
	if full := Full(); last.Range.End != full.End {
		return fmt.Errorf("partition: shard map has a gap: no shard owns %v, after %s",
			Range{last.Range.End.Next(), full.End}, last.ID)
	}
	return nil
}

// Predict returns the shard that owns h. It takes time logarithmic in the
// number of shards and does not allocate.
func (m *Map) Predict(h Hash) Shard {
	return m.shards[m.index(h)]
}

// index returns the position of the shard that owns h: the first one whose
// range ends at or after h.
func (m *Map) index(h Hash) int {
	lo, hi := 0, len(m.shards)-1
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if m.shards[mid].Range.End.Compare(h) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// ByID returns the shard of that id; ok is false if the map has none, which
// for a shard named by Kinesis means that the map is out of date.
func (m *Map) ByID(id string) (s Shard, ok bool) {
	i, ok := m.byID[id]
	if !ok {
		return Shard{}, false
	}
	return m.shards[i], true
}

// Len returns the number of open shards, at least 1.
func (m *Map) Len() int { return len(m.shards) }

// All returns the shards in the order of their hash keys, as a copy that the
// caller may keep.
func (m *Map) All() []Shard { return slices.Clone(m.shards) }
