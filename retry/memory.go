package retry

import (
	"context"
	"crypto/rand"
	"encoding/binary"
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
	boot    uint32
	started time.Time
	chunk   int // size of a new chunk's buffer

	mu      sync.Mutex
	closed  bool
	chunks  []*chunk // oldest first; the last one is appended to
	spare   *chunk   // one freed chunk, for reuse
	next    uint64   // index of the next entry
	read    readPlace
	leased  []Entry // what Next returned last, for reuse
	devices map[string]*device
	names   []*device
	defs    map[uint64][]byte
	ledger  Ledger
	lost    losses
	room    chan struct{} // closed when a blocked Append should look again; nil while none waits
}

type device struct {
	name   string
	number uint64 // place in Memory.names
	seq    uint64 // the last one given out
}

// chunk holds entries first to first+n-1, back to back. An entry is
//
//	uvarint device number, uvarint seq, uvarint ms since the buffer started,
//	uvarint length, data
type chunk struct {
	buf    []byte
	first  uint64
	n      int
	live   int      // entries not finished
	done   []uint64 // one bit an entry, set when finished
	newest int64    // ms since the buffer started
}

// readPlace is where Next goes on: all entries before index are leased or finished.
type readPlace struct {
	index  uint64
	offset int // in the chunk that holds index, unless that is its first
}

const (
	defaultMemory = 6 << 20
	minMemory     = 16 << 10
	maxChunk      = 64 << 10
	deviceBytes   = 160 // what one device costs beside its name, for the ceiling
)

// NewMemory returns an empty buffer in memory. Its boot number is drawn at
// random from 2^31 up, because nothing in memory can remember the last one; the
// disk form counts from 1. The smallest MaxBytes is 16 KiB.
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
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	m := &Memory{opts: o, boot: binary.BigEndian.Uint32(b[:]) | 1<<31, started: time.Now(),
		chunk: int(min(o.MaxBytes/16, maxChunk)), next: 1, devices: map[string]*device{}, defs: map[uint64][]byte{}}
	m.read.index = 1
	return m, nil
}

// Boot implements [Buffer].
func (m *Memory) Boot() uint32 { return m.boot }

// Append implements [Buffer].
func (m *Memory) Append(ctx context.Context, name string, data []byte) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		if m.closed {
			return 0, ErrClosed
		}
		dev, err := m.deviceOf(name)
		if err != nil {
			return 0, err
		}
		ok, err := m.append(dev, data)
		if ok || err != nil {
			return dev.seq, err
		}
		if m.opts.Overflow != Block {
			return 0, fmt.Errorf("%w: %d bytes, %d entries pending", ErrFull, m.opts.MaxBytes, m.ledger.Pending)
		}
		if err := m.waitForRoom(ctx); err != nil {
			return 0, err
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

func (m *Memory) deviceOf(name string) (*device, error) {
	if d := m.devices[name]; d != nil {
		return d, nil
	}
	if len(m.names) >= MaxDevices {
		return nil, fmt.Errorf("%w: %q would be one more than %d", ErrTooManyDevices, name, MaxDevices)
	}
	d := &device{name: strings.Clone(name), number: uint64(len(m.names))}
	m.devices[d.name] = d
	m.names = append(m.names, d)
	m.ledger.Bytes += int64(len(name)) + deviceBytes
	return d, nil
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
	if c == nil || cap(c.buf)-len(c.buf) < size {
		if int64(size) > m.opts.MaxBytes/4 {
			return false, fmt.Errorf("%w: %d bytes, a quarter of the buffer's %d is the limit", ErrTooLarge, len(data), m.opts.MaxBytes)
		}
		if c = m.grow(max(size, m.chunk)); c == nil {
			return false, nil
		}
	}
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

func (m *Memory) now() int64 {
	if m.opts.MaxAge == 0 {
		return 0
	}
	return time.Since(m.started).Milliseconds() // monotonic: the wall clock may jump
}

// tail returns the chunk that ends where the next entry goes, or nil: the newest
// chunk may be finished and gone while an older one is not.
func (m *Memory) tail() *chunk {
	if len(m.chunks) == 0 {
		return nil
	}
	if c := m.chunks[len(m.chunks)-1]; c.first+uint64(c.n) == m.next {
		return c
	}
	return nil
}

// grow adds an empty chunk of that size, evicting if it may and must.
func (m *Memory) grow(size int) *chunk {
	if m.spare != nil && (cap(m.spare.buf) < size || m.ledger.Bytes > m.opts.MaxBytes) {
		m.drop(m.spare)
		m.spare = nil
	}
	if c := m.spare; c != nil {
		m.spare = nil
		*c = chunk{buf: c.buf[:0], done: c.done[:0], first: m.next}
		m.chunks = append(m.chunks, c)
		return c
	}
	for m.ledger.Bytes+int64(size) > m.opts.MaxBytes {
		if m.opts.Overflow != DropOldest || !m.evictOldest() {
			return nil
		}
		if m.spare != nil && cap(m.spare.buf) >= size {
			return m.grow(size)
		}
		if m.spare != nil {
			m.drop(m.spare)
			m.spare = nil
		}
	}
	c := &chunk{buf: make([]byte, 0, size), first: m.next}
	m.ledger.Bytes += int64(size)
	m.chunks = append(m.chunks, c)
	return c
}

func (m *Memory) drop(c *chunk) { m.ledger.Bytes -= int64(cap(c.buf)) }

// evictOldest drops the oldest chunk of which nothing is leased.
func (m *Memory) evictOldest() bool {
	for i, c := range m.chunks {
		if c.first >= m.read.index && c.live > 0 {
			m.loseAll(c, Evicted)
			m.remove(i)
			return true
		}
	}
	return false
}

// loseAll finishes every unfinished entry of c and notes its id.
func (m *Memory) loseAll(c *chunk, o Outcome) {
	for p, i := 0, 0; i < c.n; i++ {
		var e Entry
		p, _ = m.entryAt(c, p, i, &e)
		if !c.isDone(i) {
			m.lost.add(o, e.Device, e.Boot, e.Seq)
		}
	}
	m.ledger.finish(o, uint64(c.live))
	c.live = 0
}

// remove takes chunk i, which has no live entry, out of the log.
func (m *Memory) remove(i int) {
	c := m.chunks[i]
	if m.read.index >= c.first && m.read.index < c.first+uint64(c.n) {
		m.read.index = c.first + uint64(c.n)
	}
	m.chunks = slices.Delete(m.chunks, i, i+1)
	if m.spare == nil && cap(c.buf) == m.chunk {
		m.spare = c
	} else {
		m.drop(c)
	}
	m.wake()
}

// entryAt reads entry i of c, which begins at offset p. It returns the offset of
// the next and when the entry was put, in ms since the buffer started.
func (m *Memory) entryAt(c *chunk, p, i int, e *Entry) (end int, put int64) {
	field := func() uint64 {
		v, n := binary.Uvarint(c.buf[p:])
		p += n
		return v
	}
	dev := m.names[field()]
	seq := field()
	put = int64(field())
	n := int(field())
	*e = Entry{Index: c.first + uint64(i), Device: dev.name, Boot: m.boot, Seq: seq, Data: c.buf[p : p+n : p+n]}
	return p + n, put
}

func (c *chunk) isDone(i int) bool { return i/64 < len(c.done) && c.done[i/64]&(1<<(i%64)) != 0 }

func (c *chunk) setDone(i int) {
	for i/64 >= len(c.done) {
		c.done = append(c.done, 0)
	}
	c.done[i/64] |= 1 << (i % 64)
}

// Next implements [Buffer].
func (m *Memory) Next(maxBytes int) []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.leased)
	m.leased = m.leased[:0]
	for size, ci := 0, m.chunkOf(m.read.index); ci < len(m.chunks); {
		c := m.chunks[ci]
		if m.read.index < c.first { // the chunks between were evicted
			m.read.index = c.first
		}
		i := int(m.read.index - c.first)
		if i >= c.n {
			ci++
			continue
		}
		if i == 0 {
			m.read.offset = 0
		}
		var e Entry
		end, _ := m.entryAt(c, m.read.offset, i, &e)
		if !c.isDone(i) {
			if size += len(e.Data); len(m.leased) > 0 && size > maxBytes {
				break
			}
			m.leased = append(m.leased, e)
		}
		m.read = readPlace{m.read.index + 1, end}
	}
	return m.leased
}

