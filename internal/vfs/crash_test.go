package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// filled returns n bytes of b.
func filled(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }

func create(t testing.TB, fsys FS, name string) File {
	t.Helper()
	f, err := fsys.Open(name, Create)
	require.NoError(t, err)
	return f
}

func write(t testing.TB, f File, data []byte, off int64) {
	t.Helper()
	n, err := f.WriteAt(data, off)
	require.NoError(t, err)
	require.Len(t, data, n)
}

// read returns the content of a file, nil if there is none.
func read(t testing.TB, fsys FS, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name, ReadOnly)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	size, err := f.Size()
	require.NoError(t, err)
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if !errors.Is(err, io.EOF) {
		require.NoError(t, err)
	}
	require.Len(t, data, n)
	require.NoError(t, f.Close())
	return data
}

// runs writes data as its runs of equal bytes, in sectors where it can:
// "a*2 b*6 .*8" is 2 sectors of a, 6 of b, a page of zeros.
func runs(data []byte) string {
	if data == nil {
		return "none"
	}
	var out []string
	for len(data) > 0 {
		n := 1
		for n < len(data) && data[n] == data[0] {
			n++
		}
		c := string(rune(data[0]))
		if data[0] == 0 {
			c = "."
		}
		if n%sectorSize == 0 {
			out = append(out, fmt.Sprintf("%s*%d", c, n/sectorSize))
		} else {
			out = append(out, fmt.Sprintf("%s:%d", c, n))
		}
		data = data[n:]
	}
	return fmt.Sprint(out)
}

