package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// OS is the file system of the operating system, through package os. Files it
// creates have mode 0600, directories 0700. Nothing but regular files is opened, and
// no symbolic link followed in the last part of a name, so that a directory from
// anywhere can neither make a reader wait for ever nor a writer write elsewhere.
// Its zero value is ready for use.
type OS struct{}

// Errors of OS.
var (
	ErrNotRegular = errors.New("not a regular file with one name: a link, a pipe, a device or a directory; remove it")
	ErrUntrusted  = errors.New("others could write to the directory")
	errLink       = errors.New("a symbolic link: give the directory that it leads to")
	errTooMany    = errors.New("too many files for what this package would write there: move them away")
)

// Open implements FS.
func (OS) Open(name string, mode Mode) (File, error) {
	flags := [...]int{ReadOnly: os.O_RDONLY, ReadWrite: os.O_RDWR, Create: os.O_RDWR | os.O_CREATE | os.O_EXCL}
	if int(mode) >= len(flags) {
		return nil, pathError("open", name, fs.ErrInvalid)
	}
	f, err := openRegular(name, flags[mode])
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// openRegular opens what is a regular file, or makes it; to be written to it must
// have no other name.
func openRegular(name string, flags int) (*os.File, error) {
	info, err := os.Lstat(name) // opening a device may be enough to do harm
	if err == nil && !info.Mode().IsRegular() {
		return nil, pathError("open", name, ErrNotRegular)
	}
	f, err := os.OpenFile(name, flags|openSafely, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && (!info.Mode().IsRegular() || flags&os.O_RDWR != 0 && links(info) > 1) {
		err = ErrNotRegular
	}
	if err != nil {
		_ = f.Close()
		return nil, pathError("open", name, err)
	}
	return f, nil
}

// Mkdir implements FS.
func (OS) Mkdir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some systems say first that it is not allowed, or the disk read-only.
		if info, serr := os.Stat(dir); serr == nil && info.IsDir() {
			return pathError("mkdir", dir, fs.ErrExist)
		}
	}
	return err
}

// maxDir bounds a directory, which is held in memory.
const maxDir = 1 << 17

// listDir lists a directory.
func listDir(dir string) (entries []fs.DirEntry, err error) {
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, pathError("open", dir, errLink)
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|openDir, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	for len(entries) <= maxDir {
		some, err := f.ReadDir(1 << 10)
		if entries = append(entries, some...); err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, pathError("readdir", dir, errTooMany)
}

// ReadDir implements FS.
func (OS) ReadDir(dir string) ([]Info, error) {
	entries, err := listDir(dir)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed since
			continue
		case err != nil:
			return nil, err
		}
		i := Info{Name: e.Name(), Dir: e.IsDir()}
		if info.Mode().IsRegular() {
			i.Size = info.Size()
		} else {
			i.Odd = !i.Dir
		}
		infos = append(infos, i)
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir implements FS.
func (OS) SyncDir(dir string) error { return syncDir(dir) }

// Free implements FS.
func (OS) Free(dir string) (int64, error) { return free(dir) }

// Lock implements FS: flock, LockFileEx on Windows. On a read-only file system
// it locks a file that is there.
func (OS) Lock(name string) (io.Closer, error) {
	f, err := openRegular(name, os.O_RDWR|os.O_CREATE)
	writable := err == nil
	if ReadOnlyFS(err) {
		f, err = openRegular(name, os.O_RDONLY)
	}
	if err != nil {
		return nil, err
	}
	switch err := tryLock(f); {
	case errors.Is(err, ErrLocked):
		defer func() { _ = f.Close() }()
		return nil, &LockedError{Path: name, PID: readPID(f)}
	case err != nil:
		_ = f.Close()
		return nil, pathError("lock", name, err)
	}
	if writable {
		// The process id is a help for whoever finds the lock taken. A full
		// disk is no reason not to give the lock.
		_ = f.Truncate(0)
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

// LockHolder reports whether a process has the lock called name, and which; pid is 0
// if that is not known. It changes nothing, and needs no right to write.
func LockHolder(name string) (locked bool, pid int, err error) {
	f, err := openRegular(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, err
	}
	defer func() { _ = f.Close() }() // and with it the lock
	if tryShared(f) != ErrLocked {   // a file system that has no locks has no holder either
		return false, 0, nil
	}
	return true, readPID(f), nil
}

// Trust returns an error that matches ErrUntrusted if others than this user and
// root can write to the directory, where the file system tells.
func Trust(fsys FS, dir string) error {
	if _, ok := fsys.(OS); ok {
		return trust(dir)
	}
	return nil
}

// readPID reads what Lock wrote, 0 if it makes no sense.
func readPID(f io.ReaderAt) int {
	var buf [24]byte
	n, _ := f.ReadAt(buf[:], 0)
	pid, err := strconv.Atoi(string(bytes.TrimSpace(buf[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// osFile implements File.
type osFile struct{ f *os.File }

func (f osFile) ReadAt(p []byte, off int64) (int, error)  { return f.f.ReadAt(p, off) }
func (f osFile) WriteAt(p []byte, off int64) (int, error) { return f.f.WriteAt(p, off) }
func (f osFile) Sync() error                              { return datasync(f.f) }
func (f osFile) Close() error                             { return f.f.Close() }

func (f osFile) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Allocate(size int64) error {
	old, err := f.Size()
	if err != nil {
		return err
	}
	if size <= old {
		return nil
	}
	return allocate(f.f, size)
}
