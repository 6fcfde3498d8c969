package producer

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// sender is the one consumer of the buffer: it reads rows, makes frames, packs
// them into calls and deals with the answers. It belongs to one goroutine, so it
// has no lock, and it holds none while it waits, calls Kinesis or calls back. It decides the
// order of things; what is known is with its parts.
type sender struct {
	p      *Producer
	cfg    *Config
	remote remote
	win    window
	stream stream
	link   link
	flush  uint64 // send up to this index without waiting
	lone   bool   // the next call carries suspects only, as there is nothing else
}

func newSender(p *Producer) *sender {
	dec := record.NewDecoder(p.types...)
	for id, doc := range p.buf.Definitions() {
		if err := dec.AddStored(id, doc); err != nil {
			// A device must start whatever is in its buffer. The rows of this
			// schema will end as corrupt, with their ids.
			p.cfg.Logger.Warn("a schema in the buffer cannot be read", "fingerprint", id, "error", err)
		}
	}
	first, next := p.buf.Span()
	s := &sender{p: p, cfg: &p.cfg, remote: newRemote(p.api, &p.cfg), stream: newStream(),
		link: link{size: newCallSize(max(p.bounds.window, aggregateBytes))},
		win: window{cfg: &p.cfg, buf: p.buf, bounds: p.bounds, fr: newFramer(dec),
			// What is found in the buffer has waited long enough.
			front: front{read: first, oldest: first, more: first < next}}}
	s.win.lanes.shard = s.stream.predict
	s.win.marks.before = next
	s.win.marks.byDevice = s.cfg.Key.String() == partition.ByDevice().String()
	s.win.fr.batch.SetMark(s.win.marks.of)
	return s
}

// run is the sender's goroutine.
func (s *sender) run() {
	defer close(s.p.life.sent)
	for {
		s.p.reportLosses()
		first, _ := s.p.buf.Span()
		flush := s.p.flushes.release(first)
		if s.p.bell.closing.Load() {
			first, next := s.p.buf.Span() // a Put may have come in before it was closing
			if first == next || s.p.life.ctx.Err() != nil {
				return
			}
			flush = next - 1
		}
		s.flush = max(s.flush, flush)
		if s.p.bell.hurry.Swap(false) { // a Flush or Close: try, whatever we were waiting for
			s.link.until = time.Time{}
			s.win.due()
		}
		now := time.Now()
		wait := s.step(now)
		s.report()
		if wait > 0 {
			if now.Sub(s.win.fr.used) >= lull {
				s.win.fr.release()
			}
			s.sleep(wait)
		}
	}
}

// lull is how long there has to be nothing to encode before the memory for it is
// given back.
const lull = time.Minute

// sleep waits for d, for the bell, or for the producer's end.
func (s *sender) sleep(d time.Duration) {
	t := time.NewTimer(min(d, longest))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.p.bell.wake:
	case <-s.p.life.ctx.Done():
	}
}

// step does the next thing there is to do and returns how long nothing is.
func (s *sender) step(now time.Time) time.Duration {
	if d := s.link.until.Sub(now); d > 0 {
		return d
	}
	idle := s.win.wanted(now, s.flush, s.p.bell, s.cfg.FlushInterval, func(shard string) time.Duration { return s.stream.paces.left(now, shard) })
	if idle == 0 {
		if s.stream.due(now) && !s.ask(now) {
			return 0
		}
		if !s.win.fill(now, s.facts(), s.p.bell) {
			idle = unreadable
		}
		s.p.bell.enough.Store(min(s.p.bounds.burst, int64(aggregateBytes/s.win.fr.rate())))
	}
	if s.lone = idle > 0 && s.win.onlySuspects(now); s.lone {
		s.win.fillSuspects(s.facts())
	}
	entries, wait := pack(now, &s.win, &s.stream, s.link.size.call)
	if len(entries) == 0 {
		return min(wait, idle) // idle 0: there is more to read, though all that is queued must wait
	}
	s.send(entries)
	s.win.fr.sent(entries)
	return 0
}

func (s *sender) facts() facts {
	return facts{recordBytes: s.stream.recordBytes, limited: s.stream.limited, call: s.link.size.call, most: s.link.size.most, why: s.stream.why}
}

// send makes one call and has its answer carried out.
func (s *sender) send(entries []*entry) {
	sent, records := 0, 0
	for _, e := range entries {
		sent += e.bytes()
		records += e.records()
		for _, f := range e.frames {
			f.attempts++
		}
	}
	a := s.remote.put(s.p.life.ctx, entries, s.link.size.call)
	now := time.Now()
	moved := a.moved(entries)
	if moved {
		s.relist(now, entries, a)
	}
	verdicts := judge(entries, a, s.stream.belongs)
	s.countVerdicts(a, verdicts)
	s.paced(verdicts)
	late := s.win.apply(now, verdicts, a.err != nil)
	s.p.figures.count(func(st *Stats) { st.Late += uint64(late) })
	if moved {
		s.win.reroute()
	}
	if a.err == nil {
		s.p.keepTime()
		s.answered(now, sent, verdicts)
	} else {
		s.failed(now, sent, records == 1, verdicts[0].verdict, a)
	}
}

