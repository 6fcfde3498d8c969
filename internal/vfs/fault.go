package vfs

import (
	"errors"
	"io"
	"sync"
	"syscall"
)

// Plan says which calls of a Fault fail, and how. The zero value: none.
type Plan struct {
	Call   int             // the call to fail, counted from 1 since the plan was set; 0: none
	Sticky bool            // and every call after it that Match takes
	Err    error           // what it fails with, in an *fs.PathError; nil: syscall.EIO
	Match  func(Call) bool // which calls count and may fail; nil: Call.Mutates. Must not call the Fault
	Short  bool            // a failing WriteAt writes the first half and says so
	Done   bool            // what fails is done nevertheless: the outcome was unknown

	// Drop makes a failing Sync forget what was written through the same File
	// since its last good Sync, while the plan was set: the bytes are as they were
	// before, zeros beyond the old end, the size stays. The next Sync returns nil,
	// as it does on Linux, where the failed one has marked the pages clean.
	Drop bool
}

// Fault is an FS that fails chosen calls of another. A failing call has no
// effect, but for what the plan says, and that Close always closes. To fail
// each call of a workload in turn, run it once and read Calls; then run it with
// Plan{Call: k} for k from 1 to that number.
type Fault struct {
	fs FS

	mu    sync.Mutex
	plan  Plan
	calls int
	hits  []Call
}

// NewFault returns fsys with the failures of plan.
func NewFault(fsys FS, plan Plan) *Fault {
	f := &Fault{fs: fsys}
	f.Set(plan)
	return f
}

// Set replaces the plan, and counts from 1 again: Set(Plan{}) heals.
func (f *Fault) Set(plan Plan) {
	if plan.Err == nil {
		plan.Err = syscall.EIO
	}
	if plan.Match == nil {
		plan.Match = Call.Mutates
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan, f.calls = plan, 0
}

// Calls returns how many calls Match has taken since the plan was set.
func (f *Fault) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Hits returns the calls that were made to fail since NewFault, oldest first.
func (f *Fault) Hits() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Call(nil), f.hits...)
}

// hit counts c, and returns the plan if it fails.
func (f *Fault) hit(c Call) (Plan, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.plan.Match(c) {
		return Plan{}, false
	}
	f.calls++
	c.N = f.calls
	if f.plan.Call == 0 || c.N < f.plan.Call || c.N > f.plan.Call && !f.plan.Sticky {
		return Plan{}, false
	}
	f.hits = append(f.hits, c)
	return f.plan, true
}

// run makes the call, or makes it fail.
func (f *Fault) run(c Call, call func() error) error {
	plan, hit := f.hit(c)
	if !hit {
		return call()
	}
	if plan.Done {
		if err := call(); err != nil {
			return err
		}
	}
	return pathError(string(c.Op), c.Name, plan.Err)
}

// Open implements FS.
func (f *Fault) Open(name string, mode Mode) (File, error) {
	var file File
	err := f.run(openCall(name, mode), func() (err error) {
		file, err = f.fs.Open(name, mode)
		return err
	})
	if err != nil {
		if file != nil {
			_ = file.Close()
		}
		return nil, err
	}
	return &faultFile{File: file, f: f, name: name}, nil
}

// Mkdir implements FS.
func (f *Fault) Mkdir(dir string) error {
	return f.run(Call{Op: OpMkdir, Name: dir}, func() error { return f.fs.Mkdir(dir) })
}

