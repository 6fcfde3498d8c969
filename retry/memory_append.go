package retry

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

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
			return dev.boot, dev.seq, nil
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

// append adds the entry, or reports false when there is no room for it.
func (m *Memory) append(d *device, data []byte) (bool, error) {
	now := m.now()
	c := m.tail()
	if c == nil || c.sealed || !c.has(d) || len(c.buf)+entryHead+len(data) > c.most {
		ok, err := m.prepare(d, len(data), now)
		if !ok {
			return false, err
		}
		c = m.tail()
	}
	b := appendHead(c.buf, d, now, len(data))
	c.buf = append(b, data...)
	c.n++
	c.live++
	c.kept++
	c.newest = now
	m.recent = d
	d.seq++
	m.next++
	m.ledger.Put++
	m.ledger.Pending++
	return true, nil
}

// appendHead appends what precedes the data of the device's next entry.
func appendHead(b []byte, d *device, now int64, n int) []byte {
	b = binary.AppendUvarint(b, d.slot)
	b = binary.AppendUvarint(b, d.seq+1)
	b = binary.AppendUvarint(b, uint64(now))
	return binary.AppendUvarint(b, uint64(n))
}

// prepare makes the tail a chunk that takes an entry of d with n bytes of data, or
// reports false when there is no room for it.
func (m *Memory) prepare(d *device, n int, now int64) (bool, error) {
	entering := int64(0)
	if d.seq == 0 {
		d.slot = m.nextSlot()
		if !m.apart {
			entering = d.cost()
		}
	}
	var head [entryHead]byte
	size := len(appendHead(head[:0], d, now, n)) + n
	c := m.tail()
	if !m.takes(c, d, size) || entering > 0 && m.used()+entering > m.opts.MaxBytes {
		if int64(n) > m.most {
			return false, m.tooLarge(n)
		}
		if c = m.roomy(d, size, entering); c == nil {
			return false, nil
		}
	}
	if d.seq == 0 {
		m.enter(d)
	}
	if !c.has(d) {
		c.most = m.mostOf(c, d)
		c.devices++
		c.names += len(d.name)
		d.chunk = c.first
	}
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
