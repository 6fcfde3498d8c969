package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func datasync(f *os.File) error {
	return pathError("fdatasync", f.Name(), control(f, unix.Fdatasync))
}

// NextData returns the offset of the next byte from off on that may have been written;
// what is between reads as zeros. It is the size if there is none, and off if the file
// system does not tell.
func (f osFile) NextData(off int64) int64 {
	next := off
	_ = control(f.f, func(fd int) error {
		at, err := unix.Seek(fd, off, unix.SEEK_DATA)
		switch {
		case err == nil:
			next = max(off, at)
		case errors.Is(err, unix.ENXIO): // there is none
			if size, serr := f.Size(); serr == nil {
				next = max(off, size)
			}
		}
		return nil
	})
	return next
}

// allocate is given a size above that of the file.
func allocate(f *os.File, size int64) error {
	err := control(f, func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return f.Truncate(size)
	}
	return pathError("fallocate", f.Name(), err)
}
