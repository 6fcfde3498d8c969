package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/term"
)

// spoolVerdict is what verify prints.
type spoolVerdict struct {
	Dir     string       `json:"dir"`
	Locked  bool         `json:"locked"`
	PID     int          `json:"pid,omitempty"`
	Damaged bool         `json:"damaged"`
	Files   int          `json:"files"`
	Blocks  int          `json:"blocks"`         // whole
	Records uint64       `json:"records"`        // in them
	Bytes   int64        `json:"bytes"`          // of the files read
	Pending uint64       `json:"pending"`        // of them, not finished
	Lost    uint64       `json:"lost"`           // stored, not finished, and not readable
	Found   []spoolFault `json:"found"`          // the first thousand
	More    int          `json:"more,omitempty"` // not in found
}

// spoolFault is something that verify found. It is not damage if it was cut short,
// lost before a repair, or one of two copies.
type spoolFault struct {
	File   string    `json:"file"`
	Offset int64     `json:"offset"`
	Bytes  int64     `json:"bytes,omitempty"`
	What   string    `json:"what"`
	Damage bool      `json:"damage"`
	Lost   uint64    `json:"lost,omitempty"` // records that were not finished
	IDs    []idRange `json:"ids,omitempty"`  // of those lost, if the block still tells
	Exact  bool      `json:"exact"`          // all of IDs are lost; else some were finished
}

// mostFaults bounds what is kept of them.
const mostFaults = 1000

func (c *spoolTool) verify() error {
	if err := c.load(); err != nil {
		return err
	}
	v := &spoolVerdict{Dir: c.dir, Locked: c.locked, PID: c.pid, Found: []spoolFault{}}
	total := int64(0)
	for _, seg := range c.state.Segments {
		total += seg.Size
	}
	err := c.check(v, newProgress(c.err, total))
	if err != nil {
		return err
	}
	if err := c.printVerdict(v); err != nil {
		return err
	}
	if v.Damaged {
		return fmt.Errorf("%s is damaged; a producer starts with it nevertheless; \"rivulet spool repair\" saves what can be read", c.dir)
	}
	return nil
}

