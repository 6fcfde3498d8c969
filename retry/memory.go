package retry

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is the form of [Buffer] that lives in memory: what it holds is gone
// with the process. It allocates in chunks of up to 64 KiB and reuses them, so
// Append does not allocate in the steady state. With DropOldest a whole chunk,
// at most a sixteenth of the buffer, is evicted at a time.
type Memory struct {
	opts    Options
	boot    uint64
	started time.Time
	clock   int64 // ms that entries' times begin with
	timed   bool  // entries carry their time
	chunk   int   // size of a new chunk's buffer
	most    int64 // bytes of an entry

	mu      sync.Mutex
	closed  bool
	chunks  []*chunk // oldest first; the last one is appended to
	spare   *chunk   // one freed chunk, for reuse
	next    uint64   // index of the next entry
	read    readPlace
	leases  int     // entries leased
	pinned  int64   // bytes of the chunks that hold them
	given   []Entry // what Next returned last, for reuse
	devices map[string]*device
	names   []*device
	recent  *device // of the entry appended last: the next one is mostly of the same
	defs    map[uint64][]byte
	ledger  Ledger
	lost    losses
	room    chan struct{} // closed when a blocked Append should look again; nil while none waits
}

type device struct {
	name   string
	number uint64 // place in Memory.names
	seq    uint64 // the last one given out
	chunk  uint64 // first index of the last chunk that has an entry of it
}

const (
	defaultMemory = 6 << 20
	minMemory     = 16 << 10
	maxChunk      = 64 << 10
	maxNames      = 64 << 10 // bytes of devices' names in a chunk
	deviceBytes   = 256      // what one device costs, for the ceiling
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
	m := &Memory{opts: o, timed: o.MaxAge > 0, most: o.MaxBytes / 4}
	m.init(randomBoot())
	return m, nil
}

// init makes m, whose options are set, an empty log.
func (m *Memory) init(boot uint64) {
	m.boot, m.started, m.next, m.read.index = boot, time.Now(), 1, 1
	m.chunk = int(min(m.opts.MaxBytes/16, maxChunk))
	m.devices, m.defs, m.ledger.Limit = map[string]*device{}, map[uint64][]byte{}, m.opts.MaxBytes
}

// randomBoot returns the boot of a new opening: 64 random bits, never 0. The kernel's
// generator is waited for until it is ready, so that devices with one image draw
// different ones at their first start.
func randomBoot() uint64 {
	for {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		if boot := binary.LittleEndian.Uint64(b[:]); boot != 0 {
			return boot
		}
	}
}

// Append implements [Buffer].
func (m *Memory) Append(ctx context.Context, name string, data []byte) (boot, seq uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		if m.closed {
			return 0, 0, ErrClosed
		}
		dev, err := m.deviceOf(name)
		if err != nil {
			return 0, 0, err
		}
		ok, err := m.append(dev, data)
		if err != nil {
			return 0, 0, err
		}
		if ok {
			return m.boot, dev.seq, nil
		}
		if m.opts.Overflow != Block {
			return 0, 0, fmt.Errorf("%w: %d bytes, %d entries pending", ErrFull, m.opts.MaxBytes, m.ledger.Pending)
		}
		if err := m.waitForRoom(ctx); err != nil {
			return 0, 0, err
		}
	}
}

// waitForRoom is called with the lock held and returns with it held.
func (m *Memory) waitForRoom(ctx context.Context) error {
	if m.room == nil {
		m.room = make(chan struct{})
	}
	room := m.room
	m.mu.Unlock()
	defer m.mu.Lock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Memory) wake() {
	if m.room != nil {
		close(m.room)
		m.room = nil
	}
}

// deviceOf returns the device of that name. A new one is not entered into the
// table yet: append does so with its first entry.
func (m *Memory) deviceOf(name string) (*device, error) {
	if m.recent != nil && m.recent.name == name {
		return m.recent, nil
	}
	if d := m.devices[name]; d != nil {
		return d, nil
	}
	if name == "" {
		return nil, errors.New("retry: the device's name is empty")
	}
	table := int64(len(m.names)) * deviceBytes // names are short
	if len(m.names) >= MaxDevices || table+deviceBytes > m.opts.MaxBytes/4 {
		return nil, fmt.Errorf("%w: %q would be one more than the %d that the buffer can number", ErrTooManyDevices, name, len(m.names))
	}
	return &device{name: strings.Clone(name), number: uint64(len(m.names))}, nil
}

// append adds the entry, or reports false when there is no room for it.
func (m *Memory) append(d *device, data []byte) (bool, error) {
	var head [4 * binary.MaxVarintLen64]byte
	now := m.now()
	h := binary.AppendUvarint(head[:0], d.number)
	h = binary.AppendUvarint(h, d.seq+1)
	h = binary.AppendUvarint(h, uint64(now))
	h = binary.AppendUvarint(h, uint64(len(data)))
	size := len(h) + len(data)
	c := m.tail()
	if c == nil || c.sealed || cap(c.buf)-len(c.buf) < size || c.newDevice(d) && c.names > maxNames {
		if int64(size) > m.most {
			return false, fmt.Errorf("%w: %d bytes, the limit is %d with a few bytes of its own", ErrTooLarge, len(data), m.most)
		}
		if c = m.grow(max(size, m.chunk)); c == nil {
			return false, nil
		}
	}
	if d.seq == 0 {
		m.devices[d.name] = d
		m.names = append(m.names, d)
		m.ledger.Bytes += deviceBytes
	}
	if c.newDevice(d) {
		c.names += len(d.name) + 16
		d.chunk = c.first
	}
	m.recent = d
	c.buf = append(append(c.buf, h...), data...)
	c.n++
	c.live++
	c.newest = now
	d.seq++
	m.next++
	m.ledger.Put++
	m.ledger.Pending++
	return true, nil
}

// now returns the time that entries carry, in ms, if they do. It is monotonic: the
// wall clock may jump.
func (m *Memory) now() int64 {
	if !m.timed {
		return 0
	}
	return m.clock + time.Since(m.started).Milliseconds()
}

// Define implements [Buffer].
func (m *Memory) Define(id uint64, doc []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.defs[id] = slices.Clone(doc)
	return nil
}

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
