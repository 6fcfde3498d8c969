package kinesistest

import (
	"math/rand/v2"
	"slices"
	"time"
)

// AnyOperation stands for every operation, in [Fault.Operation] and
// [Server.Calls].
const AnyOperation = "*"

// Fault says which calls go wrong, and how. Several faults may be active; each
// decides about each call by itself, in the order they were injected. Delays add
// up, an entry fails by the first fault that picks it, and of the effects that
// replace the reply the first wins.
type Fault struct {
	// Operation that it applies to, or AnyOperation. Empty: PutRecords.
	Operation string
	// After lets that many calls of the operation pass first.
	After int
	// Rate is the share of the calls after that which are hit, above 0 to 1,
	// picked at random by Config.Seed. Zero, or above 1: all.
	Rate float64
	// Times ends the fault after it has hit so many calls. Zero: no end.
	Times int
	// Effect is what happens. The zero Effect does nothing; the fault only counts.
	Effect Effect
}

// Effect is what a fault does to a call. Make one with FailEntries, FailCall,
// EmptyReply, WrongCount, BadReply, Delay, Reset, LoseReply or ClockOffset, or, for a
// network that answers in the service's place, with Reply, Redirect, EndlessReply,
// EndlessPages, DripReply or GoAway.
type Effect struct {
	kind    effectKind
	code    string
	message string
	body    string
	status  int
	rate    float64
	n       int
	commit  bool
	d       time.Duration
}

type effectKind int

const (
	nothing effectKind = iota
	failEntries
	failCall
	emptyReply
	wrongCount
	badReply
	delay
	reset
	loseReply
	clockOffset
	reply
	redirect
	endlessReply
	endlessPages
	dripReply
	goAway
)

// FailEntries fails a share of the entries of a call, above 0 to 1, picked at
// random, with a code such as "ProvisionedThroughputExceededException" or
// "InternalFailure". They are not stored. PutRecords reports them inside a
// status 200, in FailedRecordCount, ErrorCode and ErrorMessage; PutRecord, when
// its one record is picked, fails as a whole. It does nothing to other
// operations.
func FailEntries(code string, rate float64) Effect {
	return Effect{kind: failEntries, code: code, rate: rate}
}

// FailCall fails the whole call with an AWS error code, before it does anything.
// Status 0 and an empty message stand for those that AWS sends with the code.
func FailCall(code string, status int, message string) Effect {
	return Effect{kind: failCall, code: code, status: status, message: message}
}

// EmptyReply answers status 200 with no body. With commit the call was carried
// out before, otherwise not: the client can't know.
func EmptyReply(commit bool) Effect { return Effect{kind: emptyReply, commit: commit} }

// WrongCount carries out PutRecords, and then answers with n result entries more,
// or fewer if n is negative, than it was asked for. Entries too many repeat the
// last one.
func WrongCount(n int) Effect { return Effect{kind: wrongCount, n: n} }

// BadReply carries out the call, and then answers status 200 with a body cut off
// in the middle.
func BadReply() Effect { return Effect{kind: badReply} }

// Delay holds the call for d before it is looked at. It ends early when the
// client goes away; the call is not carried out then.
func Delay(d time.Duration) Effect { return Effect{kind: delay, d: d} }

// Reset breaks the connection, with a TCP reset where it is TCP, before the call
// is carried out. Other calls on an HTTP/2 connection break too, and may be
// carried out.
func Reset() Effect { return Effect{kind: reset} }

// LoseReply carries out the call and then breaks the connection like Reset: the
// records are stored, and the client doesn't learn it.
func LoseReply() Effect { return Effect{kind: loseReply} }

// ClockOffset sets the server's clock off by d for the call: the Date header
// says so, and the signature is checked against it, as it looks from a device
// whose own clock is off by -d.
func ClockOffset(d time.Duration) Effect { return Effect{kind: clockOffset, d: d} }

// Injection is an active fault.
type Injection struct {
	s     *Server
	fault Fault
	rand  *rand.Rand

	seen, calls, entries int  // guarded by s.mu
	removed              bool // guarded by s.mu
}

// Inject makes a fault active, until it has hit Times calls or is removed.
func (s *Server) Inject(f Fault) *Injection {
	if f.Operation == "" {
		f.Operation = "PutRecords"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injected++
	i := &Injection{s: s, fault: f, rand: rand.New(rand.NewPCG(s.config.Seed, s.injected))}
	s.faults = append(s.faults, i)
	return i
}

// Remove ends the fault. Calls that it has hit already stay hit.
func (i *Injection) Remove() {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.removed = true
	i.s.faults = slices.DeleteFunc(i.s.faults, func(o *Injection) bool { return o == i })
}

// Calls returns how many calls the fault has hit.
func (i *Injection) Calls() int {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.calls
}

// Entries returns how many entries the fault has failed.
func (i *Injection) Entries() int {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.entries
}

// hit decides about the next call of an operation. s.mu is held.
func (i *Injection) hit(operation string) bool {
	f := i.fault
	if i.removed || f.Operation != operation && f.Operation != AnyOperation {
		return false
	}
	if i.seen++; i.seen <= f.After {
		return false
	}
	if f.Times > 0 && i.calls >= f.Times {
		return false
	}
	if !i.draw(f.Rate) {
		return false
	}
	i.calls++
	return true
}

// draw is true for a share of its calls; always for 0 and for 1 or more.
func (i *Injection) draw(rate float64) bool {
	return rate <= 0 || rate >= 1 || i.rand.Float64() < rate
}

// troubles are the faults that hit one call.
type troubles []*Injection

// troublesOf decides about the next call of an operation. s.mu is held.
func (s *Server) troublesOf(operation string) troubles {
	var t troubles
	for _, i := range s.faults {
		if i.hit(operation) {
			t = append(t, i)
		}
	}
	return t
}

// first returns the first effect of any of the kinds.
func (t troubles) first(kinds ...effectKind) (Effect, bool) {
	for _, i := range t {
		for _, k := range kinds {
			if i.fault.Effect.kind == k {
				return i.fault.Effect, true
			}
		}
	}
	return Effect{}, false
}

// total adds up the durations of the effects of a kind.
func (t troubles) total(kind effectKind) time.Duration {
	var d time.Duration
	for _, i := range t {
		if i.fault.Effect.kind == kind {
			d += i.fault.Effect.d
		}
	}
	return d
}

// entry returns the code that one entry fails with, or "". s.mu is held.
func (t troubles) entry() string {
	for _, i := range t {
		if e := i.fault.Effect; e.kind == failEntries && i.draw(e.rate) {
			i.entries++
			return e.code
		}
	}
	return ""
}
