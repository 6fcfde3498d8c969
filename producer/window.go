package producer

import (
	"math"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/retry"
)

// window owns all that is leased from the buffer, and alone speaks of leases with it:
// frames that wait to be sent are leased, and nothing else is between two rounds. It reads
// from several places: the front, which only moves forward unless everything is given
// back, the lanes in trouble, and the suspects of a hunt.
//
// One rule keeps the order of each key: a row is framed only when every row of its key
// before it is finished, a suspect, or in a frame before it in the queue. So frames leave the
// queue, without being sent, by whole lanes or all together.
type window struct {
	cfg    *Config
	buf    retry.Buffer
	bounds bounds
	fr     framer
	queue  queue
	front  front
	lanes  lanes
	hunt   hunt
	maybe  indexSet // entries that an attempt of unknown outcome carried
	marks  marks
	ended  []ending // not reported yet
}

// front is the place up to which the buffer was read.
type front struct {
	read   uint64    // the index to go on at
	more   bool      // there is more than was read: do not wait for age
	first  time.Time // when rows not read yet were noticed; zero: there are none
	top    uint64    // the highest that it ever was
	oldest uint64    // the buffer's oldest entry when looked at last
}

// ending is the end of a frame.
type ending struct {
	*frame
	outcome    retry.Outcome
	shard, seq string // if delivered
	err        error  // otherwise
}

// end finishes a frame's entries in the buffer and notes it for the report.
func (w *window) end(e ending) {
	for _, r := range e.runs {
		w.buf.Ack(r.first, r.last, e.outcome)
	}
	w.maybe.remove(e.runs)
	w.hunt.end(e.runs)
	w.ended = append(w.ended, e)
}

// onlySuspects reports whether nothing is left to send but suspects, and it is time to try them.
func (w *window) onlySuspects(now time.Time) bool {
	return len(w.queue.frames) == 0 && len(w.hunt.fresh.runs) > 0 && !w.hunt.later(now)
}

// refusals returns how many calls in a row were refused with nothing stored between, and since
// when.
func (w *window) refusals() (int, time.Time) { return w.hunt.tries, w.hunt.since }

// due makes lanes and suspects try at once.
func (w *window) due() {
	w.lanes.due()
	w.hunt.until = time.Time{}
}

// restSuspects leaves suspects alone until a time.
func (w *window) restSuspects(until time.Time) { w.hunt.until = until }

// takeEnded returns the endings since the last call.
func (w *window) takeEnded() []ending {
	e := w.ended
	w.ended = nil
	return e
}

// unsure notes that a frame's entries may have been stored.
func (w *window) unsure(f *frame) {
	w.maybe.add(f.runs)
	f.again = f.records
}

// apply carries the verdicts on a call out. whole reports whether the call failed as a whole:
// then it is the link that waits, and not a lane. It returns how many records were suspects
// and accepted after all.
func (w *window) apply(now time.Time, verdicts []judged, whole bool) (late int) {
	late = w.deliver(verdicts)
	var split []judged
	held := map[laneID]bool{}
	for i := range verdicts {
		j := &verdicts[i]
		switch j.verdict {
		case delivered:
		case again:
			for _, f := range j.frames {
				w.unsure(f)
			}
			if !whole && j.rule.Code != codeMoved {
				w.hold(now, j, held)
			}
		case hold:
			if !whole {
				w.hold(now, j, held)
			}
		default:
			split = append(split, *j)
		}
	}
	w.split(now, split, whole)
	return late
}

// deliver ends the frames that were stored, and lets their lanes go on.
func (w *window) deliver(verdicts []judged) (late int) {
	done := map[*frame]bool{}
	for i := range verdicts {
		j := &verdicts[i]
		if j.verdict != delivered {
			continue
		}
		for _, f := range j.frames {
			if w.hunt.suspects() {
				late += w.hunt.fresh.count(f.runs) + w.hunt.proven.count(f.runs)
			}
			w.end(ending{frame: f, outcome: retry.Delivered, shard: j.shard, seq: j.seq})
			done[f] = true
			if f.marked {
				w.marks.delivered(f.ids.list)
			}
			if l := w.lanes.of(f.key, f.home); l != nil {
				l.worked()
			}
		}
	}
	if len(done) > 0 {
		w.queue.take(func(f *frame) bool { return done[f] })
		w.hunt.stored()
	}
	return late
}