// chunkOf returns the place of the chunk that holds index, or of the first after it.
func (m *Memory) chunkOf(index uint64) int {
	i, _ := slices.BinarySearchFunc(m.chunks, index, func(c *chunk, index uint64) int {
		if c.first+uint64(c.n) <= index {
			return -1
		}
		return 1
	})
	return i
}

// Ack implements [Buffer].
func (m *Memory) Ack(first, last uint64, o Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last = min(last, m.read.index-1)
	for ci := m.chunkOf(first); ci < len(m.chunks) && m.chunks[ci].first <= last; {
		c := m.chunks[ci]
		from := int(max(first, c.first) - c.first)
		to := int(min(last, c.first+uint64(c.n)-1) - c.first)
		newly := 0
		for i := from; i <= to; i++ {
			if !c.isDone(i) {
				c.setDone(i)
				newly++
			}
		}
		c.live -= newly
		m.ledger.finish(o, uint64(newly))
		if c.live == 0 && newly > 0 {
			m.remove(ci)
		} else {
			ci++
		}
	}
}

// Rewind implements [Buffer].
func (m *Memory) Rewind() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.chunks) > 0 {
		m.read.index = m.chunks[0].first
	}
}

// Span implements [Buffer].
func (m *Memory) Span() (first, next uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.chunks {
		for i := range c.n {
			if !c.isDone(i) {
				return c.first + uint64(i), m.next
			}
		}
	}
	return m.next, m.next
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

// expire finishes the entries that were put before limit and are not leased.
func (m *Memory) expire(limit int64) {
	for ci := 0; ci < len(m.chunks); {
		c, newly := m.chunks[ci], 0
		for p, i := 0, 0; i < c.n; i++ {
			var e Entry
			var put int64
			if p, put = m.entryAt(c, p, i, &e); put >= limit {
				break
			}
			if e.Index >= m.read.index && !c.isDone(i) {
				c.setDone(i)
				m.lost.add(Expired, e.Device, e.Boot, e.Seq)
				newly++
			}
		}
		c.live -= newly
		m.ledger.finish(Expired, uint64(newly))
		if c.live == 0 {
			m.remove(ci)
		} else if c.newest >= limit {
			return
		} else {
			ci++
		}
	}
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
	m.chunks, m.spare, m.read = nil, nil, readPlace{index: m.next}
	m.wake()
	return nil
}
