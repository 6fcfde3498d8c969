//go:build !linux

package vfs

import "os"

// datasync is F_FULLFSYNC on darwin and FlushFileBuffers on Windows.
func datasync(f *os.File) error { return f.Sync() }

// allocate is given a size above that of the file. It takes no space.
func allocate(f *os.File, size int64) error { return f.Truncate(size) }
