package producer

import (
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

// Stats returns the figures. It is cheap and safe to call at any time, also
// after Close.
func (p *Producer) Stats() Stats {
	p.mu.Lock()
	s := p.stats
	p.mu.Unlock()
	s.Refused = p.refused.Load()
	up, down := socketBytes(p.api)
	s.SocketBytesUp, s.SocketBytesDown = up-p.upBefore, down-p.downBefore
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
func (p *Producer) count(f func(*Stats)) {
	p.mu.Lock()
	f(&p.stats)
	p.mu.Unlock()
}

// setState notes a change of state, and logs it.
func (p *Producer) setState(state State, rule failure.Rule, err error) {
	p.mu.Lock()
	if state == Closed { // the last fault stays to be read
		p.stats.State, p.stats.Since = Closed, time.Now()
		p.mu.Unlock()
		return
	}
	changed := p.stats.State != state || p.stats.Code != rule.Code
	p.stats.Message = ""
	if err != nil {
		p.stats.Message = failure.Clean(err)
	}
	if changed {
		p.stats.State, p.stats.Code, p.stats.Since = state, rule.Code, time.Now()
	}
	p.stats.Advice = rule.Advice
	message := p.stats.Message
	p.mu.Unlock()
	switch {
	case !changed:
	case err == nil:
		p.cfg.Logger.Info("kinesis stream", "stream", p.cfg.Stream, "state", state.String())
	default:
		p.cfg.Logger.Warn("kinesis stream", "stream", p.cfg.Stream, "state", state.String(), "code", rule.Code, "advice", rule.Advice, "error", message)
	}
}
