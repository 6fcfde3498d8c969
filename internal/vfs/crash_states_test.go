package vfs

import (
	"fmt"
	"maps"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGarbage(t *testing.T) {
	c := NewCrash()
	c.Garbage = true
	old := create(t, c, "old")
	write(t, old, filled('o', 2*PageSize), 0)
	require.NoError(t, old.Close())
	require.NoError(t, c.Remove("old"))
	f := create(t, c, "f")
	write(t, f, filled('a', PageSize), 0)
	require.NoError(t, f.Allocate(3*PageSize))
	require.NoError(t, f.Sync())
	require.NoError(t, c.SyncDir("."))
	require.Equal(t, "[a*8 .*16]", runs(read(t, c, "f")), "only a crash shows garbage")
	seen := map[string]bool{}
	for s := range c.Point().States(10, 1) {
		data := read(t, s, "f")
		require.Equal(t, filled('a', PageSize), data[:PageSize])
		seen[fmt.Sprint(runs(data[PageSize:2*PageSize]) == "[.*8]", runs(data[PageSize:2*PageSize]) == "[o*8]", runs(data[2*PageSize:]) == "[.*8]")] = true
	}
	require.Equal(t, []string{"false false false", "false true false", "true false true"}, slices.Sorted(maps.Keys(seen)))
}

func TestGarbageAndZerosWritten(t *testing.T) {
	c := NewCrash()
	c.Garbage = true
	f := create(t, c, "f")
	require.NoError(t, f.Allocate(PageSize))
	require.NoError(t, f.Sync())
	require.NoError(t, c.SyncDir("."))
	write(t, f, make([]byte, sectorSize), sectorSize) // the kernel writes the page
	var lost, kept, torn int
	zero := func(data []byte) bool { return string(data) == string(make([]byte, len(data))) }
	for s := range c.Point().States(1000, 1) {
		switch data := read(t, s, "f"); {
		case zero(data):
			kept++
		case zero(data[sectorSize : 2*sectorSize]):
			torn++
		default:
			lost++
		}
	}
	require.NotZero(t, lost)
	require.NotZero(t, torn)
	require.NotZero(t, kept)
	require.NoError(t, f.Sync())
	require.Equal(t, []string{"[.*8]"}, outcomes(c, 1000, content(t, "f")), "zeros that were synced are zeros")
}

func TestBoundAndSamples(t *testing.T) {
	c, f := durable(t, 14)
	write(t, f, filled('b', 14*PageSize), 0)
	list := func(max int, seed uint64) (seen []string) {
		for s := range c.Point().States(max, seed) {
			require.NotEmpty(t, s.String())
			seen = append(seen, content(t, "f")(s))
		}
		return seen
	}
	a := list(200, 1)
	require.Len(t, a, 200)
	require.Equal(t, a, list(200, 1), "the same seed")
	require.NotEqual(t, a, list(200, 2), "another seed")
	require.Equal(t, "[a*112]", a[0])
	require.Equal(t, "[b*112]", a[1])
	require.Contains(t, a, "[a*24 b*8 a*80]")
	require.Contains(t, a, "[b*24 a*8 b*80]")
	unique := slices.Compact(slices.Sorted(slices.Values(a)))
	require.Len(t, unique, 200, "each once")
	require.Empty(t, list(0, 1))
	for range c.Point().States(200, 1) {
		break // the loop may be left
	}
}

func TestCapacity(t *testing.T) {
	c := NewCrash()
	c.Capacity = 3 * PageSize
	f := create(t, c, "f")
	require.NoError(t, f.Allocate(2*PageSize))
	g := create(t, c, "g")
	write(t, g, []byte{1}, 0)
	free, err := c.Free(".")
	require.NoError(t, err)
	require.Zero(t, free)
	n, err := g.WriteAt(filled('b', 1), PageSize)
	require.Zero(t, n)
	require.True(t, NoSpace(err))
	write(t, f, filled('b', 2*PageSize), 0) // allocated
	require.NoError(t, f.Close())
	require.NoError(t, c.Remove("f"))
	write(t, g, filled('b', 1), PageSize)
	_, err = g.WriteAt([]byte{1}, maxFile)
	require.ErrorIs(t, err, syscall.EFBIG)
}