// check reads everything.
func (c *spoolTool) check(v *spoolVerdict, p *progress) error {
	defer p.end()
	add := func(f spoolFault) error {
		v.Damaged = v.Damaged || f.Damage
		v.Lost += f.Lost
		if !c.json {
			return c.print("%s\n", term.Escape(f.String()))
		}
		if len(v.Found) == mostFaults {
			v.More++
			return nil
		}
		v.Found = append(v.Found, f)
		return nil
	}
	if err := c.checkSmall(v, add); err != nil {
		return err
	}
	var last *spool.Segment
	done := int64(0)
	err := c.each(true, func(seg *spool.Segment, find spool.Find) error {
		if seg != last {
			if last != nil {
				done += last.Size
			}
			last = seg
			v.Files++
			v.Bytes += seg.Size
		}
		p.at(done + find.Off)
		if find.Class == spool.Whole {
			v.Blocks++
			v.Records += uint64(find.Head.Entries)
			v.Pending += c.pending(seg, find)
		}
		fault, ok := c.fault(seg.Name, find)
		if !ok {
			return nil
		}
		return add(fault)
	})
	if err != nil {
		return err
	}
	for _, k := range c.state.Kept {
		if filepath.Ext(k.Name) != spool.AsideExt {
			continue
		}
		v.Files++
		v.Bytes += k.Size
		for find, err := range spool.InspectFile(c.fs, c.dir, k.Name) {
			if c.locked && spool.Missing(err) {
				break
			}
			if err != nil {
				return err
			}
			if fault, ok := c.fault(k.Name, find); ok {
				if err := add(fault); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pending counts what is not finished of a block.
func (c *spoolTool) pending(seg *spool.Segment, find spool.Find) (n uint64) {
	h := find.Head
	if h.First >= c.state.Acked && h.End() <= seg.End {
		return uint64(h.Entries)
	}
	_ = h.Each(find.Raw, func(e spool.Entry) bool { // was checked
		if c.wanted(seg, e, false) {
			n++
		}
		return true
	})
	return n
}

// wanted reports whether an entry is pending, or at least of the segment if all are
// wanted.
func (c *spoolTool) wanted(seg *spool.Segment, e spool.Entry, all bool) bool {
	return e.Pos < seg.End && (all || e.Pos >= c.state.Acked)
}

// checkSmall judges the small files, which are read already.
func (c *spoolTool) checkSmall(v *spoolVerdict, add func(spoolFault) error) error {
	s := c.state
	v.Files += 2 + len(s.DocFiles) + len(s.BadDocs)
	var faults []spoolFault
	if !s.Whole {
		faults = append(faults, spoolFault{File: spool.FormatName, What: "damaged or missing"})
	}
	switch {
	case !s.CursorRead:
		faults = append(faults, spoolFault{File: spool.CursorName, What: "damaged or missing; records that were delivered may be sent again"})
	case s.CursorDamaged():
		faults = append(faults, spoolFault{File: spool.CursorName, What: "one of its two slots is damaged; the other one is used"})
	}
	for _, bad := range s.BadDocs {
		faults = append(faults, spoolFault{File: bad.Name, What: "damaged; records of this schema cannot be decoded until the producer has written it anew"})
	}
	for _, f := range faults {
		f.Damage = true
		if err := add(f); err != nil {
			return err
		}
	}
	return nil
}

// fault says what is wrong with a part of a file, if anything is.
func (c *spoolTool) fault(file string, find spool.Find) (spoolFault, bool) {
	f := spoolFault{File: file, Offset: find.Off, Bytes: find.Len, Damage: find.Bad(), Lost: find.Lost}
	switch {
	case find.OneHead:
		f.What = "one of the block's two heads is damaged, which costs nothing"
		return f, true
	case find.Class == spool.Torn && c.locked:
		return f, false // being written
	case find.Class == spool.Whole || find.Class == spool.Stale:
		return f, false
	case find.Class == spool.Torn:
		f.Lost = 0
	}
	f.What = find.Problem.Error()
	if f.Lost > 0 && find.Head != nil {
		f.IDs, f.Exact = idRanges(find.Head.Devices), find.IDs() != nil
	}
	return f, true
}

// String is a line for people.
func (f spoolFault) String() string {
	s := f.File
	if f.Bytes > 0 {
		s += fmt.Sprintf(": byte %d, %s", f.Offset, size(f.Bytes))
	}
	s += ": " + f.What
	if f.Lost == 0 {
		return s
	}
	s += "; lost: " + count(int64(f.Lost), "record")
	if len(f.IDs) == 0 {
		return s + ", of which the ids are not known"
	}
	if !f.Exact {
		s += " of these, the others were delivered before"
	}
	ids := make([]string, 0, len(f.IDs))
	for i, r := range f.IDs {
		if i == 20 {
			ids = append(ids, fmt.Sprintf("and %d more runs (-json has all)", len(f.IDs)-i))
			break
		}
		ids = append(ids, r.String())
	}
	return s + ": " + strings.Join(ids, ", ")
}

func (c *spoolTool) printVerdict(v *spoolVerdict) error {
	if c.json {
		return c.object(v)
	}
	verdict := "nothing that was stored is damaged"
	if v.Damaged {
		verdict = "damaged"
	}
	return c.print("%s: %s; %s, %s, %s read; %d pending, %d lost; %s\n", term.Escape(c.dir), verdict, count(int64(v.Files), "file"),
		count(int64(v.Records), "record"), size(v.Bytes), v.Pending, v.Lost, c.holder())
}

func (c *spoolTool) repair() error {
	type action struct {
		File string `json:"file"`
		What string `json:"what"`
		Lost uint64 `json:"lost,omitempty"`
	}
	done := []action{}
	var perr error
	err := spool.Repair(c.fs, c.dir, func(a spool.Action) {
		done = append(done, action(a))
		if c.json {
			return
		}
		what := a.File + ": " + a.What
		if a.Lost > 0 {
			what += fmt.Sprintf("; %s could not be saved", count(int64(a.Lost), "record"))
		}
		perr = errors.Join(perr, c.print("%s\n", term.Escape(what)))
	})
	if err := errors.Join(c.explain(err), perr); err != nil {
		return err
	}
	if c.json {
		return c.object(struct {
			Dir     string   `json:"dir"`
			Actions []action `json:"actions"`
		}{c.dir, done})
	}
	if len(done) == 0 {
		return c.print("%s: there was nothing to repair\n", term.Escape(c.dir))
	}
	return nil
}
