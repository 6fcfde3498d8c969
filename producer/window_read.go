package producer

import (
	"math"
	"slices"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/retry"
)

// facts is what reading and framing have to know of the stream and the link.
type facts struct {
	recordBytes int    // the most that data and key of one record may have
	call        int    // bytes that a call carries
	most        int    // bytes that a call carries over a good link
	limited     bool   // recordBytes is what the stream says
	why         string // aggregates can't be sent to it, for good; "" if they can, or later
}

const (
	// batchBytes is how much is leased at a time: entries are turned into rows at
	// once, so that they are not in memory in both forms.
	batchBytes = 128 << 10
	// unreadable is how long to wait for a disk that the buffer cannot read.
	unreadable = 5 * time.Second
	// longest bounds a wait, so that age limits are looked at now and then.
	longest = time.Minute
)

// wanted returns how long until it is time to read; 0: now. Bell is told when the
// next Put is to ring.
func (w *window) wanted(now time.Time, flush uint64, bell *doorbell, age time.Duration, waits func(shard string) time.Duration) time.Duration {
	if w.crowded() {
		if w.makeRoom(now, waits); w.crowded() {
			return longest
		}
	}
	wait := w.lanesWanted(now)
	if wait == 0 || len(w.hunt.proven.runs) > 0 && !w.hunt.later(now) {
		return 0
	}
	first, next := w.buf.Span()
	if first < w.front.oldest { // a disk was read late: what it has is older
		w.front.read, w.front.more = min(w.front.read, first), true
		for _, l := range w.lanes.all {
			l.read = min(l.read, first)
		}
	}
	w.front.oldest = first
	if w.front.read >= next {
		// Nothing to read. Look again after raising the flag: a Put between the
		// two would have seen it down.
		w.front.first, w.front.more = time.Time{}, false
		bell.idle.Store(true)
		if _, next = w.buf.Span(); w.front.read >= next {
			return wait
		}
	}
	bell.idle.Store(false)
	if w.front.first.IsZero() {
		w.front.first = now
	}
	due := w.front.more || flush >= w.front.read || w.hunt.suspects() || bell.unread.Load() >= bell.enough.Load()
	if left := age - now.Sub(w.front.first); !due && left > 0 {
		return min(wait, left)
	}
	return 0
}

// crowded reports whether frames have to be sent before more is read: crumbs would make small
// frames, and a hunt counts the records of each call.
func (w *window) crowded() bool {
	return len(w.queue.frames) > 0 && (w.hunt.rows > 0 || w.room() < w.bounds.window/2)
}

// makeRoom gives back the leases of lanes that wait while others could be read: lanes in
// trouble, and shards whose pace lets nothing through for longer, or that take more than
// half of the room.
func (w *window) makeRoom(now time.Time, waits func(shard string) time.Duration) {
	if _, next := w.buf.Span(); w.front.read >= next && len(w.lanes.all) < 2 {
		return // there is nothing else to read
	}
	for _, l := range w.lanes.all {
		if l.until.After(now) {
			w.giveBackLane(l)
		}
	}
	bytes := map[string]int{}
	for _, f := range w.queue.frames {
		bytes[w.lanes.shard(f.home)] += f.memory()
	}
	for shard, n := range bytes {
		d := waits(shard)
		if d >= longPace || d > 0 && n > w.bounds.window/2 && len(bytes) > 1 {
			l := w.lanes.trouble(now, laneID{shardLane, shard}, failure.Rule{}, w.front.read)
			l.until = now.Add(d)
			w.giveBackLane(l)
		}
	}
}

// longPace is how long a shard's pace may make frames wait with their leases.
const longPace = 2 * time.Second

// lanesWanted returns how long until a lane may read, and removes those that have
// caught up with the front.
func (w *window) lanesWanted(now time.Time) time.Duration {
	wait := longest
	for _, l := range w.lanes.all {
		if w.queued(l) {
			continue
		}
		if l.read >= w.front.read && now.Sub(l.until) > l.rest() {
			w.lanes.remove(l)
			continue
		}
		if l.read < w.front.read {
			wait = min(wait, max(l.until.Sub(now), 0))
		}
	}
	return wait
}

