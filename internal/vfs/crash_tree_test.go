package vfs

import (
	"fmt"
	"math/rand/v2"
	"path"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// holdings returns how often each file, known by its first byte, is in the tree.
func holdings(t testing.TB, c *Crash) map[byte]int {
	held := map[byte]int{}
	var walk func(dir string)
	walk = func(dir string) {
		infos, err := c.ReadDir(dir)
		require.NoError(t, err)
		for _, i := range infos {
			if i.Dir {
				walk(path.Join(dir, i.Name))
				continue
			}
			held[read(t, c, path.Join(dir, i.Name))[0]]++
		}
	}
	walk("/")
	return held
}

// Random creates, renames, removals and syncs of directories: in each state of
// each point, a file is in one place at most; it is in one if it was durable and
// neither removed nor replaced since; it is in none if that is durable.
func TestFilesAreInOnePlace(t *testing.T) {
	states := 0
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		c := NewCrash()
		require.NoError(t, MkdirAll(c, "d"))
		require.NoError(t, MkdirAll(c, "e"))
		places := []string{"d/x", "d/y", "e/x", "e/y"}
		dirs := []string{"d", "e"}
		at := map[string]byte{}     // what is where
		certain := map[byte]bool{}  // there in all states
		possible := map[byte]bool{} // there in some state
		next := byte(0)
		for range 60 {
			a, b := places[rng.IntN(4)], places[rng.IntN(4)]
			_, taken := at[a]
			switch rng.IntN(5) {
			case 0, 1:
				if taken {
					continue
				}
				next++
				f := create(t, c, a)
				write(t, f, []byte{next}, 0)
				require.NoError(t, f.Sync())
				require.NoError(t, f.Close())
				at[a], possible[next] = next, true
			case 2:
				if !taken || a == b {
					continue
				}
				require.NoError(t, c.Rename(a, b))
				delete(certain, at[b])
				at[b] = at[a]
				delete(at, a)
			case 3:
				if !taken {
					continue
				}
				require.NoError(t, c.Remove(a))
				delete(certain, at[a])
				delete(at, a)
			case 4:
				if rng.IntN(2) == 0 { // of what this makes durable nothing is asked here
					require.NoError(t, c.SyncDir(dirs[rng.IntN(2)]))
					continue
				}
				for _, d := range dirs {
					require.NoError(t, c.SyncDir(d))
				}
				certain, possible = map[byte]bool{}, map[byte]bool{}
				for _, id := range at {
					certain[id], possible[id] = true, true
				}
			}
			killed := map[byte]int{}
			for _, id := range at {
				killed[id] = 1
			}
			require.Equal(t, killed, holdings(t, c.Point().Killed()))
			for s := range c.Point().States(100, seed) {
				states++
				held := holdings(t, s)
				for id := range certain {
					require.Equal(t, 1, held[id], "file %d: %s", id, s)
				}
				for id, n := range held {
					require.Equal(t, 1, n, "file %d: %s", id, s)
					require.True(t, possible[id], "file %d: %s", id, s)
				}
			}
		}
	}
	require.Greater(t, states, 5000)
}

func TestDirectories(t *testing.T) {
	c := NewCrash()
	require.NoError(t, MkdirAll(c, "d"))
	f := create(t, c, "d/f")
	require.Error(t, c.Remove("d"), "not empty")
	require.NoError(t, f.Close())
	require.NoError(t, c.SyncDir("d"))
	require.NoError(t, c.Remove("d/f"))
	require.NoError(t, c.Remove("d"))
	// The directory goes only after the file in it.
	require.Equal(t, []string{"[]", "[f]", "none"}, outcomes(c, 10, names(t, "d")))
	require.Error(t, c.Remove("/"))
	require.Error(t, c.Rename("d", "e"))
	require.NoError(t, c.SyncDir("/"))
	require.Equal(t, []string{"none"}, outcomes(c, 10, names(t, "d")))
}

