package retry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// faultID names an entry for ever.
type faultID struct {
	device string
	boot   uint64
	seq    uint64
}

// oracle knows what was done to a buffer, from outside, and what must be true
// then. It collects complaints: a test of thousands of runs says which run.
type oracle struct {
	mu       sync.Mutex
	boots    []uint64 // of each opening
	put      map[faultID]string
	spooled  map[faultID]bool
	finished map[faultID]bool // delivered or rejected
	lost     map[faultID]Outcome
	unnamed  [outcomes]uint64 // reported lost without an id
	last     map[string]faultID
	index    uint64
	wrong    []string
}

func newOracle() *oracle {
	return &oracle{put: map[faultID]string{}, spooled: map[faultID]bool{}, finished: map[faultID]bool{},
		lost: map[faultID]Outcome{}, last: map[string]faultID{}}
}

func (o *oracle) clone() *oracle {
	return &oracle{boots: slices.Clone(o.boots), put: maps.Clone(o.put), spooled: maps.Clone(o.spooled),
		finished: maps.Clone(o.finished), lost: maps.Clone(o.lost), unnamed: o.unnamed, last: map[string]faultID{}}
}

func (o *oracle) complain(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.wrong) < 8 {
		o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
	}
}

// hear is for Options.OnSpooled.
func (o *oracle) hear(ranges []Range) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range ranges {
		for seq := r.First; seq <= r.Last; seq++ {
			o.spooled[faultID{r.Device, r.Boot, seq}] = true
		}
	}
}

// open opens the buffer; nil if that fails, which it may only with one of errs.
func (o *oracle) open(fsys vfs.FS, opts Options, errs ...error) *Disk {
	opts.OnSpooled = o.hear
	d, err := open(fsys, "spool", opts)
	if err != nil {
		if !slices.ContainsFunc(errs, func(e error) bool { return errors.Is(err, e) }) {
			o.complain("Open: %v", err)
		}
		return nil
	}
	if slices.Contains(o.boots, d.m.boot) {
		o.complain("boot %d was used before: %v", d.m.boot, o.boots)
	}
	o.boots = append(o.boots, d.m.boot)
	o.restart()
	return d
}

// restart forgets how far the consumer has read.
func (o *oracle) restart() { o.last, o.index = map[string]faultID{}, 0 }

// append appends; an error may only say that there is no room.
func (o *oracle) append(d *Disk, device, data string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, seq, err := d.Append(ctx, device, []byte(data))
	switch {
	case err == nil:
		id := faultID{device, d.m.boot, seq}
		if _, taken := o.put[id]; taken {
			o.complain("id %v was given out twice", id)
		}
		o.put[id] = data
	case !errors.Is(err, ErrFull) && !(d.opts.Overflow == Block && errors.Is(err, context.DeadlineExceeded)):
		o.complain("Append: %v", err)
	}
	o.balance(d)
	return err == nil
}

// sync asks for all to be durable; an error may only be one that Sync documents.
func (o *oracle) sync(d *Disk) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := d.Sync(ctx)
	if err != nil && !errors.Is(err, ErrDegraded) && !errors.Is(err, ErrFull) {
		o.complain("Sync: %v", err)
	}
	synctest.Wait()
	o.balance(d)
	if err == nil && d.opts.Sync != SyncNever {
		o.mu.Lock()
		var missing []faultID
		for id := range o.put {
			if _, lost := o.lost[id]; id.boot == d.m.boot && !lost && !o.finished[id] && !o.spooled[id] {
				missing = append(missing, id)
			}
		}
		o.mu.Unlock()
		o.sweep(d)
		for _, id := range missing {
			if _, lost := o.lost[id]; !lost {
				o.complain("%v is not spooled and Sync returned nil", id)
			}
		}
	}
	return err
}

// read leases entries and compares them with what was put.
func (o *oracle) read(d *Disk, maxBytes int) []Entry {
	es := d.Next(maxBytes)
	for _, e := range es {
		id := faultID{e.Device, e.Boot, e.Seq}
		data, put := o.put[id]
		switch {
		case !put:
			o.complain("%v was never put", id)
		case data != string(e.Data):
			o.complain("%v has %d other bytes than were put", id, len(e.Data))
		}
		if last, ok := o.last[e.Device]; ok && !o.before(last, id) || e.Index <= o.index {
			o.complain("%v at %d comes after %v at %d", id, e.Index, last, o.index)
		}
		o.last[e.Device], o.index = id, e.Index
	}
	o.balance(d)
	return es
}

func (o *oracle) before(a, b faultID) bool {
	i, j := slices.Index(o.boots, a.boot), slices.Index(o.boots, b.boot)
	return i < j || i == j && a.seq < b.seq
}

func (o *oracle) ack(d *Disk, e Entry, outcome Outcome) {
	d.Ack(e.Index, e.Index, outcome)
	o.finished[faultID{e.Device, e.Boot, e.Seq}] = true
	o.balance(d)
}

// sweep takes the reports of losses.
func (o *oracle) sweep(d *Disk) {
	for _, l := range d.Sweep() {
		if l.Device == "" {
			o.unnamed[l.Outcome] += l.Last
			continue
		}
		for seq := l.First; seq <= l.Last; seq++ {
			id := faultID{l.Device, l.Boot, seq}
			if _, put := o.put[id]; !put {
				o.complain("%v is reported %v and was never put", id, l.Outcome)
			}
			if _, twice := o.lost[id]; twice || o.finished[id] {
				o.complain("%v is reported %v and was lost or finished before", id, l.Outcome)
			}
			o.lost[id] = l.Outcome
		}
	}
	o.balance(d)
}

func (o *oracle) balance(d *Disk) {
	if l := d.Ledger(); !l.Balanced() || l.Bytes > l.Limit || l.Bytes < 0 {
		o.complain("ledger %+v", l)
	}
}

// close closes the buffer and takes the last reports.
func (o *oracle) close(d *Disk) error {
	err := d.Close()
	o.sweep(d)
	return err
}

// drain opens what is left of the buffer on a disk that is well, and returns the
// entries that come back.
func (o *oracle) drain(fsys vfs.FS, opts Options) map[faultID]bool {
	opts.Overflow, opts.Sync = DropOldest, SyncGroup
	d := o.open(fsys, opts)
	if d == nil {
		return nil
	}
	if h := d.Health(); h.Degraded {
		o.complain("degraded on a disk that is well: %v", h.Err)
	}
	back := map[faultID]bool{}
	for {
		es := o.read(d, 8000)
		if len(es) == 0 {
			break
		}
		for _, e := range es {
			back[faultID{e.Device, e.Boot, e.Seq}] = true
			d.Ack(e.Index, e.Index, Delivered)
		}
	}
	l := d.Ledger()
	if first, next := d.Span(); first != next || l.Pending != 0 {
		o.complain("drained, and still %d to %d: %+v", first, next, l)
	}
	if doc := d.Definitions()[faultDoc]; string(doc) != "the document" && len(back) > 0 {
		o.complain("the definition is %q", doc)
	}
	o.sweep(d)
	if err := o.close(d); err != nil {
		o.complain("Close of a drained buffer: %v", err)
	}
	return back
}