func (w *window) queued(l *lane) bool {
	for _, f := range w.queue.frames {
		if w.lanes.of(f.key, f.home) == l {
			return true
		}
	}
	return false
}

// room returns how many bytes of rows, with overhead, may be read: a window, and
// what is made of it must fit another one, together with what waits to be sent.
func (w *window) room() int {
	return min(w.bounds.window, w.bounds.leases-w.queue.stored, int(float64(w.bounds.window-w.queue.bytes)/w.fr.rate()))
}

// fill reads rows and makes frames of them. It reports whether there was anything to
// read.
func (w *window) fill(now time.Time, f facts, bell *doorbell) bool {
	rows, got := math.MaxInt, false
	if w.hunt.rows > 0 { // as many records as the next call may carry
		rows = w.hunt.rows
	}
	for _, l := range w.lanes.all {
		if rows > 0 && !l.until.After(now) && !w.queued(l) {
			n, moved := w.readLane(l, f, rows)
			got = got || moved
			rows -= n
		}
	}
	if rows > 0 && len(w.hunt.proven.runs) > 0 && !w.hunt.later(now) {
		n := w.readSuspects(&w.hunt.proven, f, rows)
		if n == 0 { // in lanes that wait, or on a disk that cannot be read now
			w.hunt.until = now.Add(longest)
		}
		got = got || n > 0
		rows -= n
	}
	// One window after the other, so that a backlog fills calls although its rows
	// do not fit the memory at once. A quarter of a window of frames is enough.
	for enough := min(f.call, w.bounds.window/4); rows > 0; {
		_, next := w.buf.Span()
		if w.front.read >= next {
			break
		}
		n, moved := w.readFront(next, f, bell, rows)
		got = got || moved
		rows -= n
		if !moved || !w.front.more || w.queue.bytes >= enough || w.room() < w.bounds.window/2 {
			break
		}
	}
	return got
}

// fillSuspects makes frames of suspects when there is nothing else to send: of one alone,
// or of all.
func (w *window) fillSuspects(f facts) {
	set := w.hunt.fresh
	if index, alone := w.hunt.next(); alone {
		set = indexSet{[]run{{index, index}}}
	}
	w.readSuspects(&set, f, math.MaxInt)
}

// readFront makes frames of a window of entries at the front. It returns how many rows it
// took, and reports whether the front moved.
func (w *window) readFront(next uint64, f facts, bell *doorbell, rows int) (taken int, moved bool) {
	room := w.room()
	if f.call < f.most {
		room = min(room, int(float64(f.call)/w.fr.rate()))
	}
	if n := bell.unread.Load(); room > 0 && n > int64(room) {
		room = int(n/((n+int64(room)-1)/int64(room))) + batchBytes/16 // windows of one size, and no crumbs in the last one
	}
	r := reading{from: w.front.read, to: next, bytes: room, rows: rows}
	if len(w.lanes.all) > 0 || w.hunt.suspects() {
		r.want = func(key string, h partition.Hash, index uint64) bool {
			return !w.hunt.suspect(index) && w.lanes.of(key, h) == nil
		}
	}
	w.read(&r, f)
	if r.seen == 0 && len(w.queue.frames) > 0 { // no more may be leased before some of it is sent
		w.front.more = true
		return 0, false
	}
	if r.seen == 0 {
		// All from here on is finished, or on a disk that cannot be read now.
		first, _ := w.buf.Span()
		w.front.read, w.front.more, w.front.first = max(w.front.read, first), false, time.Time{}
		bell.idle.Store(true)
		return 0, first > r.from
	}
	w.front.read, w.front.top = r.from, max(w.front.top, r.from)
	w.front.more = w.front.read < next
	bell.read(r.fresh, w.front.more)
	if !w.front.more {
		w.front.first = time.Time{}
	}
	return r.taken, true
}

