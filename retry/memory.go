package retry

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

// Memory is the form of [Buffer] that lives in memory: what it holds is gone with
// the process. It allocates in chunks of up to 64 KiB and reuses them, so Append
// does not allocate in the steady state. When it is full, chunks of which most is
// finished are squeezed; with DropOldest then a whole chunk, at most a sixteenth of
// the buffer, is evicted at a time.
type Memory struct {
	opts     Options
	started  time.Time
	clock    int64 // ms that entries' times begin with
	timed    bool  // entries carry their time
	chunk    int   // size of a new chunk's buffer
	most     int64 // bytes of an entry
	mostIs   string
	maxBlock int64 // bytes of the block that a chunk becomes, unless it has one entry; 0: any
	tableMax int64 // bytes of the table of devices
	apart    bool  // which are not counted in what the log takes

	mu      sync.Mutex
	closed  bool
	chunks  []*chunk // oldest first; the last one is appended to
	spare   *chunk   // one freed chunk, for reuse
	next    uint64   // index of the next entry
	read    readPlace
	leases  int     // entries leased
	pinned  int64   // bytes of the chunks that hold them
	given   []Entry // what Next returned last, for reuse
	boot    uint64  // of new devices
	devices map[string]*device
	slots   []*device
	free    []uint64 // slots that are nobody's
	table   int64    // bytes of the devices
	forgot  uint64   // entries that were finished or gone when it was last looked for free slots
	gone    uint64   // entries that went to the disk
	recent  *device  // of the entry appended last: the next one is mostly of the same
	defs    map[uint64][]byte
	docs    []uint64 // of which these were defined since it was opened
	ledger  Ledger
	lost    losses
	room    chan struct{} // closed when a blocked Append should look again; nil while none waits
}

const (
	defaultMemory = 6 << 20
	minMemory     = 16 << 10
	maxChunk      = 64 << 10
)

// NewMemory returns an empty buffer in memory. The smallest MaxBytes is 16 KiB.
func NewMemory(o Options) (*Memory, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMemory
	}
	if o.MaxBytes < minMemory {
		return nil, fmt.Errorf("retry: MaxBytes = %d: below the minimum %d", o.MaxBytes, minMemory)
	}
	if o.MaxAge < 0 || o.Overflow > Block {
		return nil, fmt.Errorf("retry: MaxAge = %v, Overflow = %d: not valid", o.MaxAge, o.Overflow)
	}
	m := &Memory{opts: o, timed: o.MaxAge > 0, tableMax: o.MaxBytes / 4}
	m.limitEntries(limit{o.MaxBytes / 4, "a quarter of Options.MaxBytes"})
	m.init()
	return m, nil
}

// limit is what something may have, and in words why.
type limit struct {
	bytes int64
	what  string
}

// entryHead is the most that an entry takes in a chunk beside its data.
const entryHead = 4 * binary.MaxVarintLen64

// limitEntries sets how large an entry may be: so that one fits beside what is leased
// and the table of devices.
func (m *Memory) limitEntries(limits ...limit) {
	m.most, m.mostIs = spool.MaxEntry, "as much as any buffer takes"
	for _, l := range limits {
		if l.bytes-entryHead < m.most {
			m.most, m.mostIs = l.bytes-entryHead, l.what
		}
	}
}

func (m *Memory) tooLarge(n int) error {
	return fmt.Errorf("%w: %d bytes; the limit is %d, %s", ErrTooLarge, n, m.most, m.mostIs)
}

// init makes m, whose options are set, an empty log.
func (m *Memory) init() {
	m.boot, m.started, m.next, m.read.index = randomBoot(), time.Now(), 1, 1
	m.chunk = int(min(m.opts.MaxBytes/16, maxChunk))
	m.devices, m.defs, m.ledger.Limit = map[string]*device{}, map[uint64][]byte{}, m.opts.MaxBytes
}

// Define implements [Buffer].
func (m *Memory) Define(id uint64, doc []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.define(id, doc)
}

// define notes the document. What is appended from here on may refer to it, and
// what was before does not.
func (m *Memory) define(id uint64, doc []byte) error {
	known := slices.Contains(m.docs, id)
	if !known && len(m.docs) >= maxDocs {
		return fmt.Errorf("%w: a definition more than the %d that a buffer takes", ErrTooLarge, maxDocs)
	}
	if m.defs[id] == nil { // else it is the same by another hand
		m.defs[id] = slices.Clone(doc)
	}
	if !known {
		m.docs = append(slices.Clip(m.docs), id) // chunks have the list as it was
		if c := m.tail(); c != nil {
			c.sealed = true
		}
	}
	return nil
}

// maxDocs is how many documents may be defined: each block lists them.
const maxDocs = 256

// Definitions implements [Buffer].
func (m *Memory) Definitions() map[uint64][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.defs)
}

// Sync implements [Buffer]; it returns ErrVolatile.
func (m *Memory) Sync(context.Context) error { return ErrVolatile }

// Sweep implements [Buffer].
func (m *Memory) Sweep() []Loss {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.opts.MaxAge > 0 {
		m.expire(m.now() - m.opts.MaxAge.Milliseconds())
	}
	return m.lost.take()
}

// Ledger implements [Buffer].
func (m *Memory) Ledger() Ledger {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ledger
}

// Close implements [Buffer]: what is pending is given up as Evicted, and the
// last Sweep reports it.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	for _, c := range m.chunks {
		m.loseAll(c, Evicted)
		m.drop(c)
	}
	if m.spare != nil {
		m.drop(m.spare)
	}
	m.end()
	return nil
}

// end leaves nothing in the log.
func (m *Memory) end() {
	m.chunks, m.spare, m.read, m.leases, m.pinned = nil, nil, readPlace{index: m.next}, 0, 0
	m.wake()
}
