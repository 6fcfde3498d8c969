package retry

import (
	"encoding/binary"
	"slices"
)

// chunk holds entries first to first+n-1, back to back. An entry is
//
//	uvarint device number, uvarint seq, uvarint time as of Memory.now,
//	uvarint length, data
type chunk struct {
	buf    []byte
	first  uint64
	n      int
	live   int    // entries not finished
	leases int    // of these, leased
	done   bitset // those finished, by place
	leased bitset
	newest int64 // time of the last entry
	names  int   // bytes that its devices take in the head of a block
	sealed bool  // nothing is added any more
	busy   bool  // it is being written to disk
}

// newDevice reports whether c has no entry of d yet.
func (c *chunk) newDevice(d *device) bool { return d.seq == 0 || d.chunk != c.first }

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
		*c = chunk{buf: c.buf[:0], done: c.done[:0], leased: c.leased[:0], first: m.next}
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

// loseAll finishes every unfinished entry of c and notes its id.
func (m *Memory) loseAll(c *chunk, o Outcome) {
	for p, i := 0, 0; i < c.n; i++ {
		var e Entry
		p, _ = m.entryAt(c, p, i, &e)
		if !c.done.has(i) {
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
	m.discard(i, true)
}

// discard forgets chunk i, and keeps its memory for the next one if nobody else
// uses it.
func (m *Memory) discard(i int, reusable bool) {
	c := m.chunks[i]
	m.chunks = slices.Delete(m.chunks, i, i+1)
	if reusable && !c.busy && m.spare == nil && cap(c.buf) == m.chunk {
		m.spare = c
	} else {
		m.drop(c)
	}
	m.wake()
}

// entryAt reads entry i of c, which begins at offset p. It returns the offset of
// the next and when the entry was put.
func (m *Memory) entryAt(c *chunk, p, i int, e *Entry) (end int, put int64) {
	end, put = entryOf(m.names, c, p, i, e)
	e.Boot = m.boot
	return end, put
}

func entryOf(devices []*device, c *chunk, p, i int, e *Entry) (end int, put int64) {
	dev, p := field(c.buf, p)
	seq, p := field(c.buf, p)
	at, p := field(c.buf, p)
	size, p := field(c.buf, p)
	end = p + int(size)
	e.Index, e.Device, e.Seq, e.Data = c.first+uint64(i), devices[dev].name, seq, c.buf[p:end:end]
	return end, int64(at)
}

// field reads the uvarint at p and returns where the next thing is.
func field(b []byte, p int) (uint64, int) {
	if v := b[p]; v < 0x80 {
		return uint64(v), p + 1
	}
	v, n := binary.Uvarint(b[p:])
	return v, p + n
}

// firstLive returns the place of the first entry that is not finished, n if all are.
func (c *chunk) firstLive() int { return c.done.gap(nil, 0, c.n) }

func (m *Memory) drop(c *chunk) { m.ledger.Bytes -= int64(cap(c.buf)) }

// evictOldest drops the oldest chunk of which nothing is leased.
func (m *Memory) evictOldest() bool {
	for i, c := range m.chunks {
		if c.leases == 0 && c.live > 0 && !c.busy {
			m.loseAll(c, Evicted)
			m.remove(i)
			return true
		}
	}
	return false
}
