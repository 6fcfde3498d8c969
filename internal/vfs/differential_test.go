package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCrashLooksLikeOS does the same random operations with both, and wants the
// same to be seen: results, listings, bytes, and errors as far as users of the
// package tell them apart.
func TestCrashLooksLikeOS(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 0))
			crash := NewCrash()
			crash.Garbage = seed%2 == 0
			sides := [2]*side{{fsys: OS{}, root: t.TempDir()}, {fsys: NewFault(crash, Plan{}), root: "r"}}
			require.NoError(t, MkdirAll(crash, "r"))
			for step := range 300 {
				op, a, b := rng.IntN(13), rng.IntN(6), rng.IntN(6)
				off, n := rng.Int64N(3*PageSize), rng.IntN(2*PageSize)
				if rng.IntN(2) == 0 {
					off, n = off/PageSize*PageSize, n/PageSize*PageSize
				}
				fill := byte(rng.IntN(4))
				x := sides[0].step(op, a, b, off, n, fill)
				y := sides[1].step(op, a, b, off, n, fill)
				require.Equal(t, x, y, "step %d: op %d of %s and %s, %d bytes at %d", step, op, pathNames[a], pathNames[b], n, off)
				// A cut with nothing unsynced changes nothing that is seen.
				if step%50 == 49 {
					sides[1].cut(t, crash)
				}
			}
		})
	}
}

var pathNames = [...]string{"f", "g", "d", "d/f", "d/g", "d/d"}

// side is one of the two file systems. It has one file open at most.
type side struct {
	fsys FS
	root string
	file File
}

func (s *side) step(op, a, b int, off int64, n int, fill byte) string {
	name, to := filepath.Join(s.root, pathNames[a]), filepath.Join(s.root, pathNames[b])
	f := s.file
	if f == nil && op >= 6 && op <= 10 {
		op = 0
	}
	switch op {
	case 0, 1, 2: // open, after which close
		s.close()
		if name == filepath.Join(s.root, "d") || a == 5 {
			return "directories are not opened"
		}
		var err error
		s.file, err = s.fsys.Open(name, Mode(op))
		if err != nil {
			s.file = nil
		}
		return class(err)
	case 3:
		s.close()
		if a == 2 || a == 5 || b == 2 || b == 5 {
			return "directories are not renamed"
		}
		return class(s.fsys.Rename(name, to))
	case 4:
		s.close()
		return class(s.fsys.Remove(name))
	case 5:
		if a != 2 && a != 5 {
			return "files are not made directories"
		}
		return class(s.fsys.Mkdir(name))
	case 6, 7:
		k, err := f.WriteAt(filled(fill, n), off)
		return fmt.Sprint(k, class(err))
	case 8:
		buf := make([]byte, n)
		k, err := f.ReadAt(buf, off)
		return fmt.Sprint(k, class(err), runs(buf[:k]))
	case 9:
		err := f.Allocate(off)
		size, serr := f.Size()
		return fmt.Sprint(class(err), size, class(serr))
	case 10:
		return class(f.Sync())
	case 11:
		return class(s.fsys.SyncDir(filepath.Dir(name)))
	}
	infos, err := s.fsys.ReadDir(filepath.Dir(name))
	return fmt.Sprint(infos, class(err))
}

func (s *side) close() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}

// cut makes all of crash durable and compares it with its only state.
func (s *side) cut(t *testing.T, crash *Crash) {
	var walk func(fsys FS, dir string, visit func(string))
	walk = func(fsys FS, dir string, visit func(string)) {
		require.NoError(t, crash.SyncDir(dir))
		infos, err := fsys.ReadDir(dir)
		require.NoError(t, err)
		for _, i := range infos {
			name := filepath.Join(dir, i.Name)
			if i.Dir {
				walk(fsys, name, visit)
			} else {
				visit(name)
			}
		}
	}
	require.NoError(t, crash.SyncDir("."))
	seen := map[string]string{}
	walk(crash, s.root, func(name string) {
		f, err := crash.Open(name, ReadOnly)
		require.NoError(t, err)
		require.NoError(t, f.Sync())
		require.NoError(t, f.Close())
		seen[name] = runs(read(t, crash, name))
	})
	n := 0
	for state := range crash.Point().States(1, 0) {
		n++
		after := map[string]string{}
		walk(state, s.root, func(name string) { after[name] = runs(read(t, state, name)) })
		require.Equal(t, seen, after)
	}
	require.Equal(t, 1, n)
}

// class is what users tell apart of an error.
func class(err error) string {
	for _, kind := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrClosed, io.EOF} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	if err != nil {
		return "error"
	}
	return "ok"
}
