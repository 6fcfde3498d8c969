package main

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// tryShared tells whether nobody has locked f, by locking it for the moment until
// it is closed, together with whoever else asks. The byte is the one that the
// producer locks.
func tryShared(f *os.File) (free bool, err error) {
	at := &windows.Overlapped{OffsetHigh: math.MaxInt32}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}