// ReadDir implements FS.
func (f *Fault) ReadDir(dir string) (infos []Info, err error) {
	err = f.run(Call{Op: OpReadDir, Name: dir}, func() error {
		infos, err = f.fs.ReadDir(dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	return infos, nil
}

// Rename implements FS.
func (f *Fault) Rename(from, to string) error {
	return f.run(Call{Op: OpRename, Name: from, To: to}, func() error { return f.fs.Rename(from, to) })
}

// Remove implements FS.
func (f *Fault) Remove(name string) error {
	return f.run(Call{Op: OpRemove, Name: name}, func() error { return f.fs.Remove(name) })
}

// SyncDir implements FS.
func (f *Fault) SyncDir(dir string) error {
	return f.run(Call{Op: OpSyncDir, Name: dir}, func() error { return f.fs.SyncDir(dir) })
}

// Lock implements FS. Closing the lock is not a call that counts.
func (f *Fault) Lock(name string) (lock io.Closer, err error) {
	err = f.run(Call{Op: OpLock, Name: name}, func() error {
		lock, err = f.fs.Lock(name)
		return err
	})
	if err != nil {
		if lock != nil {
			_ = lock.Close()
		}
		return nil, err
	}
	return lock, nil
}

// Free implements FS.
func (f *Fault) Free(dir string) (n int64, err error) {
	err = f.run(Call{Op: OpFree, Name: dir}, func() error {
		n, err = f.fs.Free(dir)
		return err
	})
	return n, err
}

// faultFile implements File.
type faultFile struct {
	File
	f    *Fault
	name string

	mu   sync.Mutex
	undo []overwritten // since the last good Sync, if the plan drops
}

// overwritten is what was at off before a write.
type overwritten struct {
	off  int64
	data []byte
}

func (f *faultFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.f.run(Call{Op: OpRead, Name: f.name, Off: off, Len: int64(len(p))}, func() error {
		n, err = f.File.ReadAt(p, off)
		return err
	})
	return n, err
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	c := Call{Op: OpWrite, Name: f.name, Off: off, Len: int64(len(p))}
	plan, hit := f.f.hit(c)
	if hit {
		switch {
		case plan.Short:
			p = p[:len(p)/2]
		case !plan.Done:
			return 0, pathError(string(c.Op), c.Name, plan.Err)
		}
	}
	f.keep(p, off)
	n, err := f.File.WriteAt(p, off)
	if hit && err == nil {
		err = pathError(string(c.Op), c.Name, plan.Err)
	}
	return n, err
}

// keep remembers what a write of p is about to replace.
func (f *faultFile) keep(p []byte, off int64) {
	f.f.mu.Lock()
	drop := f.f.plan.Drop
	f.f.mu.Unlock()
	if !drop || off < 0 {
		return
	}
	old := make([]byte, len(p))
	_, _ = f.File.ReadAt(old, off) // zeros where there is nothing to read
	f.mu.Lock()
	f.undo = append(f.undo, overwritten{off, old})
	f.mu.Unlock()
}

func (f *faultFile) Sync() error {
	c := Call{Op: OpSync, Name: f.name}
	plan, hit := f.f.hit(c)
	if !hit || plan.Done {
		err := f.File.Sync()
		if err == nil {
			f.mu.Lock()
			f.undo = nil
			f.mu.Unlock()
		}
		if !hit || err != nil {
			return err
		}
	}
	err := pathError(string(c.Op), c.Name, plan.Err)
	if plan.Drop && !plan.Done {
		err = errors.Join(err, f.drop())
	}
	return err
}

// drop undoes the unsynced writes, the newest first.
func (f *faultFile) drop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.undo) - 1; i >= 0; i-- {
		if _, err := f.File.WriteAt(f.undo[i].data, f.undo[i].off); err != nil {
			return err
		}
	}
	f.undo = nil
	return nil
}

func (f *faultFile) Allocate(size int64) error {
	return f.f.run(Call{Op: OpAllocate, Name: f.name, Len: size}, func() error { return f.File.Allocate(size) })
}

func (f *faultFile) Size() (n int64, err error) {
	err = f.f.run(Call{Op: OpSize, Name: f.name}, func() error {
		n, err = f.File.Size()
		return err
	})
	return n, err
}

func (f *faultFile) Close() error {
	err := f.File.Close()
	if plan, hit := f.f.hit(Call{Op: OpClose, Name: f.name}); hit && err == nil {
		err = pathError(string(OpClose), f.name, plan.Err)
	}
	return err
}
