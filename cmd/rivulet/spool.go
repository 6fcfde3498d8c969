package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/internal/vfs"
	"github.com/rivulet-iot/rivulet/record"
)

var spoolCommand = command{
	name:    "spool",
	summary: "look into a buffer on disk, check it, print it, repair it",
	usage:   "ls|verify|dump|repair [flags] DIR",
	args:    2,
	text: `
Spool is for the directory in which a producer keeps the records that are not
delivered yet, on the device or copied from it. It needs nothing but the files.

  ls      what is there: files, how many records of which devices, how old, what
          is pending, what is damaged as far as the heads of the blocks tell
  verify  reads every byte and checks every checksum. Exit code 0: nothing that was
          stored is damaged; 1: something is, and it says which records are lost
  dump    prints the records that are pending as record JSON, one a line, like
          "rivulet tail"; opaque ones as {"device_id":…,"boot":…,"seq":…,
          "partition_key":…,"data_base64":…}
  repair  saves what can be read of damaged files, and keeps those under names that
          end in .bad. It deletes nothing, and does nothing to a buffer without damage

The directory may come from anywhere: links and pipes in it are not opened, and
names are printed with what a terminal would act on escaped. All but repair only
read, and work while a producer has the buffer open; what they
say then is of that moment. Repair refuses: stop the producer first. A producer does
not need it: it starts with a damaged buffer and delivers what can be read.

A record is pending until the stream has acknowledged it and all before it; some of
the pending ones may have been delivered, and come twice if they are sent again.
Times are those of the device's clock when it wrote, right or wrong.

Examples:

  rivulet spool ls /var/lib/agent/spool
  rivulet spool verify -json /media/card/spool | jq '.found[]'
  rivulet spool ls -json /var/lib/agent/spool | jq '{pending,lost,locked}'

What waits to be sent, of one device, and what was refused and set aside:

  rivulet spool dump /var/lib/agent/spool | jq 'select(.device_id=="pi-7f3a")'
  rivulet spool dump -aside /var/lib/agent/spool

A card that came back damaged: copy it, repair the copy, look at what is left:

  cp -r /media/card/spool spool-copy
  rivulet spool repair spool-copy
  rivulet spool dump -all spool-copy | gzip > records.json.gz`,
	setup: func(f *flag.FlagSet) func(context.Context, streams) error {
		c := &spoolTool{fs: vfs.OS{}}
		f.BoolVar(&c.json, "json", false, "print one JSON object (dump: always JSON lines)")
		f.BoolVar(&c.all, "all", false, "dump: also records that are finished and still on disk")
		f.BoolVar(&c.aside, "aside", false, "dump: instead, the records that were refused and set aside")
		return c.run
	},
}

// spoolTool is one run of the command.
type spoolTool struct {
	json, all, aside bool

	fs     vfs.FS
	dir    string
	out    io.Writer
	err    io.Writer
	ctx    context.Context
	locked bool // a process has the buffer open
	pid    int  // which; 0: not known
	state  *spool.State
}

func (c *spoolTool) run(ctx context.Context, s streams) error {
	verbs := map[string]func() error{"ls": c.ls, "verify": c.verify, "dump": c.dump, "repair": c.repair}
	if len(s.args) == 0 {
		return usagef("what to do? Give ls, verify, dump or repair, and the directory")
	}
	verb := verbs[s.args[0]]
	switch {
	case verb == nil:
		return usagef("%q is none of ls, verify, dump and repair", s.args[0])
	case len(s.args) == 1:
		return usagef("which directory? Give it after %s", s.args[0])
	case s.args[0] != "dump" && (c.all || c.aside):
		return usagef("-all and -aside are for dump")
	case c.all && c.aside:
		return usagef("-all is of the buffer, -aside of what was set aside: give one of them")
	}
	c.dir, c.out, c.err, c.ctx = s.args[1], s.out, s.err, ctx
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := verb(); err != nil {
		return printable{err} // it may have names of a directory from anywhere
	}
	return nil
}

