package spool

import (
	"errors"
	"fmt"
	"math/bits"
	"path/filepath"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// Action is something that Repair did.
type Action struct {
	File string // what was put right, without the directory
	What string // in words
	Lost uint64 // entries that could not be saved, of those not finished
}

// ErrNoSpool says that a directory holds nothing of a buffer.
var ErrNoSpool = errors.New("spool: there is no buffer in this directory")

// Repair puts right what is damaged in a directory, and calls done for each
// step. What can be read stays, whatever lies before it; what cannot is kept in
// files that end in .bad. It takes the lock, and its error is a *vfs.LockedError
// if a process has it. A crash leaves nothing worse than it was, and the next
// Repair goes on; when there is nothing to do it changes nothing.
func Repair(fsys vfs.FS, dir string, done func(Action)) (err error) {
	s, err := Load(fsys, dir)
	if err != nil {
		return err
	}
	if !s.Used {
		return ErrNoSpool
	}
	lock, err := fsys.Lock(filepath.Join(dir, LockName))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if s, err = Load(fsys, dir); err != nil {
		return err
	}
	r := &repair{s: s, fs: fsys, dir: dir, done: done}
	if !s.Whole {
		if err := vfs.WriteFile(fsys, r.path(FormatName), FormatText(0, 0)); err != nil {
			return err
		}
		done(Action{File: FormatName, What: "it was damaged or missing, and is written anew"})
	}
	for _, info := range s.BadDocs {
		name := info.Name
		if err := r.setAside(name, name+BadExt); err != nil {
			return err
		}
		done(Action{File: name, What: fmt.Sprintf("a damaged schema document, renamed to %s; the producer writes it anew when it starts", name+BadExt)})
	}
	var damaged []*Segment
	for _, seg := range s.Segments {
		bad, err := r.damaged(seg)
		if err != nil {
			return err
		}
		if bad {
			damaged = append(damaged, seg)
		}
	}
	// The cursor comes first: what only the heads of lost blocks say goes into it.
	if err := r.cursor(damaged); err != nil {
		return err
	}
	for _, seg := range damaged {
		if err := r.segment(seg); err != nil {
			return err
		}
	}
	return nil
}

type repair struct {
	s    *State
	fs   vfs.FS
	dir  string
	done func(Action)
}

func (r *repair) path(name string) string { return filepath.Join(r.dir, name) }

// setAside renames a file, durably.
func (r *repair) setAside(name, to string) error {
	if err := r.fs.Rename(r.path(name), r.path(to)); err != nil {
		return err
	}
	return r.fs.SyncDir(r.dir)
}

func (r *repair) damaged(seg *Segment) (bool, error) {
	for find, err := range r.s.Inspect(r.fs, r.dir, seg, true) {
		if err != nil {
			return false, err
		}
		if find.Class == Damaged {
			return true, nil
		}
	}
	return false, nil
}

// cursor writes both slots anew if one of them is damaged, or if the other files
// know better and are about to be renamed.
func (r *repair) cursor(damaged []*Segment) error {
	s := r.s
	c := Cursor{Generation: s.Cursor.Generation, Segment: s.Cursor.Segment, Next: s.Next, Acked: s.Acked,
		Written: s.Durable, Clock: s.Clock, Wall: s.Cursor.Wall, Trusted: s.Cursor.Trusted}
	if c.Written != s.Cursor.Written { // by a head
		c.Segment = 0
		for _, seg := range s.Segments {
			if seg.durable == s.Durable {
				c.Segment = uint32(seg.Salt)
			}
		}
	}
	for _, seg := range damaged {
		if c.Segment != 0 && c.Segment == uint32(seg.Salt) {
			c.Segment = uint32(seg.salvage().Salt)
		}
	}
	what := ""
	switch {
	case !s.CursorRead:
		what = "it was damaged or missing, and is made anew of what the segments say"
		c.Next += positionsUnknown
	case s.CursorDamaged():
		what = "one of its two slots was damaged, and is made anew of the other"
		c.Next += positionsUnknown
	case len(damaged) > 0 && c != s.Cursor:
		what = "brought up to date from the segments"
	default:
		return nil
	}
	c.Next = min(c.Next, lots)
	both := make([]byte, CursorBytes)
	for range 2 {
		c.Generation++
		copy(both[c.Off():], c.Slot())
	}
	if err := vfs.WriteFile(r.fs, r.path(CursorName), both); err != nil {
		return err
	}
	r.done(Action{File: CursorName, What: what})
	return nil
}

// positionsUnknown is more than were used since a cursor that cannot be read.
const positionsUnknown = 1 << 32

// segment saves what can be read of a damaged segment and renames it.
func (r *repair) segment(seg *Segment) error {
	id := seg.salvage()
	name := id.Name(SegmentExt)
	lost := uint64(0)
	for find, err := range r.s.Inspect(r.fs, r.dir, seg, true) {
		if err != nil {
			return err
		}
		if find.Class == Damaged {
			lost += find.Lost
		}
	}
	what := ""
	f, err := r.fs.Open(r.path(name), vfs.ReadOnly)
	switch {
	case err == nil: // an earlier repair came as far as this
		if err := errors.Join(f.Close(), r.fs.SyncDir(r.dir)); err != nil {
			return err
		}
		what = "damaged; an earlier repair had saved what can be read to " + name
	case !Missing(err):
		return err
	default:
		n, err := r.save(seg, id, name)
		if err != nil {
			return fmt.Errorf("save what can be read of %s: %w", seg.Name, err)
		}
		what = fmt.Sprintf("damaged; what can be read of it, %d blocks, is now in %s", n, name)
	}
	bad := seg.Name[:len(seg.Name)-len(SegmentExt)] + BadExt
	if err := r.setAside(seg.Name, bad); err != nil {
		return err
	}
	r.done(Action{File: seg.Name, What: what + ", and the file is renamed to " + bad, Lost: lost})
	return nil
}

// save copies the blocks that can be read to a new segment, which has its name
// only when it is whole and durable.
func (r *repair) save(seg *Segment, id FileID, name string) (blocks int, err error) {
	tmp := r.path(name + ".tmp")
	if err := r.fs.Remove(tmp); err != nil && !Missing(err) {
		return 0, err
	}
	from, err := r.fs.Open(r.path(seg.Name), vfs.ReadOnly)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := r.fs.Open(tmp, vfs.Create)
	if err != nil {
		return 0, err
	}
	off, torn := int64(0), seg.Torn
	var buf []byte
	for find, ierr := range r.s.Inspect(r.fs, r.dir, seg, true) {
		if err = ierr; err != nil {
			break
		}
		if find.Class != Whole {
			torn = torn || find.Head != nil && find.Head.End() == seg.End // what was lost at the end
			continue
		}
		var body []byte
		h := *find.Head
		if body, err = storedBody(from, seg.Salt, &h); err != nil {
			break
		}
		buf = h.seal(buf[:0], id.Salt, off, appendDirectory(nil, h.Docs, h.Devices), body)
		if _, err = to.WriteAt(buf, off); err != nil {
			break
		}
		off += int64(len(buf))
		blocks++
	}
	if size := sizeOf(off, torn); err == nil && size > off {
		err = to.Allocate(size)
	}
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err == nil {
		err = r.fs.Rename(tmp, r.path(name))
	}
	if err != nil {
		_ = r.fs.Remove(tmp) // so does the next repair
		return 0, err
	}
	return blocks, r.fs.SyncDir(r.dir)
}

// sizeOf returns how long a segment must be to count as torn, or not.
func sizeOf(used int64, torn bool) int64 {
	size := max(used, page)
	if power := bits.OnesCount64(uint64(size)) == 1; torn && power {
		return max(size+page, 3*page)
	} else if !torn && !power {
		return 1 << bits.Len64(uint64(size))
	}
	return size
}

// CursorDamaged reports whether the cursor, or a slot of it, is damaged or missing. A
// slot that is blank is not: it was not written since the file was made anew.
func (s *State) CursorDamaged() bool { return !s.CursorRead || !s.CursorSure && !s.slotBlank }