// readLane makes frames of a lane's own rows. It returns how many, and reports whether the
// lane's read place moved.
func (w *window) readLane(l *lane, f facts, rows int) (taken int, moved bool) {
	r := reading{from: l.read, to: w.front.read, bytes: max(min(l.allow, w.room()), 1), rows: rows,
		want: func(key string, h partition.Hash, index uint64) bool {
			return !w.hunt.suspect(index) && w.lanes.of(key, h) == l
		}}
	w.read(&r, f)
	if moved, l.read = r.from > l.read, r.from; r.seen == 0 && l.read < w.front.read {
		// All up to the front is finished, or on a disk that cannot be read now: the front
		// will see.
		w.front.read = l.read
		w.lanes.remove(l)
	}
	return r.taken, moved
}

// readSuspects makes frames of suspects, and returns of how many. Of those that it passes
// without finding them, dropped or expired, nothing is to be known.
func (w *window) readSuspects(set *indexSet, f facts, rows int) int {
	w.tidy()
	first, _ := w.buf.Span()
	set.dropBelow(first)
	if len(set.runs) == 0 {
		return 0
	}
	runs := set.runs
	var found []run
	r := reading{from: runs[0].first, to: runs[len(runs)-1].last + 1, bytes: max(w.room(), 1), rows: rows}
	r.want = func(key string, h partition.Hash, index uint64) bool {
		if !set.has(index) {
			return false
		}
		found = append(found, run{index, index})
		return w.lanes.of(key, h) == nil
	}
	w.read(&r, f)
	if r.from >= r.to { // of those that are queued already it says nothing
		for _, f := range w.queue.frames {
			found = append(found, f.runs...)
		}
		kept := indexSet{}
		kept.add(found)
		lost := indexSet{slices.Clone(runs)}
		lost.remove(kept.runs)
		w.hunt.end(lost.runs)
	}
	return r.taken
}

// reading is one pass over the buffer.
type reading struct {
	from, to uint64                                                // indexes; read moves from to where it ended
	bytes    int                                                   // of rows, with overhead, to take at the most, but for a first one
	rows     int                                                   // to take at the most
	want     func(key string, h partition.Hash, index uint64) bool // nil: all

	seen  int // bytes of the entries that were looked at
	fresh int // of these, bytes that were not read before
	taken int // rows that were made frames of
}

// mostPassed bounds what one pass looks at without taking it, so that a scan is done in
// steps.
const mostPassed = 4 << 20

// read leases entries, makes frames of those that are wanted, and returns the others.
func (w *window) read(r *reading, f facts) {
	w.buf.Seek(r.from)
	used := 0
	for used < r.bytes && r.taken < r.rows && r.from < r.to && r.seen < max(mostPassed, r.bytes) {
		entries := w.buf.Next(min(r.bytes-used, batchBytes))
		if len(entries) == 0 {
			break
		}
		used += w.collect(entries, r, f)
	}
	w.encodeAll(f)
}

// collect sorts entries into groups by their key, gives back those that are not wanted,
// and returns how many bytes it took.
func (w *window) collect(entries []retry.Entry, r *reading, f facts) (bytes int) {
	var pass run
	for i := range entries {
		e := &entries[i]
		n := len(e.Data) + retry.EntryOverhead
		if e.Index < r.to && r.taken < r.rows {
			r.from = e.Index + 1
			r.seen += n
			if e.Index >= w.front.top {
				r.fresh += n
			}
			if w.take(e, r, f) {
				bytes += n
				r.taken++
				continue
			}
		} else if e.Index >= r.to && r.taken < r.rows {
			r.from = r.to
		}
		if pass.last+1 != e.Index {
			w.pass(pass)
			pass.first = e.Index
		}
		pass.last = e.Index
	}
	w.pass(pass)
	return bytes
}

func (w *window) pass(r run) {
	if r.last > 0 {
		w.buf.Return(r.first, r.last)
	}
}
