package producer

import (
	"math/rand/v2"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// link is the health of the way to Kinesis, as a whole: one state, how long to wait,
// how much a call carries. The table of its states is in DESIGN.md. Trouble with one
// shard or key is not the link's: see lanes.
type link struct {
	state   State
	rule    failure.Rule // of the last failure; the zero Rule while Online
	err     error        // likewise
	backoff failure.Backoff
	since   time.Time // of the first failure in a row
	calls   int       // failed in a row
	tried   bool      // the attempt that the class allows at once was made
	until   time.Time // no call before
	stored  time.Time // when something was stored last
	size    callSize
}

const (
	// pausedAfter is how many refusals in a row, with nothing stored between, are taken
	// for a fault that is not in the records.
	pausedAfter = 16
	// After a refusal of a record alone the next call waits a sixteenth of the time since
	// the first one, within these bounds: 64 bad records in a row are found in two
	// minutes, and an endpoint that refuses everything for a day costs some 1,500 calls.
	leastRefusedWait, mostRefusedWait = time.Second / 4, time.Minute
)

const allRefused = "Kinesis refuses all that was tried, so the records may not be to blame; all are kept. Check the stream's name, " +
	"the endpoint and region, and look for a proxy in between. If it is one record, it is found when others follow it."

// answered ends a run of failures: something was stored, or a call was answered entry by
// entry. After an outage of a minute or more the drain begins after a random wait, so that
// the devices behind one cell tower or endpoint do not all begin at once; with hurry it
// does not wait.
func (l *link) answered(now time.Time, sent int, most time.Duration, hurry bool) {
	if out := now.Sub(l.since); l.state == Offline && out >= time.Minute && !hurry {
		l.until = now.Add(rand.N(min(out/10, most, 30*time.Second) + 1))
	}
	l.size.worked(now, sent)
	*l = link{until: l.until, size: l.size, stored: now}
}

// entriesFailed notes that a call was answered and stored nothing. Its lanes do the
// waiting. While other calls store something, the link is well.
func (l *link) entriesFailed(now time.Time, rule failure.Rule, err error, recent time.Duration) {
	if l.state == Online && !l.stored.IsZero() && now.Sub(l.stored) <= recent {
		return
	}
	l.state, l.rule, l.err = Backoff, rule, err
}

// failed notes a call that failed as a whole, and waits as its rule says. It reports whether
// fresh credentials are to be fetched before the next call.
func (l *link) failed(now time.Time, rule failure.Rule, err error) (refresh bool) {
	paused := l.state == Paused
	switch {
	case l.calls == 0:
		l.backoff, l.since = rule.Backoff(), now
	case l.rule.Code != rule.Code: // a bad link fails in many ways: the waits go on growing
		l.backoff.Min, l.backoff.Max, paused = rule.Min, rule.Max, false
	}
	l.rule, l.err = rule, err
	l.calls++
	l.state = Backoff
	switch rule.Class {
	case failure.Offline:
		l.state = Offline
	case failure.Pause:
		paused = true
	case failure.Refresh, failure.Clock:
		if !l.tried { // at once: the SDK has learnt the clock's offset from the answer
			l.tried = true
			return true
		}
		paused = true
	}
	if rule.Patience > 0 && now.Sub(l.since) > rule.Patience && !paused {
		paused, l.backoff = true, rule.PausedBackoff()
	}
	if paused {
		l.state = Paused
	}
	l.wait(now, l.backoff.Next())
	if l.calls > 1 {
		l.size.failed()
	}
	return false
}

// refused notes that all of a call was refused: tries calls in a row since the time given,
// with nothing stored between. alone reports whether it carried one record.
func (l *link) refused(now time.Time, rule failure.Rule, err error, tries int, since time.Time, alone bool) {
	l.state, l.rule, l.err = Backoff, rule, err
	if tries >= pausedAfter {
		l.state, l.rule.Advice = Paused, allRefused
	}
	if alone || tries >= pausedAfter {
		d := min(max(now.Sub(since)/16, leastRefusedWait), mostRefusedWait)
		l.wait(now, d/2+rand.N(d/2+1)+leastRefusedWait/2)
	}
}

// suspectsOnly returns how long to wait before the next try of suspects while there is nothing
// else to try. Whatever is put meanwhile is sent at once.
func (l *link) suspectsOnly() time.Duration {
	l.state, l.rule.Advice = Paused, allRefused
	b := l.rule.PausedBackoff()
	return b.Next()
}

func (l *link) wait(now time.Time, d time.Duration) { l.until = now.Add(d) }