func TestKilledIsNotDurable(t *testing.T) {
	c, f := durable(t, 1)
	lock, err := c.Lock("LOCK")
	require.NoError(t, err)
	_, err = c.Lock("LOCK")
	require.ErrorIs(t, err, ErrLocked)
	write(t, f, filled('b', sectorSize), 0)
	write(t, create(t, c, "g"), filled('g', sectorSize), 0)
	p := c.Point()
	k := p.Killed()
	write(t, f, filled('c', sectorSize), 0)
	require.NoError(t, f.Sync())
	require.NoError(t, c.SyncDir("."))

	require.Equal(t, "[b*1 a*7]", content(t, "f")(k))
	require.Equal(t, "[g*1]", content(t, "g")(k))
	require.Equal(t, []string{"[a*8]", "[b*1 a*7]"}, outcomes(k, 1000, content(t, "f")), "as before the kill")
	require.Equal(t, []string{"[.*1]", "[]", "[g*1]", "none"}, outcomes(k, 1000, content(t, "g")))
	again, err := k.Lock("LOCK")
	require.NoError(t, err, "the lock is free")
	require.NoError(t, again.Close())
	require.Error(t, again.Close())
	require.NoError(t, k.Rename("f", "h"), "no file is open")

	// What was unsynced before the kill is covered by a Sync after it.
	h, err := k.Open("h", ReadWrite)
	require.NoError(t, err)
	require.NoError(t, h.Sync())
	require.NoError(t, k.SyncDir("."))
	require.Equal(t, []string{"[b*1 a*7]"}, outcomes(k, 1000, content(t, "h")))
	require.Equal(t, "[b*1 a*7]", content(t, "f")(p.Killed()), "another one")
	require.NoError(t, lock.Close())
}

func TestKilledDoesNotSeeLaterSyncs(t *testing.T) {
	c, f := durable(t, 1)
	require.NoError(t, f.Close())
	require.NoError(t, MkdirAll(c, "q"))
	require.NoError(t, c.Rename("f", "q/f"))
	p := c.Point()
	require.NoError(t, c.SyncDir("q"))
	for _, first := range []string{"q", "."} {
		k := p.Killed()
		require.NoError(t, k.SyncDir(first))
		require.Equal(t, []string{"[]", "[f]"}, outcomes(k, 10, names(t, "q")), "only one of two is synced")
		require.NoError(t, k.SyncDir("q"))
		require.NoError(t, k.SyncDir("."))
		require.Equal(t, []string{"[f]"}, outcomes(k, 10, names(t, "q")))
	}
}

func TestKilledAndLiveWriteApart(t *testing.T) {
	c, f := durable(t, 1)
	for _, b := range []byte("bcdef") {
		write(t, f, filled(b, PageSize), 0)
		k := c.Point().Killed()
		g, err := k.Open("f", ReadWrite)
		require.NoError(t, err)
		write(t, f, filled('x', PageSize), 0)
		write(t, g, filled('y', PageSize), 0)
		require.Equal(t, "[x*8]", content(t, "f")(c))
		require.Equal(t, "[y*8]", content(t, "f")(k))
	}
}

// A point is explored in parallel, while the Crash goes on.
func TestConcurrentUse(t *testing.T) {
	c, f := durable(t, 4)
	write(t, f, filled('b', 2*PageSize), 0)
	p := c.Point()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				_, _ = f.WriteAt(filled('c', PageSize), int64(i)*PageSize)
				_ = f.Sync()
				_ = c.Mkdir(fmt.Sprint("d", i))
				_ = c.SyncDir(".")
				for s := range c.Point().States(20, 1) {
					_ = s.SyncDir(".")
				}
			}
		})
		wg.Go(func() {
			for s := range p.States(200, uint64(i)) {
				if data := read(t, s, "f"); string(data[2*PageSize:]) != string(filled('a', 2*PageSize)) {
					t.Error("a synced page is not as it was: ", s)
				}
			}
			_ = p.Killed().Mkdir("d")
		})
	}
	wg.Wait()
}
