package retry

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// device is one whose entries are numbered, from its first entry until it has
// none that is unfinished and its slot is wanted.
type device struct {
	name  string
	boot  uint64
	slot  uint64 // place in Memory.slots
	seq   uint64 // the last one given out
	chunk uint64 // first index of the last chunk that has an entry of it
}

// deviceBytes is what a device takes beside its name, about.
const deviceBytes = 112

func (d *device) cost() int64 { return deviceBytes + int64(len(d.name)) }

// randomBoot returns a boot: 64 random bits, never 0. The kernel's generator is
// waited for until it is ready, so that devices with one image draw different ones
// at their first start.
func randomBoot() uint64 {
	for {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		if boot := binary.LittleEndian.Uint64(b[:]); boot != 0 {
			return boot
		}
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
	d := &device{name: strings.Clone(name)}
	if !m.numbers(d) {
		m.forget()
		if !m.numbers(d) {
			return nil, fmt.Errorf("%w: %q would be one more than the %d with unfinished entries, of at most %d that take %d bytes with their names",
				ErrTooManyDevices, name, len(m.devices), MaxDevices, m.tableMax)
		}
	}
	d.boot = m.boot
	return d, nil
}

// numbers reports whether there is a slot for a new device.
func (m *Memory) numbers(d *device) bool {
	return len(m.devices) < MaxDevices && m.table+d.cost() <= m.tableMax
}

// nextSlot returns the slot of the next new device.
func (m *Memory) nextSlot() uint64 {
	if n := len(m.free); n > 0 {
		return m.free[n-1]
	}
	return uint64(len(m.slots))
}

// enter gives a new device its slot.
func (m *Memory) enter(d *device) {
	if n := len(m.free); n > 0 {
		m.free = m.free[:n-1]
		m.slots[d.slot] = d
	} else {
		m.slots = append(m.slots, d)
	}
	m.devices[d.name] = d
	m.table += d.cost()
	m.ledger.Bytes += d.cost()
}

// forget takes the slots of the devices that have no unfinished entry in memory.
// One that comes back begins again at 1, and so with a new boot: no id is given out
// twice.
func (m *Memory) forget() {
	ended := m.ledger.Put + m.ledger.Recovered - m.ledger.Pending + m.gone
	if ended == m.forgot { // nothing has changed
		return
	}
	m.forgot = ended
	used := make(bitset, len(m.slots)/64+1)
	for _, c := range m.chunks {
		for p, i := 0, 0; i < c.n; i++ {
			if c.holes.has(i) {
				continue
			}
			slot, _ := field(c.buf, p)
			if c.busy || !c.done.has(i) { // of a busy one all are looked up
				used.set(int(slot), int(slot)+1)
			}
			p = c.end(p, i)
		}
	}
	n := len(m.devices)
	for name, d := range m.devices {
		if !used.has(int(d.slot)) {
			delete(m.devices, name)
			m.slots[d.slot] = nil
			m.free = append(m.free, d.slot)
			m.table -= d.cost()
			m.ledger.Bytes -= d.cost()
		}
	}
	if len(m.devices) < n {
		m.boot, m.recent = randomBoot(), nil
	}
}