// answered has the link learn of a call whose entries have results of their own.
func (s *sender) answered(now time.Time, sent int, verdicts []judged) {
	var bad *judged
	for i := range verdicts {
		switch j := &verdicts[i]; {
		case j.verdict == delivered, j.rule.Code == codeMoved:
			s.link.answered(now, sent, s.cfg.FlushInterval, s.flush >= s.win.front.read)
			s.p.setState(Online, failure.Rule{}, nil)
			return
		default:
			bad = j
		}
	}
	if bad.verdict == tooLarge {
		s.link.size.tooLarge(now, bad.bytes())
	}
	if bad.verdict == refused || bad.verdict == tooLarge {
		tries, since := s.win.refusals()
		s.link.refused(now, bad.rule, bad.err, tries, since, true)
		s.afterLone(now)
	} else {
		s.link.entriesFailed(now, bad.rule, bad.err, 2*s.cfg.FlushInterval)
	}
	s.p.setState(s.link.state, s.link.rule, s.link.err)
}

// failed has the link learn of a call that failed as a whole.
func (s *sender) failed(now time.Time, sent int, alone bool, v verdict, a *answer) {
	switch v {
	case tooLarge: // less in a call, and no record is suspected
		s.link.size.tooLarge(now, sent)
		s.link.entriesFailed(now, a.rule, a.err, 0)
	case refused:
		tries, since := s.win.refusals()
		s.link.refused(now, a.rule, a.err, tries, since, alone)
		s.afterLone(now)
	default:
		if tooSlow(a.rule) {
			s.link.size.timedOut(sent)
		}
		if s.stream.gone(a.rule) { // a new one's shards have the same names, and other ranges
			s.win.reroute()
		}
		if s.link.failed(now, a.rule, a.err) {
			s.refreshCredentials() // and try at once, before anybody is told
			return
		}
		if s.link.calls > 1 || tooSlow(a.rule) { // the same bytes would time out again
			s.win.giveBack()
		}
	}
	s.publish()
}

// afterLone makes a try of suspects, which was refused as before, wait longer than one
// that finds something new.
func (s *sender) afterLone(now time.Time) {
	if s.lone {
		s.win.restSuspects(now.Add(s.link.suspectsOnly()))
	}
}

// publish shows the link's state in Stats, but not what Close itself has brought about.
func (s *sender) publish() {
	if s.p.life.ctx.Err() == nil {
		s.p.setState(s.link.state, s.link.rule, s.link.err)
	}
}

// ask asks Kinesis about the stream, and reports whether records may be sent after it.
func (s *sender) ask(now time.Time) bool {
	was := s.stream.state
	err := s.remote.describe(s.p.life.ctx, now, &s.stream)
	if now = time.Now(); err != nil {
		rule := classify(err)
		if s.stream.askFailed(now, rule) {
			if s.link.failed(now, rule, err) {
				s.refreshCredentials()
				return false
			}
			if s.link.calls > 1 {
				s.win.giveBack()
			}
			s.publish()
			return false
		}
		s.cfg.Logger.Info("not aggregating: the stream cannot be described", "stream", s.cfg.Stream, "error", failure.Clean(err))
	}
	if was != unknown {
		s.win.reroute()
	}
	return true
}

// relist lists the shards after something landed on another one than predicted: the stream
// was resharded, or switched to AUTO.
func (s *sender) relist(now time.Time, entries []*entry, a *answer) {
	if !s.stream.mayList(now) {
		return
	}
	if err := s.remote.relist(s.p.life.ctx, now, &s.stream); err != nil {
		s.stream.forget()
		return
	}
	s.stream.explain(now, entries, a)
}

// paced tells the shards' rate limiters, and what shows the stream's order, of an answer.
func (s *sender) paced(verdicts []judged) {
	throttled := map[string]bool{}
	for i := range verdicts {
		j := &verdicts[i]
		switch {
		case j.verdict == delivered:
			s.stream.paces.worked(j.shard)
			if f := j.first(); s.stream.state == unaggregated && f.ehk == "" && s.stream.landed.note(f.key, j.shard) {
				s.stream.auto = true
			}
		case j.rule.Class == failure.Throttle && !throttled[j.entry.shard]: // once in a call
			throttled[j.entry.shard] = true
			s.stream.paces.throttled(j.entry.shard)
		}
	}
}

// refreshCredentials makes the SDK fetch new credentials before the next call.
func (s *sender) refreshCredentials() {
	c, ok := s.p.api.(interface{ Options() kinesis.Options })
	if !ok {
		return
	}
	if cache, ok := c.Options().Credentials.(interface{ Invalidate() }); ok {
		cache.Invalidate()
	}
}

// report tells OnDelivery of the frames that ended.
func (s *sender) report() {
	for _, e := range s.win.takeEnded() {
		if e.outcome != retry.Delivered {
			s.p.reportLost(&LostError{Outcome: e.outcome, IDs: e.ids.list, Reason: e.err}, e.key, e.attempts)
			continue
		}
		s.p.onDelivery(Delivery{IDs: e.ids.list, PartitionKey: e.key, Shard: e.shard, SequenceNumber: e.seq, Attempts: e.attempts})
	}
}

// countVerdicts enters an answer in the figures.
func (s *sender) countVerdicts(a *answer, verdicts []judged) {
	s.p.figures.count(func(st *Stats) {
		st.Requests++
		if a.err != nil && a.rule.Class == failure.Unknown {
			st.Unknown++
		}
		for i := range verdicts {
			j := &verdicts[i]
			if j.verdict == delivered || j.verdict == again { // it reached Kinesis, or may have
				for _, f := range j.frames {
					st.DuplicatesSent += uint64(f.again)
				}
			}
			switch {
			case j.verdict == delivered || j.rule.Code == codeMoved:
				st.KinesisRecords++
				st.UserRecords += uint64(len(j.frames))
				st.PayloadBytes += uint64(j.size)
				st.PayloadUnits += payloadUnits(j.bytes())
			case j.rule.Class == failure.Throttle && a.err == nil:
				st.Throttled++
			default:
				st.Failed++
			}
		}
	})
}
