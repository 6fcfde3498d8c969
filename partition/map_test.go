package partition

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// evenMap returns the map of a new stream of n shards, shuffled.
func evenMap(t testing.TB, n int) *Map {
	var shards []Shard
	for i, r := range Even(n) {
		shards = append(shards, Shard{fmt.Sprintf("shardId-%012d", i), r})
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	rnd.Shuffle(n, func(i, j int) { shards[i], shards[j] = shards[j], shards[i] })
	m, err := NewMap(shards)
	require.NoError(t, err)
	return m
}

func TestPredict(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 64, 1000} {
		m := evenMap(t, n)
		require.Equal(t, n, m.Len())
		require.Len(t, m.All(), n)
		hashes := randomHashes(200)
		for _, s := range m.All() {
			hashes = append(hashes, s.Range.Start, s.Range.End)
		}
		for _, h := range hashes {
			s := m.Predict(h)
			require.True(t, s.Range.Contains(h), "%v in %v", h, s)
			same, ok := m.ByID(s.ID)
			require.True(t, ok)
			require.Equal(t, s, same)
		}
	}
	_, ok := evenMap(t, 2).ByID("shardId-000000000002")
	require.False(t, ok)
}

func TestMapIsImmutable(t *testing.T) {
	shards := []Shard{{"a", Even(2)[0]}, {"b", Even(2)[1]}}
	m, err := NewMap(shards)
	require.NoError(t, err)
	shards[0].ID = "changed"
	m.All()[1].ID = "changed"
	require.Equal(t, []Shard{{"a", Even(2)[0]}, {"b", Even(2)[1]}}, m.All())
}

func TestNewMapRefuses(t *testing.T) {
	q := Even(4)
	for name, tc := range map[string]struct {
		shards []Shard
		want   string
	}{
		"none":      {nil, "no open shards"},
		"no id":     {[]Shard{{"", Full()}}, "without an id"},
		"twice":     {[]Shard{{"s", Even(2)[0]}, {"s", Even(2)[1]}}, "has s twice"},
		"inverted":  {[]Shard{{"s", Range{q[1].End, q[1].Start}}}, "s has the inverted range"},
		"gap start": {[]Shard{{"s", Range{Hash{Lo: 5}, Full().End}}}, "gap: no shard owns 0..4, before s"},
		"gap end":   {[]Shard{{"s", Range{Hash{}, Full().End.Prev()}}}, "gap: no shard owns " + maxDecimal + ".." + maxDecimal + ", after s"},
		"gap":       {[]Shard{{"c", q[3]}, {"a", q[0]}, {"b", q[1]}}, "gap: no shard owns " + q[2].String() + ", between b and c"},
		"parent and children": {[]Shard{{"parent", Full()}, {"child-1", Even(2)[0]}, {"child-2", Even(2)[1]}},
			"overlap: both parent and child-1 own " + Even(2)[0].String()},
		"one hash key": {[]Shard{{"a", Range{q[0].Start, q[1].Start}}, {"b", Range{q[1].Start, Full().End}}},
			"overlap: both a and b own " + Range{q[1].Start, q[1].Start}.String()},
	} {
		_, err := NewMap(tc.shards)
		require.ErrorContains(t, err, tc.want, name)
	}
}

func TestPredictAllocations(t *testing.T) {
	m := evenMap(t, 100)
	h := HashKey("device")
	require.Zero(t, testing.AllocsPerRun(100, func() { m.Predict(h); m.ByID("shardId-000000000007") }))
}

func BenchmarkPredict(b *testing.B) {
	m := evenMap(b, 100)
	b.ReportAllocs()
	for b.Loop() {
		m.Predict(HashKey("pi-7f3a"))
	}
}
