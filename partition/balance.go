package partition

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxTrackedKeys bounds the keys that a Balance counts one by one. They take
// about 300 KiB with 20-character keys, and up to 2.5 MiB with the longest.
const maxTrackedKeys = 2048

// Balance accumulates traffic by shard and by partition key, to answer "are my
// shards balanced?". Feed it with [Balance.Add], then print [Balance.Report].
// It is not safe for concurrent use.
//
// Memory is bounded: the counts by shard are exact for any traffic, those by
// key while there are at most 2,048 different keys. Beyond that the cold keys
// are forgotten again and again; a hot key stays, and what is counted for it
// is then a lower bound, as the Report says.
type Balance struct {
	shards *Map
	loads  []ShardLoad
	keys   map[string]*trackedKey
	floor  int64 // no key that is not tracked has more load; 0: all are tracked
}

type trackedKey struct {
	KeyLoad
	bound int64 // at least the key's load, including what was forgotten
}

// ShardLoad is what one shard took.
type ShardLoad struct {
	Shard   Shard // which shard
	Records int64 // records for the keys it owns
	Bytes   int64 // their data and partition keys
}

// KeyLoad is what one partition key was used for.
type KeyLoad struct {
	Key     string // the partition key
	Shard   string // the id of the shard that owns it
	Records int64  // records of the key
	Bytes   int64  // their data and partition keys
}

// load weighs records and bytes by how much of a shard's limits they use: it
// takes 1,000 records/s and 1 MiB/s, so a record weighs as much as 1 KiB.
func load(records, bytes int64) int64 { return max(records*1024, bytes) }

// NewBalance returns an empty Balance over the shards of m.
func NewBalance(m *Map) *Balance {
	b := &Balance{shards: m, loads: make([]ShardLoad, m.Len()), keys: make(map[string]*trackedKey)}
	for i, s := range m.shards {
		b.loads[i].Shard = s
	}
	return b
}

// Add counts records of the given key, and their size in bytes as Kinesis
// counts it: data and partition key. Negative numbers count as 0.
func (b *Balance) Add(key string, records, bytes int64) {
	records, bytes = max(records, 0), max(bytes, 0)
	shard := &b.loads[b.shards.index(HashKey(key))]
	shard.Records += records
	shard.Bytes += bytes

	k := b.keys[key]
	if k == nil {
		if len(b.keys) == maxTrackedKeys {
			b.forget()
		}
		key = strings.Clone(key) // the caller's may be part of a large buffer
		k = &trackedKey{KeyLoad{Key: key, Shard: shard.Shard.ID}, b.floor}
		b.keys[key] = k
	}
	k.Records += records
	k.Bytes += bytes
	k.bound += load(records, bytes)
}

// forget drops the colder half of the keys. A key that comes back starts at
// the bound of the hottest one ever dropped, so that those which
// were hot long ago make room for those which are now (the space-saving
// algorithm, in batches).
func (b *Balance) forget() {
	keys := slices.SortedFunc(maps.Values(b.keys), func(a, b *trackedKey) int {
		return cmp.Or(cmp.Compare(a.bound, b.bound), strings.Compare(a.Key, b.Key))
	})
	drop := keys[:len(keys)/2]
	for _, k := range drop {
		delete(b.keys, k.Key)
	}
	b.floor = max(b.floor, drop[len(drop)-1].bound, 1) // not 0: it tells that keys were dropped
}

// Report is the state of a Balance at one moment.
type Report struct {
	Shards  []ShardLoad // in the order of their hash keys
	Records int64       // the total over all shards
	Bytes   int64       // the total over all shards

	// Keys holds the hottest keys, at most 5: first the one that uses most of a
	// shard's limits. If KeysExact is false there were too many keys to count
	// each, and the numbers in Keys, and KeyCount, are lower bounds.
	Keys      []KeyLoad
	KeyCount  int // how many different keys there were
	KeysExact bool
}

