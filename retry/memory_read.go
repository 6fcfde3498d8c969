package retry

import (
	"math"
	"slices"
)

// readPlace is where Next goes on, and the nearest entry before it whose place in
// its chunk is known.
type readPlace struct {
	index  uint64
	known  uint64 // at most index
	offset int    // of known in the chunk that holds it, unless that begins with it
}

// Next implements [Buffer].
func (m *Memory) Next(maxBytes int) []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.given)
	m.given = m.given[:0]
	m.lease(0, maxBytes)
	return m.given
}

// lease adds entries to those given, which have size bytes, up to maxBytes.
func (m *Memory) lease(size, maxBytes int) {
	r := &m.read
	for _, c := range m.chunks[m.chunkOf(r.index):] {
		if r.known <= c.first { // the chunks between may be gone
			*r = readPlace{index: max(r.index, c.first), known: c.first}
		}
		for i := int(r.known - c.first); i < c.n; i++ {
			var e Entry
			end, _ := m.entryAt(c, r.offset, i, &e)
			if e.Index >= r.index && !c.done.has(i) && !c.leased.has(i) {
				n := len(e.Data) + EntryOverhead
				if len(m.given) > 0 && n > maxBytes-size || !m.pin(c) {
					return
				}
				size += n
				c.leased.set(i, i+1)
				c.leases++
				m.leases++
				m.given = append(m.given, e)
			}
			*r = readPlace{max(r.index, e.Index+1), e.Index + 1, end}
		}
	}
}

// pin notes that an entry of c will be leased, and reports whether that may be: no
// more than half of the log, but one entry at least.
func (m *Memory) pin(c *chunk) bool {
	if c.leases > 0 {
		return true
	}
	n := c.size
	if m.leases > 0 && m.pinned+n > m.opts.MaxBytes/2 {
		return false
	}
	m.pinned += n
	return true
}

// unpin notes that n leases of c have ended.
func (m *Memory) unpin(c *chunk, n int) {
	if c.leases -= n; c.leases == 0 && n > 0 {
		m.pinned -= c.size
	}
	m.leases -= n
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
	m.ack(first, last, o)
}

func (m *Memory) ack(first, last uint64, o Outcome) {
	for ci := m.chunkOf(first); ci < len(m.chunks) && m.chunks[ci].first <= last; {
		c := m.chunks[ci]
		n := c.leased.move(&c.done, c.place(first), c.place(add1(last)))
		m.unpin(c, n)
		c.live -= n
		m.ledger.finish(o, uint64(n))
		if c.live == 0 && n > 0 {
			m.remove(ci)
		} else {
			ci++
		}
	}
}

// place returns where index is in the chunk, 0 if that is before it and n if behind.
func (c *chunk) place(index uint64) int {
	if index <= c.first {
		return 0
	}
	return int(min(index-c.first, uint64(c.n)))
}

// add1 returns n+1, or the highest number if that is n.
func add1(n uint64) uint64 { return min(n, math.MaxUint64-1) + 1 }

// Return implements [Buffer].
func (m *Memory) Return(first, last uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.takeBack(first, last)
}

func (m *Memory) takeBack(first, last uint64) {
	for ci := m.chunkOf(first); ci < len(m.chunks) && m.chunks[ci].first <= last; ci++ {
		c := m.chunks[ci]
		m.unpin(c, c.leased.clear(c.place(first), c.place(add1(last))))
	}
}

// Seek implements [Buffer].
func (m *Memory) Seek(index uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seek(index)
}

func (m *Memory) seek(index uint64) {
	if index = min(index, m.next); index < m.read.known {
		m.read = readPlace{}
	}
	m.read.index = index
}

// Span implements [Buffer].
func (m *Memory) Span() (first, next uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first(), m.next
}

// first returns the index of the oldest unfinished entry, or the next one's.
func (m *Memory) first() uint64 {
	for _, c := range m.chunks {
		if i := c.firstLive(); i < c.n {
			return c.first + uint64(i)
		}
	}
	return m.next
}

// expire finishes the entries that were put before limit and are not leased.
func (m *Memory) expire(limit int64) {
	for ci := 0; ci < len(m.chunks); {
		c, newly := m.chunks[ci], 0
		for p, i := 0, 0; i < c.n; i++ {
			var e Entry
			var put int64
			if p, put = m.entryAt(c, p, i, &e); c.holes.has(i) {
				continue
			} else if put >= limit {
				break
			}
			if !c.done.has(i) && !c.leased.has(i) {
				c.done.set(i, i+1)
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
