package partition

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckKey(t *testing.T) {
	for _, ok := range []string{"a", " ", "\x00", strings.Repeat("x", 256), strings.Repeat("\U0001F321", 256)} {
		require.NoError(t, CheckKey(ok))
	}
	for key, want := range map[string]string{
		"":                       "empty",
		"a\xffb":                 `"a\xffb" is not valid UTF-8`,
		strings.Repeat("é", 257): "has 257 characters, over the limit of 256",
	} {
		require.ErrorContains(t, CheckKey(key), want)
	}
	require.NoError(t, CheckExplicitHashKey("0"))
	require.NoError(t, CheckExplicitHashKey(maxDecimal))
	require.ErrorContains(t, CheckExplicitHashKey(""), "explicit hash key")
	require.ErrorContains(t, CheckExplicitHashKey("01"), "leading zero")
}

func TestParseStrategy(t *testing.T) {
	for text, key := range map[string]string{
		"device":      "pi",
		"fixed:site":  "site",
		"fixed:a:b c": "a:b c",
		"spread:1":    "pi#0",
	} {
		s, err := Parse(text)
		require.NoError(t, err)
		require.Equal(t, text, s.String())
		require.Equal(t, key, s.Key("pi", 7), text)
	}
	for text, want := range map[string]string{
		"":           `unknown key strategy ""`,
		"device:":    "unknown key strategy",
		"Device":     "unknown key strategy",
		"fixed":      "unknown key strategy",
		"fixed:":     "partition key is empty",
		"spread":     "unknown key strategy",
		"spread:":    "want a number of 1 to 256",
		"spread:x":   "want a number of 1 to 256",
		"spread:0":   "spread over 0 keys, want 1 to 256",
		"spread:-3":  "want 1 to 256",
		"spread:257": "want 1 to 256",
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestSpreadCoversEachPart(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8, 100, MaxSpread} {
		s, err := Spread(n)
		require.NoError(t, err)
		for _, device := range []string{"pi-7f3a", strings.Repeat("\U0001F321", 128), "", "a#1"} {
			parts := Even(n)
			seen := map[string]bool{}
			for i := range n {
				key := s.Key(device, uint64(i))
				require.NoError(t, CheckKey(key))
				require.True(t, strings.HasPrefix(key, device+"#"))
				require.True(t, parts[i].Contains(HashKey(key)), "key %d of %d: %s", i, n, key)
				require.Equal(t, key, s.Key(device, uint64(i)+uint64(n)*1e15))
				seen[key] = true
			}
			require.Len(t, seen, n)
		}
	}
}

// The keys are part of what is stored and sent: a record resent by a newer
// version must keep its key.
func TestSpreadKeysNeverChange(t *testing.T) {
	s, err := Spread(4)
	require.NoError(t, err)
	var got []string
	for seq := range uint64(4) {
		got = append(got, s.Key("pi-7f3a", seq))
	}
	require.Equal(t, []string{"pi-7f3a#7", "pi-7f3a#0", "pi-7f3a#6", "pi-7f3a#2"}, got)
}

func TestSpreadCacheIsBounded(t *testing.T) {
	s, err := Spread(MaxSpread)
	require.NoError(t, err)
	first := s.Key("device-0", 5)
	for i := range 50 {
		s.Key(fmt.Sprintf("device-%d", i), 0)
	}
	require.Len(t, s.(*spread).devices, maxSpreadKeys/MaxSpread)
	require.Equal(t, first, s.Key("device-0", 5))
}

func TestSpreadConcurrently(t *testing.T) {
	s, err := Spread(64)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 400 {
				device := fmt.Sprintf("d%d", (i*7+g)%100)
				if !strings.HasPrefix(s.Key(device, uint64(i)), device+"#") {
					t.Errorf("key of another device than %s", device)
				}
			}
		})
	}
	wg.Wait()
}

func TestStrategyAllocations(t *testing.T) {
	for _, text := range []string{"device", "fixed:site", "spread:16"} {
		s, err := Parse(text)
		require.NoError(t, err)
		seq := uint64(0)
		require.Zero(t, testing.AllocsPerRun(100, func() { s.Key("pi-7f3a", seq); seq++ }), text)
	}
}

func BenchmarkSpread(b *testing.B) {
	s, _ := Spread(16)
	b.ReportAllocs()
	for seq := uint64(0); b.Loop(); seq++ {
		s.Key("pi-7f3a", seq)
	}
}

func BenchmarkSpreadSearch256(b *testing.B) {
	for b.Loop() {
		spreadKeys("pi-7f3a", MaxSpread)
	}
}