// load reads the heads of the blocks. While a process has the buffer open, files
// may go away between the listing and the reading: then it begins again.
func (c *spoolTool) load() error {
	var err error
	for range 5 {
		if c.locked, c.pid, err = vfs.LockHolder(filepath.Join(c.dir, spool.LockName)); err != nil {
			return err
		}
		c.state, err = spool.Load(c.fs, c.dir)
		if _, there := os.Stat(c.dir); !spool.Missing(err) || there != nil {
			break
		}
	}
	return c.explain(err)
}

// explain says what to do about an error.
func (c *spoolTool) explain(err error) error {
	var locked *vfs.LockedError
	switch {
	case err == nil && c.state != nil && !c.state.Used, errors.Is(err, spool.ErrNoSpool):
		return fmt.Errorf("%s: there is no buffer here: no segments (*.seg), no cursor, no FORMAT; is it the right directory", c.dir)
	case err == nil:
		return nil
	case errors.As(err, &locked):
		who := "a process"
		if locked.PID != 0 {
			who = fmt.Sprintf("process %d", locked.PID)
		}
		return fmt.Errorf("%s: %s has the buffer open; stop it first, or repair a copy: %w", c.dir, who, err)
	case errors.Is(err, spool.ErrNewerFormat):
		return fmt.Errorf("%w; use the rivulet command of the version that wrote it", err)
	case spool.Missing(err):
		return fmt.Errorf("%w; is %s the directory of a buffer", err, c.dir)
	}
	return err
}

// each visits all parts of all segments, in order.
func (c *spoolTool) each(bodies bool, visit func(*spool.Segment, spool.Find) error) error {
	for _, seg := range c.state.Segments {
		for find, err := range c.state.Inspect(c.fs, c.dir, seg, bodies) {
			if c.locked && (err != nil || find.Bad()) && c.removed(seg) {
				break // delivered since, and its space used for another
			}
			if err == nil {
				err = c.ctx.Err()
			}
			if err == nil {
				err = visit(seg, find)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// removed reports whether a segment's file is not there any more.
func (c *spoolTool) removed(seg *spool.Segment) bool {
	_, err := os.Stat(filepath.Join(c.dir, seg.Name))
	return spool.Missing(err)
}

// print writes to stdout.
func (c *spoolTool) print(format string, args ...any) error {
	if _, err := fmt.Fprintf(c.out, format, args...); err != nil {
		return outputError{err}
	}
	return nil
}

// object prints v as JSON.
func (c *spoolTool) object(v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return c.print("%s\n", term.EscapeJSON(nil, b))
}

// holder says who has the buffer open.
func (c *spoolTool) holder() string {
	switch {
	case !c.locked:
		return "no process has it open"
	case c.pid == 0:
		return "a process has it open, and this is of a moment"
	}
	return fmt.Sprintf("process %d has it open, and this is of a moment", c.pid)
}

// idRange is a run of ids in JSON and in words.
type idRange struct {
	Device string `json:"device_id"`
	Boot   string `json:"boot"`
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
}

func (r idRange) String() string {
	if r.First == r.Last {
		return fmt.Sprintf("%s/%s/%d", r.Device, r.Boot, r.First)
	}
	return fmt.Sprintf("%s/%s/%d-%d", r.Device, r.Boot, r.First, r.Last)
}

func idRanges(devices []spool.Device) (out []idRange) {
	for _, d := range devices {
		for _, r := range d.Runs {
			out = append(out, idRange{d.Name, record.FormatBoot(d.Boot), r.First, r.Last})
		}
	}
	return out
}

// wallTime prints Unix ms of the device's clock; "" for none.
func wallTime(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z")
}

// size prints a number of bytes.
func size(n int64) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n < 1<<10 || n < 10<<10 && n%(1<<10) != 0 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n = (n + 512) >> 10
	}
	return fmt.Sprintf("%d GiB", n)
}

// short is the beginning of a segment's name, which is enough for people.
func short(name string) string {
	first, _, _ := strings.Cut(name, "-")
	return first + "-…"
}
