package vfs

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// MkdirAll makes dir and the directories above it that are missing, each durable
// before the next is made. It also syncs the names of those that were there,
// since whoever made them may have been killed before doing so; there, it is no
// error if this user may not, or if the file system is read-only. That a name
// belongs to a file is found by who uses it as a directory.
func MkdirAll(fsys FS, dir string) error {
	dir = filepath.Clean(dir)
	parent := filepath.Dir(dir)
	if parent == dir { // the root, or "."
		return nil
	}
	if err := MkdirAll(fsys, parent); err != nil {
		return err
	}
	err := fsys.Mkdir(dir)
	existed := errors.Is(err, fs.ErrExist)
	if err != nil && !existed {
		return err
	}
	err = fsys.SyncDir(parent)
	if existed && (errors.Is(err, fs.ErrPermission) || ReadOnlyFS(err)) {
		return nil
	}
	return err
}

// WriteFile makes data the content of the file called name, so that a crash at
// any time leaves the old content, or no file if there was none, or all of data.
// It writes name + ".tmp" first, in place of what an interrupted WriteFile left
// there. When it returns nil the content is durable.
func WriteFile(fsys FS, name string, data []byte) error {
	tmp := name + ".tmp"
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := fsys.Open(tmp, Create)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.Rename(tmp, name)
	}
	if err != nil {
		// Best effort: the next WriteFile would remove it too.
		_ = fsys.Remove(tmp)
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}
