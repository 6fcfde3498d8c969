package retry

import (
	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// distrustCursor gives up the cursor's file after a failure.
func (d *Disk) distrustCursor() {
	if d.w.slots != nil {
		_ = d.w.slots.Close()
	}
	d.w.slots, d.w.distrust = nil, true
}

// saveCursor writes the older of the two slots.
func (d *Disk) saveCursor() error {
	w := &d.w
	d.m.mu.Lock()
	c := spool.Cursor{Generation: w.cursor.Generation + 1, Segment: w.tag, Next: d.m.next - d.shift,
		Acked: d.position(), Written: w.durable, Clock: d.clock(), Wall: wallNow(), Trusted: d.trusted}
	if w.durable < w.written { // it ends somewhere else
		c.Segment = 0
	}
	covered := d.unsaved
	d.m.mu.Unlock()
	if err := d.writeSlot(c); err != nil {
		d.distrustCursor()
		return err
	}
	d.m.mu.Lock()
	w.cursor = c
	d.unsaved -= min(covered, d.unsaved)
	d.m.mu.Unlock()
	return nil
}

func (d *Disk) writeSlot(c spool.Cursor) error {
	w := &d.w
	name := d.path(spool.CursorName)
	if w.slots == nil && !w.distrust {
		f, err := d.fs.Open(name, vfs.ReadWrite)
		if err != nil && !spool.Missing(err) {
			return err
		}
		w.slots = f
	}
	if w.slots != nil {
		if err := d.writeAt(w.slots, c.Slot(), c.Off()); err != nil {
			return err
		}
		d.count(0, 1)
		return w.slots.Sync()
	}
	both := make([]byte, spool.CursorBytes)
	copy(both[c.Off():], c.Slot())
	size := int64(0)
	if !w.distrust {
		size = spool.CursorBytes
	}
	if err := d.writeFile(spool.CursorName, both); err != nil {
		return err
	}
	w.distrust = false
	d.m.mu.Lock()
	d.bytes += size
	d.m.mu.Unlock()
	return nil
}
