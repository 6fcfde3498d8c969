package md5sum

import (
	"crypto/fips140"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSum: for every length of a last block, and some longer ones, ours is that of crypto/md5.
func TestSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		b := make([]byte, n*(1+n%7))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if !fips140.Enabled() {
			require.Equal(t, md5.Sum(b), sum(b), "%d bytes", len(b))
		}
		require.Equal(t, sum(b), Sum(b))
	}
	// RFC 1321 section A.5.
	for text, want := range map[string]string{"": "d41d8cd98f00b204e9800998ecf8427e", "abc": "900150983cd24fb0d6963f7d28e17f72",
		"12345678901234567890123456789012345678901234567890123456789012345678901234567890": "57edf4a22be3c955ac49da2e2107b67a"} {
		require.Equal(t, want, fmt.Sprintf("%x", sum([]byte(text))))
	}
	b := make([]byte, 1000)
	require.Zero(t, testing.AllocsPerRun(10, func() { sum(b) }))
}
