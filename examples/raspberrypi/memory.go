package main

import (
	"fmt"
	"os"
	"runtime/debug"
)

const (
	producerMemory = 8 << 20 // producer.Config.MaxMemory
	sendingMemory  = 4 << 20 // what sending adds to that
	spoolMemory    = 4 << 20 // retry.Options.MaxMemory
	minMemory      = 8 << 20 // below, the runtime would do little but collect
)

// checkMemory reads -memory, and works out its default.
func (o *options) checkMemory(set map[string]bool, text string) error {
	if !set["memory"] {
		o.memory = o.defaultMemory()
		return nil
	}
	var err error
	switch o.memory, err = parseBytes(text); {
	case err != nil:
		return fmt.Errorf("-memory %s: not a number of bytes such as 24MiB", text)
	case o.memory != 0 && o.memory < minMemory:
		return fmt.Errorf("-memory %s: below the minimum %s; 0 is no limit", text, size(minMemory))
	}
	return nil
}

// defaultMemory is twice what the producer keeps, so that the collector has room to
// work in (with less, draining a full buffer takes half as much CPU again), and what
// sending and the spool add. The stream in this process keeps all it gets:
// a limit would only make the collector run all the time.
func (o *options) defaultMemory() int64 {
	if o.stream == "" || os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	if o.spoolDir != "" {
		return 2*producerMemory + sendingMemory + spoolMemory
	}
	return 2*producerMemory + sendingMemory
}

// limitMemory makes the runtime collect garbage sooner rather than take more than
// the limit from the system. It returns what undoes it.
func (o *options) limitMemory() (undo func()) {
	if o.memory == 0 {
		return func() {} // GOMEMLIMIT, if set, counts
	}
	before := debug.SetMemoryLimit(o.memory)
	return func() { debug.SetMemoryLimit(before) }
}
