package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// OS is the file system of the operating system, through package os. Files it
// creates have mode 0600, directories 0700. Its zero value is ready for use.
type OS struct{}

// Open implements FS.
func (OS) Open(name string, mode Mode) (File, error) {
	flags := [...]int{ReadOnly: os.O_RDONLY, ReadWrite: os.O_RDWR, Create: os.O_RDWR | os.O_CREATE | os.O_EXCL}
	if int(mode) >= len(flags) {
		return nil, pathError("open", name, fs.ErrInvalid)
	}
	f, err := os.OpenFile(name, flags[mode], 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
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

// ReadDir implements FS.
func (OS) ReadDir(dir string) ([]Info, error) {
	entries, err := os.ReadDir(dir)
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
		}
		infos = append(infos, i)
	}
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
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	writable := err == nil
	if ReadOnlyFS(err) {
		f, err = os.Open(name)
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
