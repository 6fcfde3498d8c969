package vfs

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Allocate takes the blocks, as far as the file system has them.
func TestAllocateTakesSpace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	probe, err := os.Create(name + ".probe")
	require.NoError(t, err)
	defer func() { _ = probe.Close() }()
	if unix.Fallocate(int(probe.Fd()), 0, 0, 1) != nil {
		t.Skip("this file system has no fallocate")
	}
	f := create(t, OS{}, name)
	require.NoError(t, f.Allocate(1<<20))
	info, err := os.Stat(name)
	require.NoError(t, err)
	st, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	require.GreaterOrEqual(t, int64(st.Blocks)*512, int64(1<<20))
	require.NoError(t, f.Close())
}
