package producer

import (
	"time"

	"github.com/rivulet-iot/rivulet/retry"
)

// bisect halves the call until what is left is one record that Kinesis refuses.
// That one is given up when another call has worked meanwhile; if none has, the
// fault may be in every call (a wrong endpoint, a wrong stream), and giving up
// record after record would empty the buffer. So the record is set aside as the
// suspect first, and what the next call brings decides.
func (s *sender) bisect(now time.Time, entries []*entry, rule retry.Rule, err error) {
	frames := 0
	for _, e := range entries {
		frames += len(e.frames)
	}
	if s.maxFrames == noFrameLimit && s.maxRecords == noFrameLimit {
		s.worked = false
	}
	f := entries[0].first()
	switch {
	case frames > 1:
		s.maxFrames = frames / 2
	case !s.single(f):
		s.maxFrames, s.maxRecords = 1, f.records/2
		s.release() // and frame it afresh
	case s.worked:
		s.maxFrames, s.maxRecords = noFrameLimit, noFrameLimit
		s.giveUp(f, retry.Rejected, err)
		s.remove(map[*frame]bool{f: true})
	case s.suspect == nil:
		s.suspect, s.suspicion = f, err
	default: // a second one, and nothing worked between: it is not the records
		s.acquit(now, rule, err)
	}
}

// acquit takes the suspect back into the queue and waits like for a pause.
func (s *sender) acquit(now time.Time, rule retry.Rule, err error) {
	s.suspect = nil
	s.maxFrames, s.maxRecords = noFrameLimit, noFrameLimit
	rule.Class = retry.Pause
	b := rule.PausedBackoff()
	rule.Min, rule.Max = b.Min, b.Max
	s.backOff(now, rule, err)
	s.release()
}
