package retry

import (
	"errors"
	"log/slog"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// attach takes possession of the directory: lock, recovery, what was found made
// durable. What it could not do is tried again later; what it found out is kept.
func (d *Disk) attach(opening bool) error {
	w := &d.w
	if err := vfs.MkdirAll(d.fs, d.dir); err != nil {
		return err
	}
	if err := vfs.Trust(d.fs, d.dir); err != nil {
		return err
	}
	if w.lock == nil {
		lock, err := d.fs.Lock(d.path(spool.LockName))
		if err != nil {
			return err
		}
		w.lock = lock
	}
	if w.found == nil {
		st, err := retryRead(func() (*spool.State, error) { return spool.Load(d.fs, d.dir) })
		if err != nil {
			return err
		}
		d.learn(st, opening)
	}
	if err := d.secure(w.found); err != nil {
		return err
	}
	d.m.mu.Lock()
	d.attached = true
	d.m.mu.Unlock()
	return nil
}

// learn takes over what recovery found.
func (d *Disk) learn(st *spool.State, opening bool) {
	m, w := &d.m, &d.w
	m.mu.Lock()
	defer m.mu.Unlock()
	next := st.Next
	if st.Used {
		next += positionStride
	}
	d.bytes += st.Bytes
	for _, o := range st.Orphans {
		d.trash = append(d.trash, discard{name: o.Name, size: o.Size})
	}
	if w.spare = st.Spare; w.spare > 0 && w.spare != d.segBytes { // the quota was another
		d.trash, w.spare = append(d.trash, discard{name: spool.SpareName, size: st.Spare}), 0
	}
	w.found, w.cursor, w.kept = st, st.Cursor, st.Kept
	w.written, w.durable = st.Written, st.Durable
	for _, f := range st.Segments {
		if f.Blocks > 0 && f.EndBefore == st.Written {
			w.prev, w.tag = f.First, uint32(f.Salt)
		}
	}
	d.learnDocs(st)
	w.unsafe = map[string]bool{}
	d.trusted = max(d.trusted, st.Cursor.Trusted)
	d.ago = st.Clock - timeBase // what is in memory already does not grow older
	d.backlog = st
	if opening {
		m.next, m.read.index = next, next
	} else {
		d.shift = lateIndex - next
	}
	d.adopt()
}

// adopt puts what recovery found before everything else, once nothing is leased:
// then order is kept even if the disk could be read only later.
func (d *Disk) adopt() {
	st, m := d.backlog, &d.m
	if st == nil || m.leases > 0 {
		return
	}
	d.backlog = nil
	var segs []*segment
	for _, f := range st.Segments {
		s := recovered(f, st.Acked, d.ago)
		s.unsafe = d.w.unsafe[f.Name]
		f.IDs = spool.IDs{}
		d.ids += s.ids.Cost()
		m.ledger.Recovered += s.pending + f.Lost
		m.ledger.Corrupt += f.Lost
		m.ledger.Pending += s.pending
		if f.Lost > 0 {
			m.lost.addRun(Corrupt, "", 0, 1, f.Lost)
			d.notes.add(slog.LevelWarn, textDamaged, "file", f.Name, "entries", f.Lost)
		}
		segs = append(segs, s)
	}
	d.segs = append(segs, d.segs...)
	d.retireFinished(true)
	if len(d.segs) > 0 {
		d.seek(min(m.read.index, d.segs[0].first))
	}
}

const textDamaged = "part of the buffer on disk is damaged"

// secure makes durable what an earlier process did and did not sync, and the
// small files, if they are not as they should be.
func (d *Disk) secure(st *spool.State) error {
	w := &d.w
	for _, f := range st.Segments {
		if f.EndBefore > w.durable && f.Blocks > 0 {
			if err := d.syncOnce(f); err != nil {
				return err
			}
		}
	}
	if err := d.syncDir(); err != nil {
		return err
	}
	d.m.mu.Lock()
	d.nowDurable()
	d.m.mu.Unlock()
	if st.CursorDamaged() || w.cursor.Written != w.durable {
		if err := d.saveCursor(); err != nil {
			return err
		}
	}
	return d.ensureFormat(st.Whole)
}

// syncOnce makes the file of a segment durable. It is tried once: after a failure
// the next fdatasync would return nil for pages that are lost.
func (d *Disk) syncOnce(seg *spool.Segment) error {
	if d.w.unsafe[seg.Name] {
		return nil
	}
	f, err := d.fs.Open(d.path(seg.Name), vfs.ReadWrite)
	if spool.Missing(err) { // delivered and removed since
		return nil
	}
	if errors.Is(err, vfs.ErrNotRegular) { // somebody gave it another name; it can be read
		d.distrust(seg.Name)
		return nil
	}
	if err != nil {
		return err
	}
	d.count(0, 1)
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		d.distrust(seg.Name)
		return err
	}
	return nil
}

// distrust notes that nobody knows whether a segment that recovery found is
// durable.
func (d *Disk) distrust(name string) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.w.unsafe[name] = true
	for _, s := range d.segs {
		s.unsafe = s.unsafe || s.name == name
	}
}

func (d *Disk) ensureFormat(whole bool) error {
	if whole {
		return nil
	}
	return d.writeFile(spool.FormatName, spool.FormatText(0, 0))
}

// writeFile replaces a small file, durably.
func (d *Disk) writeFile(name string, data []byte) error {
	d.count(len(data), 2)
	return vfs.WriteFile(d.fs, d.path(name), data)
}

// ready puts the directory in order, if it is not.
func (d *Disk) ready() error {
	w := &d.w
	if w.unlinked {
		if err := d.restore(); err != nil {
			return err
		}
		w.unlinked = false
	}
	if d.attached {
		return nil
	}
	return d.attach(false)
}

// restore makes the directory anew when it, or something in it, was removed while
// the buffer was open.
func (d *Disk) restore() error {
	w := &d.w
	if err := vfs.MkdirAll(d.fs, d.dir); err != nil {
		return err
	}
	if err := vfs.Trust(d.fs, d.dir); err != nil {
		return err
	}
	if w.lock != nil { // the file that is locked may not be the one that has the name
		_ = w.lock.Close()
		w.lock = nil
	}
	lock, err := d.fs.Lock(d.path(spool.LockName))
	if err != nil {
		return err
	}
	w.lock = lock
	d.abandon()
	d.distrustCursor()
	d.m.mu.Lock()
	clear(w.docs)
	d.m.mu.Unlock()
	if w.spare > 0 { // it may still be there
		d.discard(discard{name: spool.SpareName, size: w.spare})
		d.m.mu.Lock()
		w.spare = 0
		d.m.mu.Unlock()
	}
	if !d.attached {
		return nil
	}
	if err := d.saveCursor(); err != nil {
		return err
	}
	return d.ensureFormat(false)
}
