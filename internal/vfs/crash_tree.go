package vfs

import (
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// node is a file or a directory.
type node struct {
	name string // the last it had

	// Of a file. What is visible is the last of the unsynced, or durable.
	base     []*page           // durable pages; a nil one, or one beyond the end, was never written
	size     int64             // durable size
	versions map[int][]version // of pages, not synced, oldest first
	sizes    []int64           // not synced, oldest first
	shared   bool              // base also belongs to another node: copy before writing
	open     int               // Files that are not closed

	// Of a directory.
	dir     bool
	entries map[string]*node // visible; the same map as durable when alias is set
	durable map[string]*node
	alias   bool
	frozen  bool // durable also belongs to a Point: copy before writing
}

// place is a name in a directory.
type place struct {
	dir  *node
	name string
}

// change is a change of directories that SyncDir has not made durable: n goes
// from one place to another. Created, it comes from none; removed, it goes to
// none.
type change struct {
	op       Op
	n        *node
	from, to place
	unsynced []*node // the directories still to be synced
}

func newNode(name string, dir bool) *node {
	n := &node{name: name, dir: dir}
	if dir {
		n.durable = map[string]*node{}
		n.entries, n.alias = n.durable, true
	}
	return n
}

// find returns the place that name names; its directory exists.
func (c *Crash) find(name string) (place, error) {
	clean := path.Clean("/" + filepath.ToSlash(name))
	if clean == "/" {
		return place{}, nil
	}
	dir := c.root
	parts := strings.Split(clean[1:], "/")
	for _, part := range parts[:len(parts)-1] {
		next := dir.entries[part]
		switch {
		case next == nil:
			return place{}, fs.ErrNotExist
		case !next.dir:
			return place{}, syscall.ENOTDIR
		}
		dir = next
	}
	return place{dir, parts[len(parts)-1]}, nil
}

// lookup returns the node called name.
func (c *Crash) lookup(name string) (*node, place, error) {
	at, err := c.find(name)
	if err != nil {
		return nil, at, err
	}
	if at.dir == nil {
		return c.root, at, nil
	}
	n := at.dir.entries[at.name]
	if n == nil {
		return nil, at, fs.ErrNotExist
	}
	return n, at, nil
}

func (c *Crash) lookupDir(name string) (*node, error) {
	n, _, err := c.lookup(name)
	if err == nil && !n.dir {
		err = syscall.ENOTDIR
	}
	return n, err
}

// set changes what is visible.
func (at place) set(n *node) {
	d := at.dir
	if d.alias {
		d.entries, d.alias = maps.Clone(d.durable), false
	}
	if n == nil {
		delete(d.entries, at.name)
	} else {
		d.entries[at.name] = n
	}
}

// change makes a change visible and keeps it as not durable.
func (c *Crash) change(op Op, n *node, from, to place) {
	ch := &change{op: op, n: n, from: from, to: to}
	if from.dir != nil {
		from.set(nil)
		ch.unsynced = append(ch.unsynced, from.dir)
	}
	if to.dir != nil {
		to.set(n)
		if to.dir != from.dir {
			ch.unsynced = append(ch.unsynced, to.dir)
		}
	}
	c.changes = append(c.changes, ch)
}

// create makes a new node visible at the name, which is free.
func (c *Crash) create(op Op, name string, dir bool) (*node, error) {
	at, err := c.find(name)
	switch {
	case err != nil:
		return nil, err
	case at.dir == nil || at.dir.entries[at.name] != nil:
		return nil, fs.ErrExist
	}
	n := newNode(path.Clean(filepath.ToSlash(name)), dir)
	c.change(op, n, place{}, at)
	return n, nil
}

// SyncDir implements FS. A rename between two directories is durable when both
// have been synced.
func (c *Crash) SyncDir(dir string) error {
	return c.call(Call{Op: OpSyncDir, Name: dir}, func() error {
		d, err := c.lookupDir(dir)
		if err != nil {
			return err
		}
		commit := make([]bool, len(c.changes))
		for i, ch := range c.changes {
			ch.unsynced = slices.DeleteFunc(ch.unsynced, func(n *node) bool { return n == d })
			commit[i] = len(ch.unsynced) == 0
		}
		// What a durable change rests on is durable too.
		for i := len(commit) - 1; i >= 0; i-- {
			for j := range i {
				commit[j] = commit[j] || commit[i] && c.changes[i].needs(c.changes[j])
			}
		}
		var left []*change
		for i, ch := range c.changes {
			if commit[i] {
				ch.apply(func(d *node) map[string]*node { return d.thaw() })
			} else {
				left = append(left, ch)
			}
		}
		c.changes = left
		return nil
	})
}

// needs reports whether ch can't have happened without the earlier change e.
// Changes of one file share places, each with the next.
func (ch *change) needs(e *change) bool {
	for _, at := range [2]place{ch.from, ch.to} {
		if at.dir != nil && (at == e.from || at == e.to) {
			return true
		}
	}
	switch ch.op {
	case OpRename: // else the file might be nowhere
		return e.n == ch.to.dir
	case OpRemove: // a directory is empty by then
		return e.from.dir == ch.n || e.to.dir == ch.n
	}
	return false
}

// apply makes the change in the entries of the directories that it touches.
func (ch *change) apply(entries func(*node) map[string]*node) {
	if ch.from.dir != nil {
		delete(entries(ch.from.dir), ch.from.name)
	}
	if ch.to.dir != nil {
		entries(ch.to.dir)[ch.to.name] = ch.n
	}
}

// thaw returns the durable entries for writing. A directory that has a change to
// commit has entries of its own.
func (n *node) thaw() map[string]*node {
	if n.frozen {
		n.durable, n.frozen = maps.Clone(n.durable), false
	}
	return n.durable
}