// Report returns the counts so far. It shares no memory with the Balance.
func (b *Balance) Report() Report {
	r := Report{Shards: slices.Clone(b.loads), KeysExact: b.floor == 0, KeyCount: len(b.keys)}
	for _, s := range r.Shards {
		r.Records += s.Records
		r.Bytes += s.Bytes
	}
	for _, k := range b.keys {
		r.Keys = append(r.Keys, k.KeyLoad)
	}
	slices.SortFunc(r.Keys, func(a, b KeyLoad) int {
		return cmp.Or(cmp.Compare(load(b.Records, b.Bytes), load(a.Records, a.Bytes)), strings.Compare(a.Key, b.Key))
	})
	r.Keys = slices.Clone(r.Keys[:min(len(r.Keys), 5)])
	return r
}

// Imbalance returns how many times the busiest shard's load is the mean load:
// 1 is perfect balance, the number of shards the worst. It is the larger of the
// factors by records and by bytes, since a shard throttles at whichever of its
// limits (1,000 records/s, 1 MiB/s) comes first. Without traffic it is 0.
//
// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
func (r Report) Imbalance() float64 {
	var records, bytes int64
	for _, s := range r.Shards {
		records, bytes = max(records, s.Records), max(bytes, s.Bytes)
	}
	n := float64(len(r.Shards))
	return n * max(share(records, r.Records), share(bytes, r.Bytes))
}

func share(part, total int64) float64 {
	if total == 0 {
		return 0
	}
	return float64(part) / float64(total)
}

// String returns the report as a short table for a terminal: a line for each
// shard with its part of the hash space, records and bytes, the hottest keys,
// and the imbalance in words.
func (r Report) String() string {
	if r.Records == 0 && r.Bytes == 0 {
		return fmt.Sprintf("%d shards, no records\n", len(r.Shards))
	}
	var b strings.Builder
	width := len("shard")
	for _, s := range r.Shards {
		width = max(width, len(s.Shard.ID))
	}
	fmt.Fprintf(&b, "%-*s  hash space  %12s  %6s %12s  %6s\n", width, "shard", "records", "share", "bytes", "share")
	for _, s := range r.Shards {
		fmt.Fprintf(&b, "%-*s  %9.1f%%  %12d  %5.1f%% %12d  %5.1f%%\n", width, s.Shard.ID,
			100*s.Shard.Range.share(), s.Records, 100*share(s.Records, r.Records), s.Bytes, 100*share(s.Bytes, r.Bytes))
	}
	about := ""
	if !r.KeysExact {
		about = "at least "
	}
	for i, k := range r.Keys {
		head := "hottest key"
		if i > 0 {
			head = "           "
			if r.fairParts(k) < 0.25 {
				break // no key from here on matters to a shard
			}
		}
		fmt.Fprintf(&b, "%s  %s on %s: %s%d records %.1f%%, %d bytes %.1f%%\n", head, quote(k.Key), k.Shard,
			about, k.Records, 100*share(k.Records, r.Records), k.Bytes, 100*share(k.Bytes, r.Bytes))
	}
	fmt.Fprintf(&b, "imbalance    %.2f (busiest shard / mean; 1 is even)\n", r.Imbalance())
	if advice := r.advice(); advice != "" {
		fmt.Fprintf(&b, "advice       %s\n", advice)
	}
	return b.String()
}

// fairParts returns how many times the mean load of a shard a key makes up.
func (r Report) fairParts(k KeyLoad) float64 {
	return float64(len(r.Shards)) * max(share(k.Records, r.Records), share(k.Bytes, r.Bytes))
}

// advice says what to do about the imbalance, if it matters.
func (r Report) advice() string {
	n := len(r.Shards)
	if n < 2 || r.Imbalance() < 1.5 || len(r.Keys) == 0 {
		return ""
	}
	switch hot := r.Keys[0]; {
	case r.fairParts(hot) > 1:
		return fmt.Sprintf("key %s alone is %.1f times the mean shard; spread it over several keys", quote(hot.Key), r.fairParts(hot))
	case r.KeyCount < 10*n:
		return fmt.Sprintf("%d keys are few for %d shards; spread each over several keys", r.KeyCount, n)
	}
	return "many keys, uneven shards; split the busiest shard"
}
