package producer

import (
	"slices"

	"github.com/rivulet-iot/rivulet/record"
)

// marks say in frames how far a device's records are complete, so that a consumer can tell
// missing records from those still to come, and forget the ids of boots that are over. They say
// only what is certain, and are best effort.
type marks struct {
	before   uint64              // entries of lower indexes were in the buffer when it was opened
	byDevice bool                // a record's key is its device
	certain  bool                // nothing older of the frame's device is outstanding
	earlier  map[string][]uint64 // boots before this one, by device, that no frame has closed yet
}

// mostEarlier bounds the devices whose earlier boots are remembered.
const mostEarlier = 10_000

// read notes a record of an earlier opening, as it is read.
func (m *marks) read(device string, boot uint64) {
	old := m.earlier[device]
	if len(old) >= record.MaxClosed || len(old) == 0 && len(m.earlier) >= mostEarlier || slices.Contains(old, boot) {
		return
	}
	if m.earlier == nil {
		m.earlier = map[string][]uint64{}
	}
	m.earlier[device] = append(old, boot)
}

// of is what a frame says of a device and a boot.
func (m *marks) of(device string, boot uint64) record.Mark {
	if !m.certain {
		return record.Mark{}
	}
	closed := m.earlier[device]
	if i := slices.Index(closed, boot); i >= 0 { // its own boot is not over, nor are those after it
		closed = closed[:i]
	}
	return record.Mark{Complete: true, Closed: closed}
}

// delivered notes that a frame with the marks of a device and boot was stored.
func (m *marks) delivered(ids []IDRange) {
	if len(m.earlier) == 0 {
		return
	}
	for _, r := range ids {
		if !slices.Contains(m.earlier[r.Device], r.Boot) {
			delete(m.earlier, r.Device)
		}
	}
}

// certain reports whether nothing is outstanding that was put before a frame's records by
// their device: the key is the device, and no older entry, or no lane, suspect or frame that may
// hold one.
func (w *window) certain(key string, index []uint64) bool {
	if !w.marks.byDevice {
		return false
	}
	first, _ := w.buf.Span()
	return index[0] <= first || w.queue.keys[key] == 0 && len(w.lanes.all) == 0 && !w.hunt.suspects()
}
