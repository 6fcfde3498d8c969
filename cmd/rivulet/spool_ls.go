package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/term"
)

// spoolList is what ls prints. Times are RFC 3339, of the device's clock then.
type spoolList struct {
	Dir         string         `json:"dir"`
	Locked      bool           `json:"locked"`
	PID         int            `json:"pid,omitempty"`
	Watermark   uint64         `json:"watermark"` // records at positions below are finished
	Next        uint64         `json:"next"`      // the lowest position never used
	Records     uint64         `json:"records"`   // on disk, in blocks that have a head
	Pending     uint64         `json:"pending"`
	Lost        uint64         `json:"lost"` // stored, not finished, and in no block that has a head
	Bytes       int64          `json:"bytes"`
	OpenMillis  int64          `json:"open_ms"` // how long the buffer was open, over all boots
	Format      string         `json:"format"`  // whole, damaged or missing
	Cursor      string         `json:"cursor"`  // whole, one slot, damaged or missing
	Segments    []spoolSegment `json:"segments"`
	Devices     []spoolDevice  `json:"devices"`
	MoreRecords uint64         `json:"more_records,omitempty"` // of devices beyond the first ten thousand
	Quarantined []spoolFile    `json:"quarantined"`
	Aside       []spoolFile    `json:"aside"`
	Schemas     []spoolSchema  `json:"schemas"`
	Odd         []string       `json:"odd,omitempty"` // names that are links, pipes or devices
	SpareBytes  int64          `json:"spare_bytes"`   // of the file whose space the next segment takes
}

type spoolSegment struct {
	File       string `json:"file"`
	First      uint64 `json:"first"` // position
	End        uint64 `json:"end"`   // position after the last
	Blocks     int    `json:"blocks"`
	Records    uint64 `json:"records"`
	Pending    uint64 `json:"pending"`
	Lost       uint64 `json:"lost"`
	Bytes      int64  `json:"bytes"`
	UsedBytes  int64  `json:"used_bytes"`
	OldestWall string `json:"oldest_wall,omitempty"` // of the first and the last block
	NewestWall string `json:"newest_wall,omitempty"`
	WaitedMS   int64  `json:"waited_open_ms,omitempty"` // how long the buffer was open since the oldest pending block
	Health     string `json:"health"`
}

// spoolDevice sums up the records of one device and boot.
type spoolDevice struct {
	idRange
	Records uint64 `json:"records"`
}

// mostDevices bounds those that are listed.
const mostDevices = 10_000

type spoolFile struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

type spoolSchema struct {
	File   string `json:"file"`
	Schema string `json:"schema,omitempty"` // name/version
	Health string `json:"health"`
}

func (c *spoolTool) ls() error {
	if err := c.load(); err != nil {
		return err
	}
	l, err := c.list()
	if err != nil {
		return err
	}
	if c.json {
		return c.object(l)
	}
	return c.printList(l)
}

func (c *spoolTool) list() (*spoolList, error) {
	s := c.state
	l := &spoolList{Dir: c.dir, Locked: c.locked, PID: c.pid, Odd: s.Odd, Watermark: s.Acked, Next: max(s.Next, s.Acked), SpareBytes: s.Spare, Bytes: s.Bytes, OpenMillis: s.Clock,
		Format: "whole", Cursor: "whole", Segments: []spoolSegment{}, Devices: []spoolDevice{}, Quarantined: []spoolFile{}, Aside: []spoolFile{}, Schemas: []spoolSchema{}}
	if !s.Whole {
		l.Format = "damaged or missing"
	}
	switch {
	case !s.CursorRead:
		l.Cursor = "damaged or missing"
	case s.CursorDamaged():
		l.Cursor = "one of two slots damaged"
	}
	devices := map[idRange]*spoolDevice{}
	at := map[*spool.Segment]int{}
	for i, seg := range s.Segments {
		at[seg] = i
		l.Records, l.Pending, l.Lost = l.Records+seg.Entries, l.Pending+seg.Pending, l.Lost+seg.Lost
		line := spoolSegment{File: seg.Name, First: seg.First, End: seg.End, Blocks: seg.Blocks, Records: seg.Entries,
			Pending: seg.Pending, Lost: seg.Lost, Bytes: seg.Size, UsedBytes: seg.Used, NewestWall: wallTime(seg.Wall), Health: "whole"}
		if seg.Pending > 0 {
			line.WaitedMS = max(0, s.Clock-seg.Oldest)
		}
		l.Segments = append(l.Segments, line)
	}
	err := c.each(false, func(seg *spool.Segment, find spool.Find) error {
		line := &l.Segments[at[seg]]
		switch {
		case find.Bad():
			line.Health = "damaged"
		case line.Health == "damaged":
		case find.Class == spool.Gone:
			line.Health = "repaired"
		case find.Class == spool.Torn:
			line.Health = "whole, old or torn data behind it" // not damaged: nobody was told that it was stored
			if c.locked {
				line.Health = "being written"
			}
		}
		if find.Class != spool.Whole {
			return nil
		}
		h := find.Head
		if line.OldestWall == "" {
			line.OldestWall = wallTime(h.Wall)
		}
		for _, r := range idRanges(h.Devices) {
			key := idRange{Device: r.Device, Boot: r.Boot}
			d := devices[key]
			if d == nil && len(devices) >= mostDevices {
				l.MoreRecords += r.Last - r.First + 1
				continue
			}
			if d == nil {
				d = &spoolDevice{idRange: r}
				devices[key] = d
			}
			d.First, d.Last, d.Records = min(d.First, r.First), max(d.Last, r.Last), d.Records+r.Last-r.First+1
		}
		return nil
	})
	for _, d := range devices {
		l.Devices = append(l.Devices, *d)
	}
	slices.SortFunc(l.Devices, func(a, b spoolDevice) int {
		return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Boot, b.Boot))
	})
	c.listKept(l)
	return l, err
}

