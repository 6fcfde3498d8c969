//go:build linux || darwin

package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

var (
	noSpace  = []error{syscall.ENOSPC, syscall.EDQUOT}
	readOnly = []error{syscall.EROFS}
)

const (
	openSafely = unix.O_NOFOLLOW | unix.O_NONBLOCK // of a pipe there may be no other end
	openDir    = unix.O_DIRECTORY | unix.O_NONBLOCK
)

// links returns how many names a file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

func trust(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	untrusted := func(format string, args ...any) error {
		return pathError("open", dir, fmt.Errorf("%w: "+format, append([]any{ErrUntrusted}, args...)...))
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return untrusted("it is %w", errLink)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return untrusted("it belongs to user %d, and this process is of user %d: chown it, or use a directory of its own", st.Uid, os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return untrusted("its mode is %#o: chmod go-w %s (on FAT, mount it with umask=022)", mode, dir)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.OpenFile(dir, os.O_RDONLY|openDir, 0)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // the file system can't: some network and FUSE ones
	}
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

// tryLock returns ErrLocked if another open file has the lock.
func tryLock(f *os.File) error {
	err := control(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// tryShared takes the lock together with whoever else asks, or returns ErrLocked.
func tryShared(f *os.File) error {
	err := control(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

func free(dir string) (int64, error) {
	var st unix.Statfs_t
	err := retry(func() error { return unix.Statfs(dir, &st) })
	if err != nil {
		return 0, pathError("statfs", dir, err)
	}
	blocks, size := st.Bavail, uint64(st.Bsize)
	if size != 0 && blocks > math.MaxInt64/size {
		return math.MaxInt64, nil
	}
	return int64(blocks * size), nil
}

// control calls f with the descriptor of file, which stays open meanwhile, again
// while signals interrupt it.
func control(file *os.File, f func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	err = conn.Control(func(fd uintptr) {
		ferr = retry(func() error { return f(int(fd)) })
	})
	if err != nil { // its only reason, which it calls by another name
		return os.ErrClosed
	}
	return ferr
}

func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
