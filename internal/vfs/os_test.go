package vfs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const lockEnv = "VFS_TEST_LOCK"

// TestMain is also the second process of TestLockAgainstAProcess: it takes the
// lock, says so, and holds it until its input ends or it is killed.
func TestMain(m *testing.M) {
	if name := os.Getenv(lockEnv); name != "" {
		if _, err := (OS{}).Lock(name); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestLockAgainstAProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lockEnv+"="+name)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked\n", line)

	_, err = OS{}.Lock(name)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	require.ErrorIs(t, err, ErrLocked)
	require.Equal(t, cmd.Process.Pid, locked.PID)
	require.Contains(t, err.Error(), strconv.Itoa(cmd.Process.Pid))
	require.Contains(t, err.Error(), name)

	// A process that is killed leaves no lock behind.
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	_ = stdin.Close()
	lock, err := OS{}.Lock(name)
	require.NoError(t, err)
	_, err = OS{}.Lock(name) // nor is there a second one in this process
	require.ErrorAs(t, err, &locked)
	require.Equal(t, os.Getpid(), locked.PID)

	require.NoError(t, os.WriteFile(name, []byte("junk"), 0o600))
	_, err = OS{}.Lock(name)
	require.ErrorAs(t, err, &locked)
	require.Zero(t, locked.PID)
	require.Contains(t, err.Error(), "no process id")
	require.NoError(t, lock.Close())
	require.FileExists(t, name)
}

func TestOS(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	fsys := OS{}
	require.NoError(t, MkdirAll(fsys, dir))
	require.NoError(t, MkdirAll(fsys, dir))
	name := filepath.Join(dir, "f")
	_, err := fsys.Open(name, ReadOnly)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = fsys.Open(name, 9)
	require.ErrorIs(t, err, fs.ErrInvalid)
	f := create(t, fsys, name)
	_, err = fsys.Open(name, Create)
	require.ErrorIs(t, err, fs.ErrExist)
	require.NoError(t, f.Allocate(1<<20))
	require.NoError(t, f.Allocate(1<<19))
	write(t, f, filled('a', PageSize), PageSize)
	require.NoError(t, f.Sync())
	require.NoError(t, fsys.SyncDir(dir))
	size, err := f.Size()
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, size)
	if runtime.GOOS != "windows" {
		for path, mode := range map[string]fs.FileMode{name: 0o600, dir: 0o700, filepath.Dir(dir): 0o700} {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode().Perm(), path)
		}
	}
	require.NoError(t, f.Close())
	require.ErrorIs(t, f.Sync(), fs.ErrClosed)
	require.Error(t, f.Allocate(2<<20))

	free, err := fsys.Free(dir)
	require.NoError(t, err)
	require.Positive(t, free)
	_, err = fsys.Free(filepath.Join(dir, "none"))
	require.Error(t, err)
	require.NoError(t, WriteFile(fsys, filepath.Join(dir, "g"), []byte("one")))
	require.NoError(t, WriteFile(fsys, filepath.Join(dir, "g"), []byte("two")))
	infos, err := fsys.ReadDir(dir)
	require.NoError(t, err)
	require.Equal(t, []Info{{Name: "f", Size: 1 << 20}, {Name: "g", Size: 3}}, infos)
	require.Error(t, MkdirAll(fsys, filepath.Join(name, "sub")), "under a file")
}

func TestErrorKinds(t *testing.T) {
	for _, err := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		require.True(t, NoSpace(pathError("write", "f", err)))
		require.False(t, ReadOnlyFS(err))
	}
	require.True(t, ReadOnlyFS(pathError("open", "f", syscall.EROFS)))
	require.False(t, NoSpace(syscall.EIO))
	require.False(t, NoSpace(nil))
	require.False(t, errors.Is(pathError("open", "f", nil), fs.ErrInvalid))
}
