package producer

import (
	"time"
)

// packer chooses what the next call carries. Frames of one key keep their order: a
// key has at most one entry in a call, since Kinesis may store a call's entries
// in any order and may refuse any of them, and a frame that has to wait holds
// back those of its key behind it. A stream that spreads records over its shards as it
// likes has no order to keep, and a key may have many entries.
type packer struct {
	now    time.Time
	w      *window
	stream *stream
	call   int // bytes that the call may carry

	held    map[string]bool // keys that wait
	byKey   map[string]*entry
	open    map[target]*entry // aggregates that can be added to
	entries []*entry
	total   int
	wait    time.Duration // until something that waits may be sent
}

// target is where frames go together.
type target struct {
	shard    string
	explicit bool // an aggregate has explicit hash keys on all of its records or on none
}

// pack returns the entries of the next call, or how long until something may be sent.
func pack(now time.Time, w *window, st *stream, call int) ([]*entry, time.Duration) {
	p := packer{now: now, w: w, stream: st, call: call, wait: longest,
		held: map[string]bool{}, byKey: map[string]*entry{}, open: map[target]*entry{}}
	for _, f := range w.queue.frames {
		if !p.held[f.key] && !p.add(f) {
			break
		}
	}
	return p.entries, p.wait
}

func (p *packer) hold(f *frame, d time.Duration) {
	if !p.stream.anyOrder() {
		p.held[f.key] = true
	}
	p.wait = min(p.wait, max(d, time.Millisecond))
}

// add adds a frame to the call, or holds it. It reports false when the call is full.
func (p *packer) add(f *frame) bool {
	l := p.w.lanes.of(f.key, f.home)
	if l != nil && l.until.After(p.now) {
		p.hold(f, l.until.Sub(p.now))
		return true
	}
	shard := p.stream.predict(f.hash)
	size := len(f.data) + len(f.key)
	if p.total+size > min(maxRequestBytes, p.call) && len(p.entries) > 0 {
		return false
	}
	to := target{shard, f.ehk != ""}
	e, mine := p.open[to], p.byKey[f.key]
	joins := e != nil && p.stream.aggregates() && !l.alone() && (mine == nil || mine == e) && p.fits(e, f)
	if !joins && (mine != nil && !p.stream.anyOrder() || len(p.entries) == maxRequestRecords) {
		p.hold(f, 0)
		return true
	}
	records := 1
	if joins {
		records = 0
	}
	if d := p.stream.paces.wait(p.now, shard, size, records); d > 0 {
		p.hold(f, d)
		return true
	}
	if !joins {
		p.entry(f, shard, to, l)
		return true
	}
	before := e.bytes()
	if !e.add(f) {
		p.hold(f, 0)
		return true
	}
	p.total += e.bytes() - before
	p.byKey[f.key] = e
	return true
}

// entry adds a frame as an entry of its own.
func (p *packer) entry(f *frame, shard string, to target, l *lane) {
	e := &entry{frames: []*frame{f}, shard: shard, size: len(f.data)}
	if f.nested { // or consumers would take it apart
		e.agg = p.w.fr.builder()
		if e.agg.Add(userRecord(f)) == nil {
			e.size = e.agg.Size()
		}
	}
	if !l.alone() {
		p.open[to] = e
	}
	p.entries = append(p.entries, e)
	p.byKey[f.key] = e
	p.total += e.bytes()
}

// fits reports whether f can join the entry's aggregate without making it larger
// than an aggregate is filled to, or than the stream takes.
func (p *packer) fits(e *entry, f *frame) bool {
	limit := min(aggregateBytes, p.stream.recordBytes) - len(e.first().key)
	if e.size+len(f.data) > limit {
		return false
	}
	if e.agg == nil {
		b := p.w.fr.builder()
		if b.Add(userRecord(e.first())) != nil {
			return false
		}
		e.agg = b
	}
	return e.agg.SizeWith(userRecord(f)) <= limit
}