// hold puts the lane of an entry that was not stored into trouble, once in a call: its shard if that
// throttles or if several keys shared the entry, else its key.
func (w *window) hold(now time.Time, j *judged, held map[laneID]bool) {
	for _, f := range j.frames {
		id := w.lanes.failing(f.key, f.home)
		if j.rule.Class == failure.Throttle && f.ehk == "" || j.shared() {
			id = w.lanes.throttled(f.home)
		}
		if l := w.lanes.of(f.key, f.home); l != nil && l.id.kind > id.kind { // it is looked at first
			id = l.id
		}
		if held[id] {
			continue
		}
		held[id] = true
		if l := w.lanes.trouble(now, id, j.rule, w.front.read); l.failures > 1 {
			w.giveBackLane(l)
		}
	}
}

// split deals with what was refused. A call refused as a whole counts as one.
func (w *window) split(now time.Time, entries []judged, whole bool) {
	if len(entries) == 0 {
		return
	}
	if whole {
		all := &entry{}
		for i := range entries {
			all.frames = append(all.frames, entries[i].frames...)
		}
		entries = []judged{{entry: all, verdict: entries[0].verdict, rule: entries[0].rule, err: entries[0].err}}
	}
	for i := range entries {
		j := &entries[i]
		if j.verdict == tooLarge {
			continue // the next call carries less
		}
		records := j.records()
		w.hunt.refused(now, records)
		if records > 1 {
			continue
		}
		f := j.first()
		if w.hunt.proven.count(f.runs) > 0 {
			w.queue.take(func(o *frame) bool { return o == f })
			w.end(ending{frame: f, outcome: retry.Rejected, err: j.err})
		} else {
			w.hunt.fresh.add(f.runs)
		}
	}
	w.giveBack()
}

// giveBack gives all leases back, so that the buffer may drop or expire the oldest,
// memory is free while there is no link, and what has gathered is framed afresh.
func (w *window) giveBack() {
	for _, f := range w.queue.frames {
		w.unread(f)
	}
	w.queue = queue{}
	w.buf.Return(0, math.MaxUint64)
	w.tidy()
}

// giveBackLane gives the leases of a lane's frames back.
func (w *window) giveBackLane(l *lane) {
	for _, f := range w.queue.take(func(f *frame) bool { return w.lanes.of(f.key, f.home) == l }) {
		for _, r := range f.runs {
			w.buf.Return(r.first, r.last)
		}
		w.unread(f)
	}
}

// unread moves the read place of a frame's rows back to them. Suspects have none: what
// is known of them is enough to find them.
func (w *window) unread(f *frame) {
	if w.hunt.suspect(f.runs[0].first) {
		return
	}
	read := &w.front.read
	if l := w.lanes.of(f.key, f.home); l != nil {
		read = &l.read
	} else {
		w.front.more = true
	}
	*read = min(*read, f.runs[0].first)
}

// reroute begins afresh after it has become known that records go to other shards than
// was thought: no lane is what it was.
func (w *window) reroute() {
	for _, l := range w.lanes.all {
		w.front.read = min(w.front.read, l.read)
	}
	w.lanes = lanes{shard: w.lanes.shard, base: w.lanes.base}
	w.front.more = true
	w.giveBack()
}

// tidy forgets what is known of entries that are finished: all below the oldest.
func (w *window) tidy() {
	first, _ := w.buf.Span()
	w.maybe.dropBelow(first)
	w.hunt.fresh.dropBelow(first)
	w.hunt.proven.dropBelow(first)
}
