package producer

import (
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// failing is the run of failed calls that the sender is in.
type failing struct {
	rule    failure.Rule // of the last one; the zero Rule when none failed
	backoff failure.Backoff
	since   time.Time
	calls   int
	tried   bool // the one thing that the class allows at once has been tried
	paused  bool
}

// patience is how many calls in a row may fail while frames are kept as they are
// for the sake of a search.
const patience = 4

// answered ends a run of failures. After an outage of a minute or more the drain
// begins after a random wait, so that the devices behind one cell tower or one
// endpoint do not all begin at once; a Flush does not wait.
func (s *sender) answered(now time.Time) {
	f := &s.failing
	if out := now.Sub(f.since); f.rule.Class == failure.Offline && out >= time.Minute && s.flush < s.read {
		s.until = now.Add(rand.N(min(out/10, s.cfg.FlushInterval, 30*time.Second) + 1))
	}
	*f = failing{}
	s.size.worked()
}

// callFailed deals with a call of PutRecords that failed as a whole.
func (s *sender) callFailed(now time.Time, entries []*entry, err error) {
	rule := classify(err)
	s.p.count(func(st *Stats) {
		st.Failed += uint64(len(entries))
		if rule.Class == failure.Unknown {
			st.Unknown++
		}
	})
	sent := 0
	for _, e := range entries {
		sent += e.bytes()
		switch rule.Class {
		case failure.Unknown:
			s.unknown(e)
		case failure.Throttle:
			if pc := s.stream.pace(e.shard); pc != nil {
				pc.throttled()
			}
		}
	}
	if rule.Class == failure.Bisect || rule.Class == failure.TooLarge {
		s.refused(now, entries, rule, err)
		return
	}
	if rule.Code == failure.CodeTimeout {
		s.size.timedOut(sent)
	}
	s.backOff(now, rule, err)
	if rule.Code == failure.CodeTimeout {
		s.release() // the same bytes would time out again
	}
}

// lookFailed deals with a failed question about the stream. One that we may not
// ask, that is throttled for the account, or whose answer makes no sense, is no
// reason not to send; it is one not to aggregate.
func (s *sender) lookFailed(now time.Time, err error) {
	rule := classify(err)
	ask := time.Hour
	switch {
	case rule.Class == failure.Throttle, rule.Class == failure.Retry:
		ask = time.Minute
	case rule.Code == "AccessDeniedException", rule.Code == "UnknownOperationException", rule.Code == failure.CodeEmptyResponse,
		rule.Class == failure.Bisect, rule.Class == failure.TooLarge:
	default:
		s.backOff(now, rule, err)
		return
	}
	s.stream.asked, s.stream.aggregate, s.stream.askAt = true, false, now.Add(ask)
	s.cfg.Logger.Info("not aggregating: the stream cannot be described", "stream", s.cfg.Stream, "error", err)
}

// backOff waits as the rule says, and gives the leases back when it is not the
// first failure in a row.
func (s *sender) backOff(now time.Time, rule failure.Rule, err error) {
	f := &s.failing
	switch {
	case f.calls == 0:
		*f = failing{backoff: rule.Backoff(), since: now}
	case f.rule.Code != rule.Code: // a bad link fails in many ways: the waits go on growing
		f.backoff.Min, f.backoff.Max, f.paused = rule.Min, rule.Max, false
	}
	f.rule = rule
	f.calls++
	state := Backoff
	switch rule.Class {
	case failure.Offline:
		state = Offline
	case failure.Pause:
		f.paused = true
	case failure.Refresh, failure.Clock:
		if !f.tried {
			f.tried = true
			s.refreshCredentials()
			return // at once: the SDK has learnt the clock's offset from the answer
		}
		f.paused = true
	}
	if rule.Patience > 0 && now.Sub(f.since) > rule.Patience && !f.paused {
		f.paused, f.backoff = true, rule.PausedBackoff()
	}
	if f.paused {
		state = Paused
	}
	s.until = now.Add(f.backoff.Next())
	if s.p.ctx.Err() == nil { // else it is Close that ended the call: what was wrong before is the news
		s.p.setState(state, rule.Code, rule.Advice, err)
	}
	if f.calls > patience {
		s.search.suspects = nil // what they are compared with does not get through; they will be found again
	}
	if f.calls > 1 {
		s.size.failed()
		s.release()
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
