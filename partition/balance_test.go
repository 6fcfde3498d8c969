package partition

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBalanceEmpty(t *testing.T) {
	r := NewBalance(evenMap(t, 3)).Report()
	require.Equal(t, "3 shards, no records\n", r.String())
	require.Zero(t, r.Imbalance())
}

func TestBalanceCounts(t *testing.T) {
	m := evenMap(t, 4)
	b := NewBalance(m)
	want := map[string]int64{}
	for i := range 100 {
		key := fmt.Sprintf("device-%d", i)
		b.Add(key, 2, 100)
		b.Add(key, -5, -5)
		want[m.Predict(HashKey(key)).ID] += 2
	}
	r := b.Report()
	require.EqualValues(t, 200, r.Records)
	require.EqualValues(t, 10000, r.Bytes)
	require.Equal(t, 100, r.KeyCount)
	require.True(t, r.KeysExact)
	require.Len(t, r.Keys, 5)
	var most int64
	for _, s := range r.Shards {
		require.Equal(t, want[s.Shard.ID], s.Records)
		require.Equal(t, want[s.Shard.ID]*50, s.Bytes)
		most = max(most, s.Records)
	}
	require.InDelta(t, float64(most)/50, r.Imbalance(), 1e-9)
}

func TestBalanceImbalanceIsTheWorseOfRecordsAndBytes(t *testing.T) {
	b := NewBalance(evenMap(t, 2))
	s, err := Spread(2)
	require.NoError(t, err)
	b.Add(s.Key("d", 0), 90, 1000)
	b.Add(s.Key("d", 1), 10, 1000)
	require.InDelta(t, 1.8, b.Report().Imbalance(), 1e-9)
	b.Add(s.Key("d", 1), 0, 18000)
	require.InDelta(t, 1.9, b.Report().Imbalance(), 1e-9)
}

func TestBalanceRanksByUseOfTheLimits(t *testing.T) {
	b := NewBalance(evenMap(t, 2))
	b.Add("records", 3, 30)
	b.Add("bytes", 1, 1<<20)
	b.Add("both", 2, 2048)
	var got []string
	for _, k := range b.Report().Keys {
		got = append(got, k.Key)
	}
	require.Equal(t, []string{"bytes", "records", "both"}, got)
}

func TestBalanceAdvice(t *testing.T) {
	hot := NewBalance(evenMap(t, 4))
	for i := range 100 {
		hot.Add(fmt.Sprintf("device-%d", i), 1, 10)
	}
	hot.Add("gateway", 1000, 10000)
	require.Contains(t, hot.Report().String(), `advice       key "gateway" alone is 3.6 times the mean shard`)

	few := NewBalance(evenMap(t, 8))
	for i := range 8 {
		few.Add(fmt.Sprintf("device-%d", i), 10, 100)
	}
	require.Contains(t, few.Report().String(), "8 keys are few for 8 shards")

	uneven, err := NewMap([]Shard{{"big", Range{Hash{}, Even(10)[8].End}}, {"small", Even(10)[9]}})
	require.NoError(t, err)
	many := NewBalance(uneven)
	for i := range 500 {
		many.Add(fmt.Sprintf("device-%d", i), 10, 100)
	}
	require.Contains(t, many.Report().String(), "many keys, uneven shards; split the busiest shard")

	even := NewBalance(evenMap(t, 4))
	for i := range 4000 {
		even.Add(fmt.Sprintf("device-%d", i%1000), 10, 100)
	}
	require.Contains(t, even.Report().String(), "is even)\n")
}

func TestBalanceFindsHotKeyAmongMany(t *testing.T) {
	b := NewBalance(evenMap(t, 2))
	for i := range 20000 {
		b.Add(fmt.Sprintf("device-%d", i), 1, 10)
		if i%100 == 50 {
			b.Add("chatty", 30, 30) // many records
			b.Add("camera", 1, 20480)
		}
		require.LessOrEqual(t, len(b.keys), maxTrackedKeys)
	}
	r := b.Report()
	require.False(t, r.KeysExact)
	require.EqualValues(t, 20000+200*31, r.Records)
	require.Equal(t, []string{"chatty", "camera"}, []string{r.Keys[0].Key, r.Keys[1].Key})
	require.EqualValues(t, 200*20480, r.Keys[1].Bytes, "never forgotten")
	require.EqualValues(t, 6000, r.Keys[0].Records)
	require.Contains(t, r.String(), "at least ")
}

// Keys that were hot long ago make room for one that is hot now.
func TestBalanceForgetsThePast(t *testing.T) {
	b := NewBalance(evenMap(t, 2))
	for i := range 3000 {
		b.Add(fmt.Sprintf("old-%d", i), 10, 0)
	}
	for i := range 40000 {
		b.Add(fmt.Sprintf("device-%d", i), 1, 0)
		if i%500 == 0 {
			b.Add("a-new-one", 1, 0)
		}
	}
	r := b.Report()
	require.Equal(t, "a-new-one", r.Keys[0].Key)
	require.GreaterOrEqual(t, r.Keys[0].Records, int64(70))
	require.LessOrEqual(t, r.Keys[0].Records, int64(80))
}

func TestReportStringIsShort(t *testing.T) {
	b := NewBalance(evenMap(t, 2))
	b.Add(strings.Repeat("k", 256), 1, 1<<40)
	for line := range strings.Lines(b.Report().String()) {
		require.Less(t, len(line), 140, line)
	}
}
