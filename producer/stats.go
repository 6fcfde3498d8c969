package producer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/retry"
)

// State is what a producer is doing about its stream.
type State uint8

// The states.
const (
	Online  State = iota // nothing is known to be wrong
	Backoff              // a passing fault; trying again soon
	Offline              // no link; trying now and then
	Paused               // somebody has to put something right; probing
	Closed
)

// String returns the state in lower case.
func (s State) String() string {
	return [...]string{"online", "backoff", "offline", "paused", "closed"}[min(s, Closed)]
}

// Stats are a producer's figures, cumulative since New; nothing resets them.
// The ledger's part is of one instant and always adds up.
type Stats struct {
	retry.Ledger

	Refused        uint64 // records that a Put did not accept
	Requests       uint64 // calls of PutRecords
	KinesisRecords uint64 // entries that Kinesis gave a sequence number
	UserRecords    uint64 // frames and opaque records in them
	PayloadBytes   uint64 // data of those entries, keys not counted
	PayloadUnits   uint64 // PUT payload units of 25 KB of those entries, keys counted
	Throttled      uint64 // entries refused by a shard's rate limit
	Failed         uint64 // entries that failed otherwise, alone or with their call
	Unknown        uint64 // calls whose outcome is unknown
	DuplicatesSent uint64 // records sent again, and maybe stored, that an earlier attempt may have stored
	Late           uint64 // records that were suspected and then accepted: each may stand behind later ones of its key

	// Bytes on the client's sockets since New, TLS and everything within included,
	// headers of TCP and IP not: a packet costs 40 to 60 more. Of a client that
	// others use too, theirs as well. 0 unless the client counts, as *wire.Client
	// does.
	SocketBytesUp, SocketBytesDown uint64

	State   State     // what the sender is doing
	Code    string    // of the failure that State is due to, as AWS spells it
	Advice  string    // what to do about it, for the engineer on site
	Message string    // the failure's own words; they may name account and stream
	Since   time.Time // when State began
}

// figures are what Stats shows beside the ledger.
type figures struct {
	refused              atomic.Uint64
	upBefore, downBefore uint64 // bytes that the client had counted at New
	mu                   sync.Mutex
	stats                Stats
}

func newFigures(api API) figures {
	up, down := socketBytes(api)
	return figures{upBefore: up, downBefore: down, stats: Stats{Since: time.Now()}}
}

// Stats returns the figures. It is cheap and safe to call at any time, also
// after Close.
func (p *Producer) Stats() Stats {
	f := &p.figures
	f.mu.Lock()
	s := f.stats
	f.mu.Unlock()
	s.Refused = f.refused.Load()
	up, down := socketBytes(p.api)
	s.SocketBytesUp, s.SocketBytesDown = up-f.upBefore, down-f.downBefore
	s.Ledger = p.buf.Ledger()
	return s
}

// socketBytes returns what a client has counted, if it counts.
func socketBytes(api API) (up, down uint64) {
	if c, ok := api.(interface {
		BytesUp() uint64
		BytesDown() uint64
	}); ok {
		return c.BytesUp(), c.BytesDown()
	}
	return 0, 0
}

// count changes the figures.
func (f *figures) count(change func(*Stats)) {
	f.mu.Lock()
	change(&f.stats)
	f.mu.Unlock()
}

// setState notes a change of state, and logs it.
func (p *Producer) setState(state State, rule failure.Rule, err error) {
	changed, message := p.figures.state(state, rule, err)
	switch {
	case !changed || state == Closed:
	case err == nil:
		p.cfg.Logger.Info("kinesis stream", "stream", p.cfg.Stream, "state", state.String())
	default:
		p.cfg.Logger.Warn("kinesis stream", "stream", p.cfg.Stream, "state", state.String(), "code", rule.Code, "advice", rule.Advice, "error", message)
	}
}

// state enters a state, and reports whether it is another one than before.
func (f *figures) state(state State, rule failure.Rule, err error) (changed bool, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.stats
	if changed = s.State != state || s.Code != rule.Code; changed {
		s.Since = time.Now()
	}
	if s.State = state; state == Closed { // the last fault stays to be read
		return changed, ""
	}
	s.Code, s.Advice, s.Message = rule.Code, rule.Advice, ""
	if err != nil {
		s.Message = failure.Clean(err)
	}
	return changed, s.Message
}
