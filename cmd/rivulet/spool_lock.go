package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

// lockHolder tells whether a process has the buffer open, and which; pid is 0 if
// that is not known. It changes nothing.
func lockHolder(dir string) (locked bool, pid int, err error) {
	f, err := os.Open(filepath.Join(dir, spool.LockName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, err
	}
	defer func() { _ = f.Close() }() // and with it the lock
	if free, err := tryShared(f); err != nil || free {
		return false, 0, nil // a file system that has no locks has no holder either
	}
	b := make([]byte, 32)
	n, _ := f.Read(b)
	pid, err = strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid < 0 {
		pid = 0
	}
	return true, pid, nil
}
