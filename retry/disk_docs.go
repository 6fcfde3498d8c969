package retry

import (
	"fmt"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Define implements [Buffer]. The document is written before the first entry that
// is put after it, and removed when it was not defined again since the buffer was
// opened and no entry on disk can refer to it. All of them may take a quarter of
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
	return m.define(id, doc)
}

// learnDocs takes over the documents that recovery found.
func (d *Disk) learnDocs(st *spool.State) {
	m, w := &d.m, &d.w
	w.docs, w.badDocs = map[uint64]vfs.Info{}, st.BadDocs
	for _, info := range st.DocFiles {
		id, _ := spool.ParseDocName(info.Name)
		if w.docs[id].Name != "" {
			d.trash = append(d.trash, discard{name: info.Name, size: info.Size})
			continue
		}
		w.docs[id] = info
		if m.defs[id] == nil {
			m.defs[id] = st.Docs[id]
		}
	}
}

// define writes those of the documents that are not on disk yet.
func (d *Disk) define(ids []uint64) error {
	w := &d.w
	for _, id := range ids {
		if w.docs[id].Name != "" {
			continue
		}
		d.m.mu.Lock()
		doc := d.m.defs[id]
		d.m.mu.Unlock()
		if err := d.quota(int64(len(doc))); err != nil {
			return err
		}
		name := spool.DocName(id, doc)
		if err := d.writeFile(name, doc); err != nil {
			return err
		}
		d.m.mu.Lock()
		w.docs[id] = vfs.Info{Name: name, Size: int64(len(doc))}
		d.bytes += int64(len(doc))
		d.m.mu.Unlock()
	}
	return nil
}

// missingDocs lists the documents that segments refer to and that are not on disk,
// as after somebody removed them.
func (d *Disk) missingDocs() (ids []uint64) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	for _, s := range d.segs {
		for _, id := range s.docs {
			if d.w.docs[id].Name == "" && d.m.defs[id] != nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// trashDocs has the documents removed that no entry refers to: those that were not
// defined since the buffer was opened, and that no segment names. It reports
// whether there were any. It is called with the lock held.
func (d *Disk) trashDocs() (any bool) {
	m, w := &d.m, &d.w
	if d.backlog != nil || !d.attached {
		return false
	}
	needed := func(id uint64) bool {
		return slices.ContainsFunc(d.segs, func(s *segment) bool { return slices.Contains(s.docs, id) })
	}
	for id, info := range w.docs {
		if !slices.Contains(m.docs, id) && !needed(id) {
			d.trash = append(d.trash, discard{name: info.Name, size: info.Size, doc: true})
			delete(w.docs, id)
			delete(m.defs, id)
			any = true
		}
	}
	w.badDocs = slices.DeleteFunc(w.badDocs, func(info vfs.Info) bool {
		switch id, _ := spool.ParseDocName(info.Name); {
		case w.docs[id].Name == info.Name: // it was written anew
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
