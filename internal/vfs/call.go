package vfs

import "fmt"

// Op names a method of FS or File.
type Op string

// The operations. Opening with Create has its own.
const (
	OpOpen     Op = "open"
	OpCreate   Op = "create"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpSync     Op = "sync"
	OpAllocate Op = "allocate"
	OpSize     Op = "size"
	OpClose    Op = "close"
	OpMkdir    Op = "mkdir"
	OpReadDir  Op = "readdir"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpSyncDir  Op = "syncdir"
	OpLock     Op = "lock"
	OpFree     Op = "free"
)

// Call is one call of a method of FS or File, as Fault and Crash report it.
type Call struct {
	N    int    // counts from 1
	Op   Op     //
	Name string // of the file or directory, as given
	To   string // the new name, of a rename
	Off  int64  // where, of a read or write
	Len  int64  // how many bytes, of a read or write; the size, of an allocate
}

// Mutates reports whether the call could change what is on the disk, or what of
// it is durable. OpOpen, of a file that exists, and OpClose can't.
func (c Call) Mutates() bool {
	switch c.Op {
	case OpOpen, OpRead, OpSize, OpClose, OpReadDir, OpFree:
		return false
	}
	return true
}

// String is for messages of tests: "7: write spool/1.seg 4096+8192".
func (c Call) String() string {
	s := fmt.Sprintf("%d: %s %s", c.N, c.Op, c.Name)
	switch c.Op {
	case OpRename:
		s += " to " + c.To
	case OpRead, OpWrite:
		s += fmt.Sprintf(" %d+%d", c.Off, c.Len)
	case OpAllocate:
		s += fmt.Sprintf(" %d", c.Len)
	}
	return s
}

func openCall(name string, mode Mode) Call {
	if mode == Create {
		return Call{Op: OpCreate, Name: name}
	}
	return Call{Op: OpOpen, Name: name}
}
