package partition

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func mustRange(t *testing.T, start, end string) Range {
	t.Helper()
	r, err := ParseRange(start, end)
	require.NoError(t, err)
	return r
}

func TestEvenMatchesKinesis(t *testing.T) {
	require.Nil(t, Even(0))
	require.Nil(t, Even(-1))
	require.Equal(t, []Range{Full()}, Even(1))
	require.Equal(t, "0..170141183460469231731687303715884105727", Even(2)[0].String())
	// The three shards in the documentation of "aws kinesis describe-stream".
	require.Equal(t, []Range{
		mustRange(t, "0", "113427455640312821154458202477256070484"),
		mustRange(t, "113427455640312821154458202477256070485", "226854911280625642308916404954512140969"),
		mustRange(t, "226854911280625642308916404954512140970", maxDecimal),
	}, Even(3))
	// Of 20 shards, a rounded-down width times i would be off by one here.
	require.Equal(t, "34028236692093846346337460743176821145..51042355038140769519506191114765231717", Even(20)[2].String())
}

func TestEvenCoversEverythingEvenly(t *testing.T) {
	space := new(big.Int).Lsh(big.NewInt(1), 128)
	for _, n := range []int{1, 2, 3, 5, 6, 7, 10, 20, 255, 256, 1000, 10007} {
		ranges := Even(n)
		require.Len(t, ranges, n)
		next := Hash{}
		for i, r := range ranges {
			require.Equal(t, next, r.Start)
			start := new(big.Int).Mul(space, big.NewInt(int64(i)))
			require.Equal(t, start.Div(start, big.NewInt(int64(n))).String(), r.Start.String())
			require.Equal(t, i, evenOwner(r.Start, n))
			require.Equal(t, i, evenOwner(r.Start.Next(), n))
			require.Equal(t, i, evenOwner(r.Mid(), n))
			require.Equal(t, i, evenOwner(r.End, n))
			next = r.End.Next()
		}
		require.Equal(t, Hash{}, next)
	}
	for _, h := range randomHashes(500) {
		for _, n := range []int{1, 3, 7, 256} {
			require.True(t, Even(n)[evenOwner(h, n)].Contains(h))
		}
	}
}

func TestRangeContains(t *testing.T) {
	r := mustRange(t, "10", "20")
	for h, want := range map[uint64]bool{9: false, 10: true, 15: true, 20: true, 21: false} {
		require.Equal(t, want, r.Contains(Hash{Lo: h}), h)
	}
	require.False(t, r.Contains(Hash{Hi: 1, Lo: 15}))
	require.True(t, Full().Contains(HashKey("x")))
}

func TestRangeMidSplitJoin(t *testing.T) {
	require.Equal(t, Even(2)[1].Start, Full().Mid())
	for _, tc := range []struct{ start, end, mid string }{
		{"0", "1", "1"}, {"0", "2", "1"}, {"0", "3", "2"}, {"7", "7", "7"}, {"1", "4", "3"}, {maxDecimal, maxDecimal, maxDecimal},
		{"18446744073709551614", "18446744073709551617", "18446744073709551616"},
	} {
		r := mustRange(t, tc.start, tc.end)
		require.Equal(t, tc.mid, r.Mid().String(), r.String())
		lo, hi, ok := r.Split(r.Mid())
		require.Equal(t, tc.start != tc.end, ok)
		if ok {
			require.Equal(t, r.Start, lo.Start)
			require.Equal(t, lo.End.Next(), hi.Start)
			require.Equal(t, r.Mid(), hi.Start)
			require.Equal(t, r.End, hi.End)
			joined, ok := hi.Join(lo)
			require.True(t, ok)
			require.Equal(t, r, joined)
		}
	}
	r := mustRange(t, "10", "20")
	for _, at := range []uint64{9, 10, 21} {
		_, _, ok := r.Split(Hash{Lo: at})
		require.False(t, ok, at)
	}
	_, hi, ok := r.Split(r.End)
	require.True(t, ok)
	require.Equal(t, Range{r.End, r.End}, hi)

	for _, o := range []Range{r, mustRange(t, "15", "30"), mustRange(t, "22", "30"), mustRange(t, "12", "13"), Full()} {
		_, ok := r.Join(o)
		require.False(t, ok, o.String())
	}
	// The highest and the lowest hash key are not neighbours.
	for _, o := range []Range{{}, {Full().End, Full().End}, Full()} {
		_, ok = Full().Join(o)
		require.False(t, ok, o.String())
	}
	_, ok = Range{Full().End, Full().End}.Join(Range{})
	require.False(t, ok)
}

func TestParseRangeRefuses(t *testing.T) {
	_, err := ParseRange("x", "1")
	require.ErrorContains(t, err, "starting hash key")
	_, err = ParseRange("0", "")
	require.ErrorContains(t, err, "ending hash key")
	_, err = ParseRange("2", "1")
	require.ErrorContains(t, err, "ends at 1, before its start 2")
}
