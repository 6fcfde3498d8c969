package retry

import "slices"

// readPlace is where Next goes on: all entries before index are leased or finished.
type readPlace struct {
	index  uint64
	offset int // in the chunk that holds index, unless that is its first
}

// Next implements [Buffer].
func (m *Memory) Next(maxBytes int) []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.leased)
	m.leased = m.leased[:0]
	m.lease(0, maxBytes)
	return m.leased
}

// lease adds entries to those leased, which have size bytes, up to maxBytes.
func (m *Memory) lease(size, maxBytes int) {
	for _, c := range m.chunks[m.chunkOf(m.read.index):] {
		if m.read.index <= c.first { // at its start; the chunks between may have been evicted
			m.read = readPlace{index: c.first}
		}
		for i := int(m.read.index - c.first); i < c.n; i++ {
			m.leased = append(m.leased, Entry{})
			e := &m.leased[len(m.leased)-1]
			end, _ := m.entryAt(c, m.read.offset, i, e)
			if c.isDone(i) {
				m.leased = m.leased[:len(m.leased)-1]
			} else if size += len(e.Data) + EntryOverhead; len(m.leased) > 1 && size > maxBytes {
				m.leased = m.leased[:len(m.leased)-1]
				return
			}
			m.read = readPlace{m.read.index + 1, end}
		}
	}
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
	m.ack(first, min(last, m.read.index-1), o)
}

// ack finishes entries that were leased.
func (m *Memory) ack(first, last uint64, o Outcome) {
	for ci := m.chunkOf(first); ci < len(m.chunks) && m.chunks[ci].first <= last; {
		c := m.chunks[ci]
		from := int(max(first, c.first) - c.first)
		to := int(min(last, c.first+uint64(c.n)-1) - c.first)
		newly := c.setAllDone(from, to)
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
