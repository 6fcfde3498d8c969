package vfs

import (
	"bytes"
	"io"
	"io/fs"
	"math"
	"slices"
	"syscall"
)

const (
	sectorSize = 512
	sectors    = PageSize / sectorSize
	maxFile    = 1 << 30 // bytes, of a file of Crash
)

// page is never changed once it is in a node.
type page [PageSize]byte

var zeroPage page

// version is what a write made of a page.
type version struct {
	data *page
	mask uint8 // the sectors in which it differs from the version before
}

// length returns the visible size.
func (n *node) length() int64 {
	if len(n.sizes) > 0 {
		return n.sizes[len(n.sizes)-1]
	}
	return n.size
}

// page returns the visible page i, nil if it was never written.
func (n *node) page(i int) *page {
	if vs := n.versions[i]; len(vs) > 0 {
		return vs[len(vs)-1].data
	}
	if i < len(n.base) {
		return n.base[i]
	}
	return nil
}

// write changes part of page i, which holds data. With strict set, even zeros
// written where nothing was count as a change.
func (n *node) write(i, off int, data []byte, strict bool) {
	old := n.page(i)
	v := version{data: new(page)}
	if old == nil {
		old = &zeroPage
		if strict {
			v.mask = 1<<sectors - 1
		}
	}
	*v.data = *old
	copy(v.data[off:], data)
	for s := range sectors {
		if !bytes.Equal(old[s*sectorSize:(s+1)*sectorSize], v.data[s*sectorSize:(s+1)*sectorSize]) {
			v.mask |= 1 << s
		}
	}
	if v.mask == 0 {
		return
	}
	if n.versions == nil {
		n.versions = map[int][]version{}
	}
	n.versions[i] = append(n.versions[i], v)
}

// sync makes data and size durable.
func (n *node) sync() {
	if len(n.versions) > 0 {
		n.base = merged(n)
		n.shared = false
		n.versions = nil
	}
	n.size, n.sizes = n.length(), nil
}

// merged returns the visible pages, in base itself if that is allowed.
func merged(n *node) []*page {
	base := n.base
	count := len(base)
	for i := range n.versions {
		count = max(count, i+1)
	}
	if n.shared {
		base = slices.Clone(base)
	}
	base = slices.Grow(base, count-len(base))[:count]
	for i, vs := range n.versions {
		base[i] = vs[len(vs)-1].data
	}
	return base
}

// bury keeps the content of a file about to be removed, for Garbage.
func (c *Crash) bury(n *node) {
	if !c.Garbage || n.dir {
		return
	}
	n.shared = true // so that merged copies
	if pages := merged(n); len(pages) > 0 {
		c.stale = pages
	}
}

// grow checks that the disk has room for n to have the size.
func (c *Crash) grow(n *node, size int64) error {
	if size > maxFile {
		return syscall.EFBIG
	}
	if c.Capacity > 0 && c.used(c.root)-pageBytes(n.length())+pageBytes(size) > c.Capacity {
		return syscall.ENOSPC
	}
	n.sizes = append(n.sizes, size)
	return nil
}

// used returns the bytes of the visible files in dir and below.
func (c *Crash) used(dir *node) (sum int64) {
	for _, n := range dir.entries {
		if n.dir {
			sum += c.used(n)
		} else {
			sum += pageBytes(n.length())
		}
	}
	return sum
}

func pageBytes(size int64) int64 { return (size + PageSize - 1) / PageSize * PageSize }

// Free implements FS: what is left of Capacity, or 1 TiB.
func (c *Crash) Free(dir string) (free int64, err error) {
	err = c.call(Call{Op: OpFree, Name: dir}, func() error {
		if _, _, err := c.lookup(dir); err != nil {
			return err
		}
		free = 1 << 40
		if c.Capacity > 0 {
			free = max(0, c.Capacity-c.used(c.root))
		}
		return nil
	})
	return free, err
}

// crashFile implements File.
type crashFile struct {
	c        *Crash
	n        *node
	name     string
	readOnly bool
	closed   bool
}

func (f *crashFile) do(op Op, off, length int64, do func(n *node) error) error {
	return f.c.call(Call{Op: op, Name: f.name, Off: off, Len: length}, func() error {
		switch {
		case f.closed:
			return fs.ErrClosed
		case off < 0 || off > math.MaxInt64-length:
			return fs.ErrInvalid
		}
		return do(f.n)
	})
}

func (f *crashFile) ReadAt(p []byte, off int64) (read int, err error) {
	err = f.do(OpRead, off, int64(len(p)), func(n *node) error {
		end := min(off+int64(len(p)), n.length())
		for at := off; at < end; {
			i, in := int(at/PageSize), int(at%PageSize)
			data := n.page(i)
			if data == nil {
				data = &zeroPage
			}
			k := copy(p[read:min(int64(len(p)), end-off)], data[in:])
			read += k
			at += int64(k)
		}
		if read < len(p) {
			return io.EOF
		}
		return nil
	})
	return read, err
}

func (f *crashFile) WriteAt(p []byte, off int64) (written int, err error) {
	err = f.do(OpWrite, off, int64(len(p)), func(n *node) error {
		switch {
		case len(p) == 0:
			return nil
		case f.readOnly:
			return syscall.EBADF
		}
		if end := off + int64(len(p)); end > n.length() {
			if err := f.c.grow(n, end); err != nil {
				return err
			}
		}
		for written < len(p) {
			i, in := int((off+int64(written))/PageSize), int((off+int64(written))%PageSize)
			k := min(len(p)-written, PageSize-in)
			n.write(i, in, p[written:written+k], f.c.Garbage)
			written += k
		}
		return nil
	})
	return written, err
}

func (f *crashFile) Sync() error {
	return f.do(OpSync, 0, 0, func(n *node) error {
		n.sync()
		return nil
	})
}

func (f *crashFile) Allocate(size int64) error {
	return f.do(OpAllocate, 0, size, func(n *node) error {
		switch {
		case size <= n.length():
			return nil
		case f.readOnly:
			return syscall.EBADF
		}
		return f.c.grow(n, size)
	})
}

func (f *crashFile) Size() (size int64, err error) {
	err = f.do(OpSize, 0, 0, func(n *node) error {
		size = n.length()
		return nil
	})
	return size, err
}

func (f *crashFile) Close() error {
	return f.do(OpClose, 0, 0, func(n *node) error {
		f.closed = true
		n.open--
		return nil
	})
}
