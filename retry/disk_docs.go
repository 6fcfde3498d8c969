package retry

import (
	"fmt"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Define implements [Buffer]. The document is written before the first entry that
// is written after it, and removed when it was not defined again since the buffer was opened and
// no entry on disk can refer to it. All of them may take a quarter of
// Options.MaxBytes.
func (d *Disk) Define(id uint64, doc []byte) error {
	m := &d.m
	m.mu.Lock()
	defer m.mu.Unlock()
	most, sum := min(d.opts.MaxBytes/4, spool.MaxDoc), int64(len(doc))
	for _, other := range m.docs {
		if other != id {
			sum += int64(len(m.defs[other]))
		}
	}
	if int64(len(doc)) > most || sum > d.opts.MaxBytes/4 {
		return fmt.Errorf("%w: a definition of %d bytes, %d with all others; the limit is %d, and a quarter of Options.MaxBytes (%d) for all",
			ErrTooLarge, len(doc), sum, most, d.opts.MaxBytes/4)
	}
	size := int64(len(m.defs[id]))
	if err := m.define(id, doc); err != nil {
		return err
	}
	if old := d.w.docs[id]; old != "" && old != spool.DocName(id, doc) { // it is replaced when this one is durable
		d.w.oldDocs = append(d.w.oldDocs, vfs.Info{Name: old, Size: size})
		delete(d.w.docs, id)
	}
	return nil
}

// learnDocs takes over the documents that recovery found.
func (d *Disk) learnDocs(st *spool.State) {
	m, w := &d.m, &d.w
	w.docs, w.badDocs = map[uint64]string{}, st.BadDocs
	for id, doc := range st.Docs {
		if m.defs[id] == nil {
			m.defs[id] = doc
		}
	}
	for _, info := range st.DocFiles {
		id, _ := spool.ParseDocName(info.Name)
		if spool.DocName(id, m.defs[id]) == info.Name {
			w.docs[id] = info.Name
		} else {
			w.oldDocs = append(w.oldDocs, info)
		}
	}
}

// define writes the documents that are not on disk yet.
func (d *Disk) define() error {
	w := &d.w
	d.m.mu.Lock()
	d.trashDocs()
	d.m.mu.Unlock()
	for id, doc := range d.m.Definitions() {
		if w.docs[id] != "" {
			continue
		}
		if err := d.quota(int64(len(doc))); err != nil {
			return err
		}
		name := spool.DocName(id, doc)
		if err := d.writeFile(name, doc); err != nil {
			return err
		}
		d.m.mu.Lock()
		w.docs[id] = name
		d.bytes += int64(len(doc))
		d.m.mu.Unlock()
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	for _, old := range w.oldDocs {
		d.trash = append(d.trash, discard{name: old.Name, size: old.Size})
	}
	w.oldDocs = nil
	return nil
}

// trashDocs has the documents removed that no entry refers to: those that were not defined
// since the buffer was opened, and that no segment names. It reports whether
// there were any. It is called with the lock held.
func (d *Disk) trashDocs() (any bool) {
	m, w := &d.m, &d.w
	if d.backlog != nil || !d.attached {
		return false
	}
	needed := func(id uint64) bool {
		return slices.ContainsFunc(d.segs, func(s *segment) bool { return slices.Contains(s.docs, id) })
	}
	for id, name := range w.docs {
		if !slices.Contains(m.docs, id) && !needed(id) {
			d.trash = append(d.trash, discard{name: name, size: int64(len(m.defs[id]))})
			delete(w.docs, id)
			delete(m.defs, id)
			any = true
		}
	}
	w.badDocs = slices.DeleteFunc(w.badDocs, func(info vfs.Info) bool {
		switch id, _ := spool.ParseDocName(info.Name); {
		case w.docs[id] == info.Name: // it was written anew
			d.bytes -= info.Size
		case needed(id):
			return false
		default:
			d.trash = append(d.trash, discard{name: info.Name, size: info.Size})
			any = true
		}
		return true
	})
	return any
}
