package retry

import (
	"encoding/binary"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

// chunk holds entries first to first+n-1, back to back. An entry is
//
//	uvarint slot of the device, uvarint seq, uvarint time as of Memory.now,
//	uvarint length, data
type chunk struct {
	buf     []byte
	size    int64 // bytes that it takes
	most    int   // bytes of buf that may be used
	first   uint64
	n       int
	kept    int    // entries that are in buf
	live    int    // entries not finished
	leases  int    // of these, leased
	done    bitset // those finished, by place
	leased  bitset
	holes   bitset   // those finished that are not in buf any more
	newest  int64    // time of the last entry
	devices int      // that have an entry in it
	names   int      // bytes of their names
	docs    []uint64 // documents that entries may refer to
	sealed  bool     // nothing is added any more
	busy    bool     // it is being written to disk
}

// has reports whether c has an entry of d.
func (c *chunk) has(d *device) bool { return d.seq > 0 && d.chunk == c.first }

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

// takes reports whether an entry of so many bytes can be added to c.
func (m *Memory) takes(c *chunk, d *device, size int) bool {
	switch {
	case c == nil || c.sealed:
		return false
	case c.has(d):
		return len(c.buf)+size <= c.most
	}
	return len(c.buf)+size <= m.mostOf(c, d)
}

// mostOf returns how many bytes of c's buffer may be used once it has an entry of d,
// for what is written of it to be no larger than it may be.
func (m *Memory) mostOf(c *chunk, d *device) int {
	if m.maxBlock == 0 {
		return cap(c.buf)
	}
	return min(cap(c.buf), spool.Room(m.maxBlock, c.devices+1, c.names+len(d.name), len(c.docs)))
}

// used returns what is taken of Options.MaxBytes.
func (m *Memory) used() int64 {
	if m.apart {
		return m.ledger.Bytes - m.table
	}
	return m.ledger.Bytes
}

// roomy returns a chunk that takes an entry of d and leaves room for as many bytes
// as extra, squeezing and evicting if it may and must. nil: there is no room.
func (m *Memory) roomy(d *device, size int, extra int64) *chunk {
	fresh := int64(max(size, m.chunk))
	for {
		c, need := m.tail(), extra
		if !m.takes(c, d, size) {
			c, need = nil, extra+fresh
		}
		if s := m.spare; s != nil && c == nil && int64(cap(s.buf)) >= fresh && m.used()+extra <= m.opts.MaxBytes {
			m.spare = nil
			*s = chunk{buf: s.buf[:0], size: s.size, done: s.done[:0], leased: s.leased[:0], first: m.next, docs: m.docs}
			m.chunks = append(m.chunks, s)
			return s
		}
		if m.used()+need <= m.opts.MaxBytes {
			if c == nil {
				c = &chunk{buf: make([]byte, 0, fresh), size: fresh, first: m.next, docs: m.docs}
				m.ledger.Bytes += fresh
				m.chunks = append(m.chunks, c)
			}
			return c
		}
		switch {
		case m.spare != nil:
			m.drop(m.spare)
			m.spare = nil
		case m.squeezeOne():
		case m.opts.Overflow != DropOldest || !m.evictOldest():
			return nil
		}
	}
}

// squeezeOne makes room by rewriting the oldest chunk of which most is finished,
// without that: one key in trouble is not to hold the room of all others.
func (m *Memory) squeezeOne() bool {
	for _, c := range m.chunks {
		if c.leases == 0 && !c.busy && 2*c.live <= c.kept && c.live > 0 && m.squeeze(c) {
			return true
		}
	}
	return false
}

// squeezedBytes is what a small chunk takes beside its buffer, about.
const squeezedBytes = 320

func (m *Memory) squeeze(c *chunk) bool {
	live := 0
	for p, i := 0, 0; i < c.n; i++ {
		if end := c.end(p, i); !c.done.has(i) {
			live, p = live+end-p, end
		} else {
			p = end
		}
	}
	size := int64(live + squeezedBytes + c.n/2) // the bits
	if 4*size > 3*c.size {
		c.kept = 2*c.live - 1 // not again until more is finished
		return false
	}
	buf := make([]byte, 0, live)
	for p, i := 0, 0; i < c.n; i++ {
		end := c.end(p, i)
		if !c.done.has(i) {
			buf = append(buf, c.buf[p:end]...)
		}
		p = end
	}
	m.ledger.Bytes += size
	m.recycle(&chunk{buf: c.buf, size: c.size})
	c.buf, c.size, c.kept, c.sealed = buf, size, c.live, true
	c.holes = slices.Clone(c.done)
	c.holes.clear(c.n, len(c.holes)<<6)
	if m.read.known >= c.first { // places have moved
		m.read.known, m.read.offset = min(m.read.known, c.first), 0
	}
	return true
}

// recycle keeps the memory of c for the next one, or gives it back.
func (m *Memory) recycle(c *chunk) {
	if m.spare == nil && cap(c.buf) == m.chunk {
		m.spare = c
	} else {
		m.drop(c)
	}
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
	if reusable && !c.busy {
		m.recycle(c)
	} else {
		m.drop(c)
	}
	m.wake()
}

// entryAt reads entry i of c, which begins at offset p. It returns the offset of
// the next and when the entry was put. Of a hole it reads nothing.
func (m *Memory) entryAt(c *chunk, p, i int, e *Entry) (end int, put int64) {
	return entryOf(m.slots, c, p, i, e)
}

func entryOf(devices []*device, c *chunk, p, i int, e *Entry) (end int, put int64) {
	if e.Index = c.first + uint64(i); c.holes.has(i) {
		return p, 0
	}
	slot, p := field(c.buf, p)
	seq, p := field(c.buf, p)
	at, p := field(c.buf, p)
	size, p := field(c.buf, p)
	end = p + int(size)
	if d := devices[slot]; d != nil { // nobody's: the entry is finished
		e.Device, e.Boot = d.name, d.boot
	}
	e.Seq, e.Data = seq, c.buf[p:end:end]
	return end, int64(at)
}

// end returns where entry i, which begins at offset p, ends.
func (c *chunk) end(p, i int) int {
	if c.holes.has(i) {
		return p
	}
	for range 3 {
		_, p = field(c.buf, p)
	}
	size, p := field(c.buf, p)
	return p + int(size)
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

func (m *Memory) drop(c *chunk) { m.ledger.Bytes -= c.size }

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
