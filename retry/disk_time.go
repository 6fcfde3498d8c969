package retry

import "time"

// KeepTime remembers a time that somebody vouched for, such as a verified peer,
// beyond the life of the process: a device whose clock says 1970 then knows that it
// is not. A time that is not later than the one that is kept changes nothing. It is
// written to the disk with what is written anyway, or by itself when the one on the
// disk is a day older.
func (d *Disk) KeepTime(t time.Time) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	if ms := t.UnixMilli(); ms > d.trusted {
		d.trusted = ms
		if d.timeDue() {
			d.poke()
		}
	}
}

// TrustedTime returns the latest time that was kept by this opening of the
// directory or an earlier one, to the millisecond; the zero time if none was.
func (d *Disk) TrustedTime() time.Time {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	if d.trusted <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(d.trusted)
}

// timeDue reports whether the time on the disk is old enough to be worth a write.
func (d *Disk) timeDue() bool {
	return d.trusted-d.w.cursor.Trusted >= (24 * time.Hour).Milliseconds()
}