// listKept adds what is beside the segments.
func (c *spoolTool) listKept(l *spoolList) {
	for _, k := range c.state.Kept {
		if filepath.Ext(k.Name) == spool.AsideExt {
			l.Aside = append(l.Aside, spoolFile{k.Name, k.Size})
		} else {
			l.Quarantined = append(l.Quarantined, spoolFile{k.Name, k.Size})
		}
	}
	for _, info := range c.state.DocFiles {
		name := info.Name
		id, _ := spool.ParseDocName(name)
		var doc struct {
			Name    string `json:"name"`
			Version int    `json:"version"`
		}
		schema := ""
		if json.Unmarshal(c.state.Docs[id], &doc) == nil {
			schema = fmt.Sprintf("%s/%d", doc.Name, doc.Version)
		}
		l.Schemas = append(l.Schemas, spoolSchema{name, schema, "whole"})
	}
	for _, bad := range c.state.BadDocs {
		l.Schemas = append(l.Schemas, spoolSchema{bad.Name, "", "damaged"})
	}
}

func (c *spoolTool) printList(l *spoolList) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d records pending, %d lost, %s; %s\n", term.Escape(l.Dir), l.Pending, l.Lost, size(l.Bytes), c.holder())
	fmt.Fprintf(&b, "open for %s in all; finished below position %d, next is %d\n",
		time.Duration(l.OpenMillis)*time.Millisecond, l.Watermark, l.Next)
	for _, seg := range l.Segments {
		if seg.Pending > 0 {
			fmt.Fprintf(&b, "the oldest pending block has waited %s, not counting when the buffer was closed\n", time.Duration(seg.WaitedMS)*time.Millisecond)
			break
		}
	}
	if l.Format != "whole" {
		fmt.Fprintf(&b, "FORMAT is %s\n", l.Format)
	}
	if l.Cursor != "whole" {
		fmt.Fprintf(&b, "cursor: %s\n", l.Cursor)
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(cells ...any) {
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, term.Escape(fmt.Sprint(cell)))
		}
		fmt.Fprintln(w)
	}
	if len(l.Segments) > 0 {
		fmt.Fprintln(w)
		row("SEGMENT", "POSITIONS", "RECORDS", "PENDING", "LOST", "BLOCKS", "BYTES", "WRITTEN (DEVICE'S CLOCK)", "HEALTH")
	}
	for _, s := range l.Segments {
		positions, written := "none", ""
		if s.Blocks > 0 {
			positions, written = fmt.Sprintf("%d-%d", s.First, s.End-1), s.OldestWall+" to "+s.NewestWall
		}
		row(short(s.File), positions, s.Records, s.Pending, s.Lost, s.Blocks, size(s.Bytes), written, s.Health)
	}
	if len(l.Devices) > 0 {
		_ = w.Flush()
		fmt.Fprintln(w)
		row("DEVICE", "BOOT", "SEQ", "RECORDS")
	}
	for _, d := range l.Devices {
		row(d.Device, d.Boot, fmt.Sprintf("%d-%d", d.First, d.Last), d.Records)
	}
	if l.MoreRecords > 0 {
		row("…", "", "", l.MoreRecords)
	}
	if len(l.Quarantined)+len(l.Aside)+len(l.Schemas)+len(l.Odd) > 0 || l.SpareBytes > 0 {
		_ = w.Flush()
		fmt.Fprintln(w)
		row("OTHER FILES", "WHAT")
	}
	if l.SpareBytes > 0 {
		row(spool.SpareName, "space for the next segment, "+size(l.SpareBytes))
	}
	for _, f := range l.Quarantined {
		row(f.File, "damaged, kept to be looked at, "+size(f.Bytes))
	}
	for _, f := range l.Aside {
		row(f.File, "set aside, will not be sent, "+size(f.Bytes))
	}
	for _, name := range l.Odd {
		row(name, "a link, a pipe or a device: nothing of a buffer, and not opened")
	}
	for _, s := range l.Schemas {
		row(s.File, strings.TrimSpace("schema "+s.Schema)+", "+s.Health)
	}
	_ = w.Flush() // to a strings.Builder
	return c.print("%s", b.String())
}
