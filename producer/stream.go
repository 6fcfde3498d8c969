package producer

import (
	"math/bits"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
)

// stream is what is known of the stream, as one state. Frames are aggregated only while
// records are known to go where their hash key says, and it is known where that is: a consumer
// that checks hash ranges drops other aggregates whole, and silently.
type stream struct {
	state       streamState
	shards      *partition.Map // while aggregating
	recordBytes int            // the most that data and key of one record may have
	limited     bool           // the stream was described, and so its limit is known
	askAt       time.Time      // when to ask again; zero: when something lands elsewhere
	listed      time.Time      // when the shards were listed last after something landed elsewhere
	distrust    time.Duration  // how long not to aggregate after the next landing that the list does not explain
	why         string         // aggregates can't be sent, until somebody changes the stream or its policy
	auto        bool           // it spreads records as it likes: no order to keep
	landed      landings
	paces       paces
}

type streamState uint8

const (
	unknown      streamState = iota // ask before anything is framed
	unaggregated                    // until askAt
	aggregating
)

const (
	whyAuto   = "this stream spreads records over its shards as it likes, where consumers drop aggregates (RecordDistributionStrategy AUTO)"
	whyDenied = "whether this stream takes aggregates is not known: allow the device's role kinesis:DescribeStreamSummary and kinesis:ListShards"
	// betweenLists is the least time between two lists of the shards.
	betweenLists                = time.Second
	leastDistrust, mostDistrust = time.Minute, time.Hour
)

func newStream() stream {
	return stream{recordBytes: defaultRecordBytes, paces: paces{}, landed: landings{}}
}

func (st *stream) aggregates() bool { return st.state == aggregating }

// anyOrder reports whether the order of a key's records is lost in the stream itself.
func (st *stream) anyOrder() bool { return st.auto }

// due reports whether Kinesis is to be asked about the stream.
func (st *stream) due(now time.Time) bool {
	return st.state == unknown || !st.askAt.IsZero() && !now.Before(st.askAt)
}

// predict returns the id of the shard a hash will go to, "" if that is unknown.
func (st *stream) predict(h partition.Hash) string {
	if st.shards == nil {
		return ""
	}
	return st.shards.Predict(h).ID
}

// belongs reports whether every frame of an entry hashes into a shard. A shard that is not
// in the map does not count as belonging.
func (st *stream) belongs(e *entry, id string) bool {
	if st.shards == nil {
		return false
	}
	sh, ok := st.shards.ByID(id)
	for _, f := range e.frames {
		ok = ok && sh.Range.Contains(f.hash)
	}
	return ok
}

// unaggregate goes on without aggregates until a time.
func (st *stream) unaggregate(until time.Time, why string) {
	st.state, st.shards, st.askAt, st.why = unaggregated, nil, until, why
}

// aggregate takes over a list of the shards.
func (st *stream) aggregate(m *partition.Map) {
	st.state, st.shards, st.askAt, st.why, st.auto = aggregating, m, time.Time{}, "", false
	st.landed = landings{}
	for id := range st.paces {
		if _, open := m.ByID(id); !open {
			delete(st.paces, id)
		}
	}
}

// mayList reports whether the shards may be listed again after something landed on another
// shard than predicted. If not, nothing is aggregated until they may.
func (st *stream) mayList(now time.Time) bool {
	if next := st.listed.Add(betweenLists); now.Before(next) {
		st.unaggregate(next, "")
		return false
	}
	st.listed = now
	return true
}

// explain compares a fresh list with where things landed. An endpoint whose answers do not
// match its own list gets no aggregates for a while.
func (st *stream) explain(now time.Time, entries []*entry, a *answer) {
	if st.state != aggregating {
		return
	}
	if !a.movedFrom(entries, st.predict) {
		st.distrust = 0
		return
	}
	st.distrust = min(max(2*st.distrust, leastDistrust), mostDistrust)
	st.unaggregate(now.Add(st.distrust), "")
}

// askFailed notes that a question about the stream failed. It reports whether that is a
// reason not to send. A question that is not allowed, that is throttled for the account, or
// whose answer makes no sense, is none; it is one not to aggregate.
func (st *stream) askFailed(now time.Time, rule failure.Rule) (stop bool) {
	ask, why := time.Hour, whyDenied
	switch {
	case rule.Class == failure.Throttle, rule.Class == failure.Retry, rule.Class == failure.Unknown:
		ask, why = time.Minute, ""
	case rule.Code == "AccessDeniedException", rule.Code == "UnknownOperationException", rule.Code == failure.CodeEmptyResponse,
		rule.Code == failure.CodeHugeResponse, rule.Class == failure.Bisect, rule.Class == failure.TooLarge:
	default:
		return true
	}
	st.unaggregate(now.Add(ask), why)
	return false
}

// gone forgets the shards if a failure says that the stream is not there, or is being made, and
// reports whether it does. One that is made anew under its name numbers its shards from 0 again, so
// that an aggregate for shard 1 of the old one may land on a shard 1 that it does not belong to.
func (st *stream) gone(rule failure.Rule) bool {
	if rule.Code != "ResourceNotFoundException" && rule.Code != "ResourceInUseException" {
		return false
	}
	st.forget()
	return true
}

// forget has Kinesis asked again before anything is framed.
func (st *stream) forget() { st.state, st.shards, st.askAt = unknown, nil, time.Time{} }

// landings say how often the latest records of some keys changed shards, by which a stream that
// may not be described shows that it keeps no order.
type landings map[string]landing

type landing struct {
	shard   string
	changes uint32 // one bit for each of the last 32 records
}

const (
	mostLandings = 64 // keys that are looked at
	// manyChanges of a key within 32 records are no reshard: a stream of two shards that spreads
	// its records makes some 16.
	manyChanges = 14
)

// note is told where a record of a key was stored, while the shards are unknown. It reports
// whether the key keeps to no shard.
func (ls landings) note(key, shard string) bool {
	l, known := ls[key]
	if !known && len(ls) >= mostLandings {
		return false
	}
	l.changes <<= 1
	if known && l.shard != shard {
		l.changes |= 1
	}
	l.shard = shard
	ls[key] = l
	return bits.OnesCount32(l.changes) >= manyChanges
}
