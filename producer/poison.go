package producer

import (
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/retry"
)

// search looks for the poison in a call that Kinesis refuses for what it is: calls
// are halved until one record is left, which is tried once more and then becomes
// a suspect. It is given up when Kinesis stores something after the first refusal
// of it alone. While it stores nothing, the fault may be in every call (a wrong
// endpoint, a proxy in between), and giving up record after record would empty the
// buffer.
type search struct {
	upTo       uint64 // highest index in the call that began it; 0: nothing is searched
	maxFrames  int    // of a call
	maxRecords int    // of a frame
	suspects   []*frame
	reason     error // why the last suspect was refused
}

const (
	// unlimited is more frames than a call, and more records than a frame, can have.
	unlimited = 1 << 30
	// maxSuspects refused one after the other are too many for a coincidence.
	maxSuspects = 8
)

func noSearch() search { return search{maxFrames: unlimited, maxRecords: unlimited} }

// refused narrows the search after a call, or an entry of one, was refused. It may
// release, after which no frame of the call is in the queue any more.
func (s *sender) refused(now time.Time, entries []*entry, rule failure.Rule, err error) {
	q := &s.search
	if n := s.acquitted; q.upTo == 0 && n&(n-1) != 0 {
		// A whole search found that everything is refused. It is repeated at the
		// 1st, 2nd, 4th, 8th … probe after that; the others cost one call.
		s.acquitted++
		s.acquit(now, rule, err)
		return
	}
	frames := 0
	for _, e := range entries {
		frames += len(e.frames)
		if q.upTo == 0 || frames > 1 {
			for _, f := range e.frames {
				q.upTo = max(q.upTo, f.runs[len(f.runs)-1].last)
			}
		}
	}
	f := entries[0].first()
	switch {
	case frames > 1:
		q.maxFrames = frames / 2
	case !f.single():
		q.maxFrames, q.maxRecords, q.suspects = 1, f.records/2, nil
		s.release() // and frame it afresh
	case f.refusals == 0:
		f.refusals, f.storedBefore = 1, s.stored
		f.notBefore, q.maxFrames = now.Add(time.Second), 1
	case s.stored > f.storedBefore:
		s.giveUp(f, retry.Rejected, err)
		s.remove(map[*frame]bool{f: true})
	case len(q.suspects) < maxSuspects:
		// Its key is not held back: on a device with one key there would be
		// nothing to compare it with.
		q.suspects, q.reason = append(q.suspects, f), err
		s.remove(map[*frame]bool{f: true})
	default:
		s.acquitted++
		s.acquit(now, rule, err)
	}
}

// single tells whether a frame cannot be split.
func (f *frame) single() bool { return f.opaque || f.records == 1 }

// proved is told that Kinesis stored something: the suspects are guilty.
func (s *sender) proved() {
	s.stored++
	s.acquitted = 0
	q := &s.search
	if q.upTo == 0 {
		return
	}
	for _, f := range q.suspects {
		s.giveUp(f, retry.Rejected, q.reason)
	}
	q.suspects = nil
	q.maxFrames, q.maxRecords = min(q.maxFrames, unlimited/2)*2, min(q.maxRecords, unlimited/2)*2 // in 32 bits too
	if first, _ := s.p.buf.Span(); first > q.upTo {
		*q = noSearch()
	}
}

// acquit ends a search in which nothing worked: it is not the records. They are
// all kept, and the producer waits as for a pause.
func (s *sender) acquit(now time.Time, rule failure.Rule, err error) {
	b := rule.PausedBackoff()
	rule.Class, rule.Min, rule.Max = failure.Pause, b.Min, b.Max
	rule.Advice = "Kinesis refuses all that was tried, so the records may not be to blame; all are kept. Check the stream's name, " +
		"the endpoint and region, and look for a proxy in between. If it is one record, it is found when others follow it."
	s.search = noSearch()
	s.backOff(now, rule, err)
	s.release()
}
