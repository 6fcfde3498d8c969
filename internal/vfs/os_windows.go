package vfs

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// The E… are inventions of package syscall, for errors made by Fault.
var (
	noSpace = []error{
		windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED,
		windows.ERROR_NOT_ENOUGH_QUOTA, syscall.ENOSPC, syscall.EDQUOT,
	}
	readOnly = []error{windows.ERROR_WRITE_PROTECT, syscall.EROFS}
)

// Here a directory belongs to whom its parent's access list says, and a link takes
// a right of its own to make: neither is looked at.
const (
	openSafely = 0
	openDir    = 0
)

func links(fs.FileInfo) uint64 { return 1 }

func trust(string) error { return nil }

// tryShared takes the lock together with whoever else asks, or returns ErrLocked.
func tryShared(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: math.MaxInt32}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return err
}

// syncDir does nothing: Windows has no call for it. NTFS keeps its own journal.
func syncDir(string) error { return nil }

// tryLock returns ErrLocked if another handle has the lock. It locks one byte far
// beyond the end, since a locked byte could not be read by who finds it locked.
func tryLock(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: math.MaxInt32}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return err
}

func free(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, pathError("GetDiskFreeSpaceEx", dir, err)
	}
	var avail uint64
	if err := windows.GetDiskFreeSpaceEx(name, &avail, nil, nil); err != nil {
		return 0, pathError("GetDiskFreeSpaceEx", dir, err)
	}
	return int64(min(avail, math.MaxInt64)), nil
}
