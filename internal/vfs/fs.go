package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// PageSize is the unit in bytes in which file systems keep and lose data.
// Blocks padded to it never share a page with a block synced before.
const PageSize = 4096

// FS is a file system. Names are as for package os. Its errors are
// *fs.PathError, *os.LinkError or *LockedError, and fs.ErrNotExist,
// fs.ErrExist, NoSpace and ReadOnlyFS tell them apart. All methods may be
// called concurrently.
type FS interface {
	// Open opens the file called name.
	Open(name string, mode Mode) (File, error)

	// Mkdir makes a directory for the owner only, in one that exists. The error
	// matches fs.ErrExist if the name is taken. See MkdirAll.
	Mkdir(dir string) error

	// ReadDir lists a directory, sorted by name.
	ReadDir(dir string) ([]Info, error)

	// Rename moves a file to another name, also in another directory, and
	// replaces a file there. Neither file may be open: Windows refuses it.
	Rename(from, to string) error

	// Remove removes a file that is not open, or an empty directory.
	Remove(name string) error

	// SyncDir makes the names in dir durable: files and directories created in
	// it, renamed into or out of it, removed from it. It does nothing on Windows,
	// and on file systems that have no such call, where one must hope.
	SyncDir(dir string) error

	// Lock takes a lock that no second holder gets, in this process or another,
	// until it is closed or the process ends, however it ends. It creates the
	// file called name if need be, writes the process id there as far as the disk
	// allows, and leaves the file where it is on Close. The error is a
	// *LockedError if another holds the lock.
	Lock(name string) (io.Closer, error)

	// Free returns how many more bytes this user may store on the file system
	// that holds dir. It is cheap, and out of date when it returns.
	Free(dir string) (int64, error)
}

// File is an open file. ReadAt and WriteAt are those of io.ReaderAt and
// io.WriterAt; all methods may be called concurrently.
type File interface {
	io.ReaderAt
	io.WriterAt

	// Sync makes all bytes written durable, and the size: fdatasync where there
	// is one, which leaves out times but not what is needed to read the data back;
	// F_FULLFSYNC on darwin; FlushFileBuffers on Windows. A new file also needs
	// SyncDir. After an error never trust Sync on this file again.
	Sync() error

	// Allocate makes the file at least size bytes long, of zeros where nothing was
	// written. On Linux it takes the space from the disk, so that writing there
	// does not fail for want of it; on copy-on-write file systems (btrfs, ZFS, f2fs
	// in parts), on file systems without fallocate, and on other systems it only
	// sets the size. It never makes a file shorter. After an error the size
	// may be anything from the old to the new. Durable after Sync.
	Allocate(size int64) error

	// Size returns the length of the file in bytes.
	Size() (int64, error)

	// Close releases the file. It does not sync.
	Close() error
}

// Mode says how Open opens a file.
type Mode uint8

// The modes. None truncates.
const (
	ReadOnly  Mode = iota // a file that exists, for ReadAt
	ReadWrite             // a file that exists, for ReadAt and WriteAt
	Create                // a new one, as ReadWrite, for the owner only; fs.ErrExist if the name is taken
)

// Info is an entry of a directory.
type Info struct {
	Name string // without the directory
	Size int64  // in bytes; 0 for what is not a regular file
	Dir  bool   // it is a directory
	Odd  bool   // it is neither that nor a regular file: a link, a pipe, a socket, a device
}

// ErrLocked is matched by the errors of Lock that mean: somebody else has it.
var ErrLocked = errors.New("locked by another process")

// LockedError is the error of Lock when another holds the lock.
type LockedError struct {
	Path string // the lock file
	PID  int    // the holder's process id as it wrote it; 0: not known
}

// Error names the lock file and the process to look for.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("lock %s: held by another process, which left no process id", e.Path)
	}
	return fmt.Sprintf("lock %s: held by process %d", e.Path, e.PID)
}

// Unwrap returns ErrLocked.
func (e *LockedError) Unwrap() error { return ErrLocked }

// NoSpace reports whether err means that the disk or the user's quota on it is
// full: ENOSPC, EDQUOT and what Windows says instead.
func NoSpace(err error) bool { return isAny(err, noSpace) }

// ReadOnlyFS reports whether err means that the file system is, or has become,
// read-only: EROFS and what Windows says instead.
func ReadOnlyFS(err error) bool { return isAny(err, readOnly) }

func isAny(err error, errs []error) bool {
	for _, e := range errs {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
