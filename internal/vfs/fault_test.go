package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// work is a small workload that uses every method; it stops at the first error.
func work(fsys FS, dir string) (err error) {
	name := func(n string) string { return filepath.Join(dir, n) }
	step := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	step(func() error { return fsys.Mkdir(dir) })
	step(func() error {
		lock, err := fsys.Lock(name("LOCK"))
		if err == nil {
			err = lock.Close()
		}
		return err
	})
	step(func() error { _, err := fsys.Free(dir); return err })
	step(func() error {
		f, err := fsys.Open(name("f"), Create)
		if err != nil {
			return err
		}
		err = f.Allocate(2 * PageSize)
		if err == nil {
			_, err = f.WriteAt(filled('a', PageSize), 0)
		}
		if err == nil {
			err = f.Sync()
		}
		if err == nil {
			_, err = f.ReadAt(make([]byte, 1), 0)
		}
		if err == nil {
			_, err = f.Size()
		}
		return errors.Join(err, f.Close())
	})
	step(func() error { return fsys.SyncDir(dir) })
	step(func() error { return fsys.Rename(name("f"), name("g")) })
	step(func() error {
		f, err := fsys.Open(name("g"), ReadWrite)
		if err != nil {
			return err
		}
		return f.Close()
	})
	step(func() error { return fsys.Remove(name("g")) })
	step(func() error { _, err := fsys.ReadDir(dir); return err })
	return err
}

func anyCall(Call) bool { return true }

func TestFaultAtEveryCall(t *testing.T) {
	ops := map[string]bool{}
	for _, match := range []func(Call) bool{nil, anyCall} {
		dry := NewFault(OS{}, Plan{Match: match})
		require.NoError(t, work(dry, filepath.Join(t.TempDir(), "d")))
		require.Empty(t, dry.Hits())
		require.Equal(t, map[bool]int{true: 9, false: 16}[match == nil], dry.Calls())
		for _, kind := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT} {
			for k := 1; k <= dry.Calls(); k++ {
				for _, plan := range []Plan{{}, {Sticky: true}, {Short: true}, {Done: true}, {Drop: true}} {
					plan.Call, plan.Err, plan.Match = k, kind, match
					f := NewFault(NewCrash(), plan)
					err := work(f, "d")
					require.ErrorIs(t, err, kind, "call %d", k)
					hit := f.Hits()[0]
					require.Equal(t, k, hit.N)
					var path *fs.PathError
					require.ErrorAs(t, err, &path)
					require.Equal(t, path.Op, string(hit.Op))
					require.Equal(t, path.Path, hit.Name)
					ops[string(hit.Op)] = true
				}
			}
		}
	}
	require.Len(t, ops, 15, "every operation was hit: %v", ops)
}

func TestFaultOnceOrForGood(t *testing.T) {
	c := NewCrash()
	f := NewFault(c, Plan{Call: 2})
	require.NoError(t, f.Mkdir("a"))
	require.ErrorIs(t, f.Mkdir("b"), syscall.EIO)
	require.NoError(t, f.Mkdir("b"), "had no effect")
	f.Set(Plan{Call: 2, Sticky: true, Err: syscall.EROFS})
	require.NoError(t, f.Mkdir("c"))
	require.ErrorIs(t, f.Mkdir("d"), syscall.EROFS)
	require.ErrorIs(t, f.Mkdir("d"), syscall.EROFS)
	f.Set(Plan{})
	require.NoError(t, f.Mkdir("d"))
	f.Set(Plan{Call: 1, Done: true, Match: func(c Call) bool { return c.Op == OpMkdir }})
	require.NoError(t, f.SyncDir("."))
	require.Error(t, f.Mkdir("e"))
	require.ErrorIs(t, f.Mkdir("e"), fs.ErrExist, "was done")
	require.Equal(t, "[2: mkdir b 2: mkdir d 3: mkdir d 1: mkdir e]", fmt.Sprint(f.Hits()))
}

func TestFaultShortWrite(t *testing.T) {
	c, file := durable(t, 1)
	require.NoError(t, file.Close())
	f := NewFault(c, Plan{Call: 1, Short: true, Err: syscall.ENOSPC})
	g, err := f.Open("f", ReadWrite)
	require.NoError(t, err)
	n, err := g.WriteAt(filled('b', PageSize), 0)
	require.True(t, NoSpace(err))
	require.Equal(t, PageSize/2, n)
	require.Equal(t, "[b*4 a*4]", runs(read(t, c, "f")))
}

func TestFaultDropsWhatAFailedSyncDidNotWrite(t *testing.T) {
	c, file := durable(t, 1)
	require.NoError(t, file.Close())
	f := NewFault(c, Plan{Call: 2, Drop: true, Match: func(c Call) bool { return c.Op == OpSync }})
	g, err := f.Open("f", ReadWrite)
	require.NoError(t, err)
	write(t, g, filled('b', sectorSize), 0)
	require.NoError(t, g.Sync())
	write(t, g, filled('c', 2*sectorSize), 0)
	write(t, g, filled('d', 2*sectorSize), sectorSize)
	write(t, g, filled('e', PageSize), PageSize)
	require.ErrorIs(t, g.Sync(), syscall.EIO)
	require.NoError(t, g.Sync(), "it lies")
	require.Equal(t, "[b*1 a*7 .*8]", runs(read(t, c, "f")))
	require.Equal(t, []string{"[b*1 a*7 .*8]"}, outcomes(c, 100, content(t, "f")))
	write(t, g, filled('f', PageSize), 0)
	require.NoError(t, g.Sync())
	require.Equal(t, []string{"[f*8 .*8]"}, outcomes(c, 100, content(t, "f")))
}
