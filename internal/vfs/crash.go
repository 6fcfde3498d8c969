package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Crash is an FS in memory that knows what a power cut would leave of it; the
// package doc has the model. Point takes what there is to lose at this moment,
// Point.States makes the file systems that a cut may leave, Point.Killed the one
// that the death of the process leaves. Relative names are
// names in the root, which always exists. It is as strict as the strictest
// system: a file that is open is neither removed nor replaced nor renamed.
//
// The fields are to be set before the first call; the states inherit Garbage and
// Capacity.
type Crash struct {
	// Garbage lets unwritten space within a file read as noise, or as what a
	// removed file held, after a crash. Else it reads as zeros. Set it for disks
	// that do not keep track of which preallocated blocks were written.
	Garbage bool

	// Capacity is the size of the disk in bytes, of which each file takes its size
	// in whole pages; 0 is no limit.
	Capacity int64

	// OnCall, if set, is called after each call that Call.Mutates, failed ones
	// too, with no lock held: the place to take a Point. The states before the
	// first call and after each one include all those in the middle of a call.
	OnCall func(Call)

	mu      sync.Mutex
	calls   int
	root    *node
	changes []*change // of directories, not durable, oldest first
	locks   map[*node]bool
	stale   []*page // of the file removed last, for Garbage
	noise   *page   // for Garbage
	origin  *Point  // that this is a state of; nil: none
	choices []int   // which state
}

// NewCrash returns an empty file system, all of it durable.
func NewCrash() *Crash {
	return &Crash{root: newNode("/", true)}
}

// call runs f with the lock held, then OnCall without.
func (c *Crash) call(call Call, f func() error) error {
	c.mu.Lock()
	err := f()
	if call.Mutates() {
		c.calls++
	}
	call.N = c.calls
	c.mu.Unlock()
	if c.OnCall != nil && call.Mutates() {
		c.OnCall(call)
	}
	var other *LockedError
	if err == nil || err == io.EOF || errors.As(err, &other) {
		return err
	}
	return pathError(string(call.Op), call.Name, err)
}

// Open implements FS.
func (c *Crash) Open(name string, mode Mode) (file File, err error) {
	call := openCall(name, mode)
	err = c.call(call, func() error {
		var n *node
		switch mode {
		case Create:
			n, err = c.create(OpCreate, name, false)
		case ReadOnly, ReadWrite:
			n, _, err = c.lookup(name)
		default:
			err = fs.ErrInvalid
		}
		if err != nil {
			return err
		}
		if n.dir {
			return syscall.EISDIR
		}
		n.open++
		file = &crashFile{c: c, n: n, name: name, readOnly: mode == ReadOnly}
		return nil
	})
	return file, err
}

// Mkdir implements FS.
func (c *Crash) Mkdir(dir string) error {
	return c.call(Call{Op: OpMkdir, Name: dir}, func() error {
		_, err := c.create(OpMkdir, dir, true)
		return err
	})
}

// ReadDir implements FS.
func (c *Crash) ReadDir(dir string) (infos []Info, err error) {
	err = c.call(Call{Op: OpReadDir, Name: dir}, func() error {
		d, err := c.lookupDir(dir)
		if err != nil {
			return err
		}
		infos = make([]Info, 0, len(d.entries))
		for name, n := range d.entries {
			infos = append(infos, Info{Name: name, Size: n.length(), Dir: n.dir})
		}
		slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
		return nil
	})
	return infos, err
}

// Rename implements FS.
func (c *Crash) Rename(from, to string) error {
	return c.call(Call{Op: OpRename, Name: from, To: to}, func() error {
		n, src, err := c.lookup(from)
		if err != nil {
			return err
		}
		dst, err := c.find(to)
		if err != nil {
			return err
		}
		if n.dir || dst.dir == nil {
			return syscall.EISDIR
		}
		old := dst.dir.entries[dst.name]
		switch {
		case old == n:
			return nil
		case n.open > 0, old != nil && old.open > 0:
			return errOpen
		case old != nil && old.dir:
			return syscall.EISDIR
		case old != nil:
			c.bury(old)
		}
		n.name = path.Clean(filepath.ToSlash(to))
		c.change(OpRename, n, src, dst)
		return nil
	})
}

var errOpen = errors.New("the file is open")

// Remove implements FS.
func (c *Crash) Remove(name string) error {
	return c.call(Call{Op: OpRemove, Name: name}, func() error {
		n, at, err := c.lookup(name)
		switch {
		case err != nil:
			return err
		case at.dir == nil:
			return fs.ErrInvalid
		case n.dir && len(n.entries) > 0:
			return syscall.ENOTEMPTY
		case n.open > 0:
			return errOpen
		}
		c.bury(n)
		c.change(OpRemove, n, at, place{})
		return nil
	})
}

// Lock implements FS. The lock file stays empty.
func (c *Crash) Lock(name string) (lock io.Closer, err error) {
	err = c.call(Call{Op: OpLock, Name: name}, func() error {
		n, _, err := c.lookup(name)
		if errors.Is(err, fs.ErrNotExist) {
			n, err = c.create(OpCreate, name, false)
		}
		switch {
		case err != nil:
			return err
		case n.dir:
			return syscall.EISDIR
		case c.locks[n]:
			return &LockedError{Path: name, PID: os.Getpid()}
		}
		if c.locks == nil {
			c.locks = map[*node]bool{}
		}
		c.locks[n] = true
		n.open++
		lock = &crashLock{c: c, n: n}
		return nil
	})
	return lock, err
}

type crashLock struct {
	c *Crash
	n *node
}

func (l *crashLock) Close() error {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if !l.c.locks[l.n] {
		return fs.ErrClosed
	}
	delete(l.c.locks, l.n)
	l.n.open--
	return nil
}
