package producer

import (
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
)

// A lane is a part of the stream that can be in trouble while the rest goes on: a
// shard that throttles, a partition key whose entries fail, or, while the shards are
// unknown, a part of the hash keys.
//
// A lane in trouble holds no leases beyond its first failure: its frames go back to the
// buffer, and the front passes its rows over. It reads them itself, from a read place of
// its own that only moves forward, a little at first and more as that is stored. When it has
// caught up with the front it is gone.
type lane struct {
	id       laneID
	read     uint64    // its rows from here to the front were not read since it came into being
	until    time.Time // nothing of it is sent before
	backoff  failure.Backoff
	failures int // in a row
	allow    int // bytes of rows that it may lease at a time
}

type laneID struct {
	kind laneKind
	name string
}

type laneKind uint8

// Of the lanes that a record is in, the highest kind counts.
const (
	bucketLane laneKind = iota // hash keys with the same first byte
	shardLane
	keyLane
)

// maxKeyLanes bounds the lanes of single keys. Beyond it a key's bucket is taken.
const maxKeyLanes = 1024

// leastAllow is how many bytes of rows a lane reads to see whether it is well again.
const leastAllow = 16 << 10

// lanes are those in trouble.
type lanes struct {
	all   map[laneID]*lane
	keys  int                         // lanes of single keys
	base  time.Time                   // of the first trouble
	shard func(partition.Hash) string // of the hash of a key, "" while unknown
}

// of returns the lane in trouble that a record of that key and hash is in, or nil.
func (ls *lanes) of(key string, h partition.Hash) *lane {
	if len(ls.all) == 0 {
		return nil
	}
	if ls.keys > 0 {
		if l := ls.all[laneID{keyLane, key}]; l != nil {
			return l
		}
	}
	if l := ls.all[ls.throttled(h)]; l != nil {
		return l
	}
	return ls.all[bucket(h)]
}

// throttled names the lane of the shard that a hash key belongs to.
func (ls *lanes) throttled(h partition.Hash) laneID {
	if s := ls.shard(h); s != "" {
		return laneID{shardLane, s}
	}
	return bucket(h)
}

// failing names the lane of a key.
func (ls *lanes) failing(key string, h partition.Hash) laneID {
	id := laneID{keyLane, key}
	if ls.all[id] == nil && ls.keys >= maxKeyLanes {
		return bucket(h)
	}
	return id
}

func bucket(h partition.Hash) laneID {
	return laneID{bucketLane, string([]byte{byte(h.Hi >> 56)})}
}

// trouble notes a failure of a lane, which comes into being with it: the front has read
// its rows below front, but for those that another lane has yet to read.
func (ls *lanes) trouble(now time.Time, id laneID, rule failure.Rule, front uint64) *lane {
	l := ls.all[id]
	if l == nil {
		if ls.all == nil {
			ls.all = map[laneID]*lane{}
		}
		read := front
		for _, o := range ls.all {
			read = min(read, o.read)
		}
		l = &lane{id: id, read: read}
		ls.all[id] = l
		if id.kind == keyLane {
			ls.keys++
		}
	}
	l.failures++
	l.allow = leastAllow
	l.backoff.Min, l.backoff.Max = rule.Min, rule.Max
	if rule.Min == 0 {
		l.backoff.Min, l.backoff.Max = time.Second, time.Minute
	}
	l.until = ls.together(now, l.backoff.Next())
	return l
}

// together returns a time after the wait d at which other lanes are likely to be due too, so that
// many of them share calls: a multiple of a quarter second and powers of two of it, counted
// from the first trouble of all, which is another time on each device.
func (ls *lanes) together(now time.Time, d time.Duration) time.Time {
	if ls.base.IsZero() {
		ls.base = now
	}
	step := time.Second / 4
	for step < d/2 {
		step *= 2
	}
	since := now.Add(d).Sub(ls.base)
	return ls.base.Add((since + step - 1) / step * step)
}

// worked notes that something of the lane was stored.
func (l *lane) worked() {
	l.failures, l.until = 0, time.Time{}
	l.backoff.Reset()
	l.allow = max(4*l.allow, 4*leastAllow)
}

// rest is how long a lane that has caught up is remembered: one that failed, whose rows are
// suspects and so not its own to read, goes on waiting longer each time.
func (l *lane) rest() time.Duration {
	if l.failures > 1 {
		return l.backoff.Max
	}
	return 0
}

func (ls *lanes) remove(l *lane) {
	delete(ls.all, l.id)
	if l.id.kind == keyLane {
		ls.keys--
	}
}

// due makes all lanes try at once.
func (ls *lanes) due() {
	for _, l := range ls.all {
		l.until = time.Time{}
	}
}

// alone reports whether frames of the lane are to be sent without others in an
// aggregate, so that the key that fails is found.
func (l *lane) alone() bool {
	return l != nil && (l.id.kind == keyLane || l.failures >= aloneAfter)
}

// aloneAfter is how often in a row a shard's entries fail before its keys are sent in entries of
// their own, as one of them may be why.
const aloneAfter = 3
