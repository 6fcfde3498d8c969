package kinesistest

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/partition"
)

// stream is a data stream. Server.mu guards it and its shards.
type stream struct {
	name          string
	created       time.Time
	busyUntil     time.Time // CREATING or UPDATING up to here
	creating      bool      // what it is until then
	onDemand      bool
	auto          bool // records are spread, whatever their key
	recordSizeKiB int
	shards        []*shard // in order of id; a shard's id number is its index
	open          []*shard // the open ones, in order of hash key range
	next          uint64   // the next sequence number
	turn          int      // of the round robin of an AUTO stream
}

type shard struct {
	id               string
	keys             partition.Range
	parent, adjacent string // ids, or empty
	first            uint64 // sequence number the shard begins with
	last             uint64 // the one it ends with; 0: open
	opened, closed   time.Time
	records          []stored

	writes, bytes    bucket // write throughput
	reads, readBytes bucket
}

// stored is a record in a shard. A zero explicit key is an absent one.
type stored struct {
	seq      uint64
	key      string
	explicit string
	data     []byte
	at       time.Time
}

func newStream(name string, shards int, o StreamOptions, now time.Time) *stream {
	st := &stream{
		name:          name,
		created:       now,
		onDemand:      o.OnDemand || o.Auto,
		auto:          o.Auto,
		recordSizeKiB: o.MaxRecordSizeInKiB,
		next:          1,
	}
	if st.recordSizeKiB == 0 {
		st.recordSizeKiB = minRecordSizeKiB
	}
	for _, r := range partition.Even(shards) {
		st.open = append(st.open, st.addShard(r, "", "", now))
	}
	return st
}

// addShard appends a shard to the stream's list; the caller puts it in open.
func (st *stream) addShard(keys partition.Range, parent, adjacent string, now time.Time) *shard {
	sh := &shard{
		id:        fmt.Sprintf("shardId-%012d", len(st.shards)),
		keys:      keys,
		parent:    parent,
		adjacent:  adjacent,
		first:     st.sequence(),
		opened:    now,
		writes:    newBucket(shardRecords, shardRecords, now),
		reads:     newBucket(shardReads, shardReads, now),
		readBytes: newBucket(shardReadBytes, shardReadBytes, now),
	}
	st.shards = append(st.shards, sh)
	st.sizeBucket(sh, now)
	return sh
}

// sizeBucket gives a shard its byte throughput. A shard takes 1 MiB a second,
// and bursts to the size of the largest record that the stream accepts.
//
// https://docs.aws.amazon.com/streams/latest/dev/large-records.html
func (st *stream) sizeBucket(sh *shard, now time.Time) {
	sh.bytes = newBucket(shardBytes, max(shardBytes, st.recordSizeKiB<<10), now)
}

func (st *stream) sequence() uint64 {
	st.next++
	return st.next - 1
}

func (st *stream) arn(region string) string {
	return "arn:aws:kinesis:" + region + ":" + AccountID + ":stream/" + st.name
}

func (st *stream) status(now time.Time) string {
	switch {
	case !now.Before(st.busyUntil):
		return "ACTIVE"
	case st.creating:
		return "CREATING"
	}
	return "UPDATING"
}

func (st *stream) mode() string {
	if st.onDemand {
		return "ON_DEMAND"
	}
	return "PROVISIONED"
}

func (st *stream) strategy() string {
	if st.auto {
		return "AUTO"
	}
	return "USER_PARTITION_KEY"
}

// shard returns the shard of an id, open or closed, or nil.
func (st *stream) shard(id string) *shard {
	i, err := strconv.Atoi(strings.TrimPrefix(id, "shardId-"))
	if err != nil || i < 0 || i >= len(st.shards) || st.shards[i].id != id {
		return nil
	}
	return st.shards[i]
}

// route returns the open shard that takes a record.
func (st *stream) route(hash partition.Hash) *shard {
	if st.auto {
		st.turn++
		return st.open[st.turn%len(st.open)]
	}
	// The open shards cover every hash key, in order, and the first begins at 0.
	i := sort.Search(len(st.open), func(i int) bool { return hash.Compare(st.open[i].keys.Start) < 0 })
	return st.open[i-1]
}

// children returns the shards made of sh by a split or a merge.
func (st *stream) children(sh *shard) []*shard {
	var c []*shard
	for _, s := range st.shards {
		if s.parent == sh.id || s.adjacent == sh.id {
			c = append(c, s)
		}
	}
	return c
}

// Sequence numbers are 56 digits long and begin with "49", as those of the
// service have for years; the digits after count records and shards.
const seqPrefix, seqDigits = "49", 56

func formatSeq(n uint64) string {
	return fmt.Sprintf("%s%0*d", seqPrefix, seqDigits-len(seqPrefix), n)
}

func parseSeq(s string) (uint64, bool) {
	digits, ok := strings.CutPrefix(s, seqPrefix)
	if !ok || len(s) != seqDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && n > 0
}

// bucket is a token bucket. It may go below zero with overdraw.
type bucket struct {
	rate, burst, tokens float64
	at                  time.Time
}

// newBucket returns a full bucket: rate a second, burst at once.
func newBucket(rate, burst int, now time.Time) bucket {
	return bucket{float64(rate), float64(burst), float64(burst), now}
}

func (b *bucket) refill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(b.burst, b.tokens+d.Seconds()*b.rate)
	}
	b.at = now
}

// slack forgives the rounding of refill.
const slack = 1e-6

func (b *bucket) has(n int, now time.Time) bool {
	b.refill(now)
	return b.tokens+slack >= float64(n)
}

func (b *bucket) take(n int) { b.tokens -= float64(n) }