// outcomes returns what each state looks like, without repetition, sorted.
func outcomes(c *Crash, max int, look func(*Crash) string) []string {
	seen := map[string]bool{}
	for s := range c.Point().States(max, 1) {
		seen[look(s)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

func names(t testing.TB, dir string) func(*Crash) string {
	return func(c *Crash) string {
		infos, err := c.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return "none"
		}
		require.NoError(t, err)
		out := []string{}
		for _, i := range infos {
			out = append(out, i.Name)
		}
		return fmt.Sprint(out)
	}
}

func content(t testing.TB, name string) func(*Crash) string {
	return func(c *Crash) string { return runs(read(t, c, name)) }
}

// durable returns a Crash that holds a durable file "f" of n pages of 'a'.
func durable(t testing.TB, pages int) (*Crash, File) {
	c := NewCrash()
	f := create(t, c, "f")
	write(t, f, filled('a', pages*PageSize), 0)
	require.NoError(t, f.Sync())
	require.NoError(t, c.SyncDir("."))
	return c, f
}

func TestSyncedStays(t *testing.T) {
	c, f := durable(t, 2)
	require.Equal(t, []string{"[a*16]"}, outcomes(c, 100, content(t, "f")))
	require.EqualValues(t, 1, c.Point().Combinations())
	write(t, f, filled('b', PageSize), PageSize)
	require.Equal(t, "[a*8 b*8]", runs(read(t, c, "f")))
	for s := range c.Point().States(1000, 1) {
		require.Equal(t, filled('a', PageSize), read(t, s, "f")[:PageSize], s)
	}
	require.NoError(t, f.Sync())
	require.Equal(t, []string{"[a*8 b*8]"}, outcomes(c, 100, content(t, "f")))
}

func TestUnsyncedIsLostKeptOrTorn(t *testing.T) {
	c, f := durable(t, 1)
	write(t, f, filled('b', 2*sectorSize), sectorSize)
	require.Equal(t, []string{"[a*1 b*1 a*6]", "[a*1 b*2 a*5]", "[a*2 b*1 a*5]", "[a*8]"}, outcomes(c, 100, content(t, "f")))

	// A second write to the page: any of three versions, torn between any two.
	write(t, f, filled('c', sectorSize), 2*sectorSize)
	require.Equal(t, []string{
		"[a*1 b*1 a*6]", "[a*1 b*1 c*1 a*5]", "[a*1 b*2 a*5]", "[a*2 b*1 a*5]", "[a*2 c*1 a*5]", "[a*8]",
	}, outcomes(c, 100, content(t, "f")))

	// Torn between two versions that were both not synced.
	c, f = durable(t, 1)
	write(t, f, filled('b', PageSize), 0)
	write(t, f, filled('c', 2*sectorSize), 0)
	require.Contains(t, outcomes(c, 1000, content(t, "f")), "[c*1 b*7]")

	// Each sector by itself: 2 to the 8 for a page, times 2 to the 4 for half of another.
	c, f = durable(t, 2)
	write(t, f, filled('b', PageSize), 0)
	require.EqualValues(t, 256, c.Point().Combinations())
	require.Len(t, outcomes(c, 256, content(t, "f")), 256)
	write(t, f, filled('b', PageSize/2), PageSize)
	require.EqualValues(t, 256*16, c.Point().Combinations())
	first := make([]byte, 2*sectors) // of each sector
	require.Len(t, outcomes(c, 256*16, func(s *Crash) string {
		g, err := s.Open("f", ReadOnly)
		require.NoError(t, err)
		for i := range first {
			_, _ = g.ReadAt(first[i:i+1], int64(i)*sectorSize)
		}
		return string(first)
	}), 256*16)
}

func TestSizeIsOldOrNew(t *testing.T) {
	c, f := durable(t, 1)
	write(t, f, filled('b', sectorSize), PageSize+sectorSize)
	require.NoError(t, f.Allocate(3*PageSize))
	require.NoError(t, f.Allocate(PageSize), "shorter: does nothing")
	require.Equal(t, []string{
		"[a*8 .*1 b*1 .*14]", "[a*8 .*1 b*1]", "[a*8 .*16]", "[a*8 .*2]", "[a*8]",
	}, outcomes(c, 100, content(t, "f")))

	// A page that is kept beyond the end does not come back when the file grows.
	c, f = durable(t, 0)
	write(t, f, filled('b', 100), 0)
	write(t, f, filled('c', 100), 100)
	for s := range c.Point().States(100, 1) {
		g, err := s.Open("f", ReadWrite)
		require.NoError(t, err)
		size, err := g.Size()
		require.NoError(t, err)
		require.NoError(t, g.Allocate(300))
		require.Equal(t, make([]byte, 300-size), read(t, s, "f")[size:], s)
	}
}

func TestNamesNeedSyncDir(t *testing.T) {
	c := NewCrash()
	require.NoError(t, c.Mkdir("d"))
	f := create(t, c, "d/f")
	write(t, f, filled('a', PageSize), 0)
	require.NoError(t, f.Sync())
	require.Equal(t, []string{"[a*8]", "none"}, outcomes(c, 100, content(t, "d/f")))
	require.NoError(t, c.SyncDir("d"))
	require.Equal(t, []string{"[f]", "none"}, outcomes(c, 100, names(t, "d")), "d itself is not durable")
	require.NoError(t, c.SyncDir("."))
	require.Equal(t, []string{"[a*8]"}, outcomes(c, 100, content(t, "d/f")))

	// A name made durable before the data holds what is durable: nothing.
	f = create(t, c, "d/g")
	write(t, f, filled('a', PageSize), 0)
	require.NoError(t, c.SyncDir("d"))
	require.Contains(t, outcomes(c, 1000, content(t, "d/g")), "[]")
	require.NotContains(t, outcomes(c, 1000, content(t, "d/g")), "none")
}

func TestRemovedMayComeBack(t *testing.T) {
	c, f := durable(t, 1)
	require.ErrorIs(t, c.Remove("f"), errOpen)
	require.ErrorIs(t, c.Rename("f", "g"), errOpen)
	require.NoError(t, f.Close())
	require.NoError(t, c.Remove("f"))
	require.Equal(t, []string{"[a*8]", "none"}, outcomes(c, 100, content(t, "f")))
	write(t, create(t, c, "f"), filled('b', sectorSize), 0)
	// The old file, none, or the new one with any of its size and data.
	require.Equal(t, []string{"[.*1]", "[]", "[a*8]", "[b*1]", "none"}, outcomes(c, 100, content(t, "f")))
	require.NoError(t, c.SyncDir("."))
	require.Equal(t, []string{"[.*1]", "[]", "[b*1]"}, outcomes(c, 100, content(t, "f")))
}

func TestRenameIsOldOrNew(t *testing.T) {
	c, f := durable(t, 1)
	require.NoError(t, f.Close())
	g := create(t, c, "g")
	write(t, g, filled('b', PageSize), 0)
	require.NoError(t, g.Sync())
	require.NoError(t, g.Close())
	require.NoError(t, c.Rename("g", "f"))
	both := func(c *Crash) string { return names(t, ".")(c) + content(t, "f")(c) }
	require.Equal(t, []string{"[f g][a*8]", "[f][a*8]", "[f][b*8]"}, outcomes(c, 100, both))
	require.NoError(t, c.SyncDir("."))
	require.Equal(t, []string{"[f][b*8]"}, outcomes(c, 100, both))

	// Between directories: both must be synced.
	require.NoError(t, c.Mkdir("q"))
	require.NoError(t, c.Rename("f", "q/f"))
	require.NoError(t, c.SyncDir("q"))
	tree := func(c *Crash) string { return names(t, ".")(c) + names(t, "q")(c) }
	require.Equal(t, []string{"[f q][]", "[f]none", "[q][f]"}, outcomes(c, 100, tree))
	require.NoError(t, c.SyncDir("."))
	require.Equal(t, []string{"[q][f]"}, outcomes(c, 100, tree))
}

func TestStatesAreIndependent(t *testing.T) {
	c, f := durable(t, 1)
	write(t, f, filled('b', sectorSize), 0)
	p := c.Point()
	look := func() (seen []string) {
		for s := range p.States(10, 1) {
			seen = append(seen, content(t, "f")(s))
		}
		return seen
	}
	require.Equal(t, []string{"[a*8]", "[b*1 a*7]"}, look())
	// Neither what the live one does next nor what a state does is seen in others.
	require.NoError(t, f.Sync())
	write(t, f, filled('c', PageSize), 0)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	require.NoError(t, c.Remove("f"))
	require.NoError(t, c.SyncDir("."))
	for s := range p.States(10, 1) {
		g, err := s.Open("f", ReadWrite)
		require.NoError(t, err)
		write(t, g, filled('d', PageSize), 0)
		// A crash inside recovery.
		require.Len(t, outcomes(s, 256, content(t, "f")), 256)
		require.NoError(t, g.Sync())
		require.NoError(t, g.Close())
		require.NoError(t, s.Rename("f", "g"))
		require.NoError(t, s.SyncDir("."))
		require.Equal(t, []string{"[d*8]"}, outcomes(s, 10, content(t, "g")))
	}
	require.Equal(t, []string{"[a*8]", "[b*1 a*7]"}, look())
}
