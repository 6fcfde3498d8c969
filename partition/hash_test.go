package partition

import (
	"crypto/md5"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const maxDecimal = "340282366920938463463374607431768211455"

func toBig(h Hash) *big.Int {
	b := new(big.Int).SetUint64(h.Hi)
	return b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(h.Lo))
}

func fromBig(b *big.Int) Hash {
	mask := new(big.Int).SetUint64(^uint64(0))
	return Hash{new(big.Int).Rsh(b, 64).Uint64(), new(big.Int).And(b, mask).Uint64()}
}

// randomHashes returns hashes of every magnitude, and all edges between words
// and between 19-digit chunks.
func randomHashes(n int) []Hash {
	rnd := rand.New(rand.NewPCG(1, 2))
	hashes := []Hash{{}, {0, 1}, {0, ^uint64(0)}, {1, 0}, {^uint64(0), 0}, {^uint64(0), ^uint64(0)}}
	ten := big.NewInt(10)
	for p := big.NewInt(1); p.BitLen() <= 128; p = new(big.Int).Mul(p, ten) {
		h := fromBig(p)
		hashes = append(hashes, h.Prev(), h, h.Next())
	}
	for range n {
		h := Hash{rnd.Uint64() >> rnd.UintN(65), rnd.Uint64() >> rnd.UintN(65)}
		hashes = append(hashes, h)
	}
	return hashes
}

func TestHashKeyIsMD5(t *testing.T) {
	for _, key := range []string{"", "a", "pi-7f3a", "zażółć gęślą jaźń", strings.Repeat("\U0001F321", 256), "\xff\x00"} {
		sum := md5.Sum([]byte(key))
		require.Equal(t, new(big.Int).SetBytes(sum[:]), toBig(HashKey(key)), key)
	}
	require.Equal(t, "16955237001963240173058271559858726497", HashKey("a").String())
}

func TestHashDecimal(t *testing.T) {
	for _, h := range randomHashes(5000) {
		want := toBig(h).String()
		require.Equal(t, want, h.String())
		require.Equal(t, "x"+want, string(h.AppendDecimal([]byte("x"))))
		got, err := ParseHash(want)
		require.NoError(t, err)
		require.Equal(t, h, got)
	}
	require.Equal(t, maxDecimal, Full().End.String())
}

func TestParseHashRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":               "is empty",
		"00":             "leading zero",
		"0123":           "leading zero",
		"-1":             "offset 0",
		"+1":             "offset 0",
		"1 ":             "offset 1",
		"1e9":            "offset 1",
		"12٣":            "offset 2",
		maxDecimal + "0": "40 characters",
		"340282366920938463463374607431768211456": "over the largest",
		"340282366920938463463374607431768211460": "over the largest",
		"999999999999999999999999999999999999999": "over the largest",
		strings.Repeat("9", 1<<20):                "1048576 characters",
	} {
		_, err := ParseHash(text)
		require.ErrorContains(t, err, want)
		require.Less(t, len(err.Error()), 200)
	}
}

func TestHashArithmetic(t *testing.T) {
	mod := new(big.Int).Lsh(big.NewInt(1), 128)
	wrap := func(b *big.Int) *big.Int { return b.Mod(b, mod) }
	hashes := randomHashes(300)
	for i, h := range hashes {
		b := toBig(h)
		require.Equal(t, wrap(new(big.Int).Add(b, big.NewInt(1))).String(), h.Next().String())
		require.Equal(t, wrap(new(big.Int).Sub(b, big.NewInt(1))).String(), h.Prev().String())
		o := hashes[(i*7+1)%len(hashes)]
		require.Equal(t, b.Cmp(toBig(o)), h.Compare(o))
		require.Equal(t, wrap(new(big.Int).Add(b, toBig(o))).String(), h.add(o).String())
		require.Equal(t, wrap(new(big.Int).Sub(b, toBig(o))).String(), h.sub(o).String())
		require.Zero(t, h.Compare(h))
	}
}

func TestHashAllocations(t *testing.T) {
	key := strings.Repeat("k", 256)
	buf := make([]byte, 0, 64)
	require.Zero(t, testing.AllocsPerRun(100, func() { buf = HashKey(key).AppendDecimal(buf[:0]) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = ParseHash(maxDecimal) }))
}

func FuzzParseHash(f *testing.F) {
	for _, s := range []string{"", "0", "00", "7", "-1", maxDecimal, "340282366920938463463374607431768211456", "18446744073709551616"} {
		f.Add(s)
	}
	limit := new(big.Int).Lsh(big.NewInt(1), 128)
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHash(s)
		want, ok := new(big.Int).SetString(s, 10)
		canonical := ok && want.String() == s && want.Sign() >= 0 && want.Cmp(limit) < 0
		if canonical != (err == nil) {
			t.Fatalf("ParseHash(%q): error %v, canonical %v", s, err, canonical)
		}
		if err == nil && (h.String() != s || toBig(h).Cmp(want) != 0) {
			t.Fatalf("ParseHash(%q) = %v", s, h)
		}
	})
}

func BenchmarkHashKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		HashKey("pi-7f3a-living-room")
	}
}
