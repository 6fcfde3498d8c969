package vfs

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every crash point of WriteFile, and in every state of it every crash point of
// the WriteFile after it: the old content, or the new, never another.
func TestWriteFileSurvivesCrashes(t *testing.T) {
	for _, garbage := range []bool{false, true} {
		states := 0
		explore(t, newCrash(garbage), "FORMAT", filled('a', 600), map[string]bool{"none": true}, func(s *Crash, allowed map[string]bool) {
			explore(t, s, "FORMAT", filled('b', 5000), allowed, func(s *Crash, _ map[string]bool) {
				states++
				require.NoError(t, WriteFile(s, "FORMAT", []byte("end")), s)
				require.Equal(t, []string{runs([]byte("end"))}, outcomes(s, 100, content(t, "FORMAT")))
			})
		})
		require.Greater(t, states, 400)
	}
}

func newCrash(garbage bool) *Crash {
	c := NewCrash()
	c.Garbage = garbage
	return c
}

// explore runs WriteFile on c and calls next with each state of each point.
func explore(t *testing.T, c *Crash, name string, data []byte, before map[string]bool, next func(*Crash, map[string]bool)) {
	points := []*Point{c.Point()}
	c.OnCall = func(Call) { points = append(points, c.Point()) }
	require.NoError(t, WriteFile(c, name, data))
	c.OnCall = nil
	for _, p := range points {
		for s := range p.States(40, 1) {
			got := content(t, name)(s)
			require.True(t, before[got] || got == runs(data), "%s: %s", s, got)
			next(s, map[string]bool{got: true})
		}
	}
	after := outcomes(c, 100, content(t, name))
	require.Equal(t, []string{runs(data)}, after, "it is durable")
}

func TestMkdirAllIsDurable(t *testing.T) {
	c := NewCrash()
	require.NoError(t, c.Mkdir("a")) // by somebody who was killed before SyncDir
	require.NoError(t, MkdirAll(c, "a/b/c/d"))
	require.Equal(t, []string{"[d]"}, outcomes(c, 100, names(t, "a/b/c")))
	require.NoError(t, MkdirAll(c, "a/b"))
	require.NoError(t, MkdirAll(c, "/"))
	require.NoError(t, MkdirAll(c, "."))
	require.NoError(t, create(t, c, "file").Close())
	require.ErrorIs(t, MkdirAll(c, "file/x"), syscall.ENOTDIR)

	// Each failing call is reported, but for a parent that must not be synced.
	for k := 1; ; k++ {
		for _, kind := range []error{syscall.EIO, syscall.EACCES} {
			f := NewFault(NewCrash(), Plan{Call: k, Err: kind})
			err := MkdirAll(f, "x/y")
			if len(f.Hits()) == 0 {
				require.Equal(t, 5, k)
				require.NoError(t, MkdirAll(NewFault(c, Plan{Call: 2, Err: syscall.EACCES}), "a"))
				require.NoError(t, MkdirAll(NewFault(c, Plan{Call: 2, Err: syscall.EROFS}), "a"))
				require.ErrorIs(t, MkdirAll(NewFault(c, Plan{Call: 2}), "a"), syscall.EIO)
				return
			}
			require.ErrorIs(t, err, kind, fmt.Sprint(f.Hits()))
		}
	}
}

func TestWriteFileReportsEveryFault(t *testing.T) {
	dry := NewFault(NewCrash(), Plan{Match: anyCall})
	require.NoError(t, WriteFile(dry, "f", []byte("x")))
	for k := 2; k <= dry.Calls(); k++ { // the first is the Remove of what is not there
		f := NewFault(NewCrash(), Plan{Call: k, Match: anyCall})
		require.ErrorIs(t, WriteFile(f, "f", []byte("x")), syscall.EIO, fmt.Sprint(f.Hits()))
		_, err := f.Open("f.tmp", ReadOnly)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NoError(t, WriteFile(f, "f", []byte("x")))
	}
}
