package kinesistest

import (
	"slices"
	"time"

	"github.com/rivulet-iot/rivulet/partition"
)

// replace closes shards and opens others in their place.
func (st *stream) replace(now time.Time, closed, opened []*shard) {
	for _, sh := range closed {
		sh.last = st.sequence()
		sh.closed = now
	}
	st.open = slices.DeleteFunc(st.open, func(sh *shard) bool { return slices.Contains(closed, sh) })
	st.open = append(st.open, opened...)
	slices.SortFunc(st.open, func(a, b *shard) int { return a.keys.Start.Compare(b.keys.Start) })
}

// openShard returns the open shard of an id, or the error of AWS.
func (st *stream) openShard(id string) (*shard, error) {
	sh := st.shard(id)
	switch {
	case sh == nil:
		return nil, errf(codeNotFound, "Could not find shard %s in stream %s under account %s.", id, st.name, AccountID)
	case sh.last != 0:
		return nil, errf(codeInvalidArgument, "Shard %s in stream %s under account %s is closed and cannot be split or merged.", id, st.name, AccountID)
	}
	return sh, nil
}

// split cuts an open shard in two at a hash key.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SplitShard.html
func (st *stream) split(sh *shard, at partition.Hash, now time.Time) (lower, upper *shard, err error) {
	lo, hi, ok := sh.keys.Split(at)
	// The service wants two hash keys at least on either side.
	if !ok || lo.Start == lo.End || hi.Start == hi.End {
		return nil, nil, errf(codeInvalidArgument,
			"NewStartingHashKey %s used in SplitShard on shard %s in stream %s under account %s is not both greater than one plus the shard's StartingHashKey %s and less than the shard's EndingHashKey %s.",
			at, sh.id, st.name, AccountID, sh.keys.Start, sh.keys.End)
	}
	lower = st.addShard(lo, sh.id, "", now)
	upper = st.addShard(hi, sh.id, "", now)
	st.replace(now, []*shard{sh}, []*shard{lower, upper})
	return lower, upper, nil
}

// merge joins two open shards with adjacent ranges.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_MergeShards.html
func (st *stream) merge(a, b *shard, now time.Time) (*shard, error) {
	keys, ok := a.keys.Join(b.keys)
	if !ok {
		return nil, errf(codeInvalidArgument, "Shards %s and %s in stream %s under account %s are not an adjacent pair of shards eligible for merging.",
			a.id, b.id, st.name, AccountID)
	}
	child := st.addShard(keys, a.id, b.id, now)
	st.replace(now, []*shard{a, b}, []*shard{child})
	return child, nil
}

// scale reshards to n shards of equal ranges by splits and merges, so that no
// shard has more than two parents. As in the service, some shards live only for
// a moment.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
func (st *stream) scale(n int, now time.Time) error {
	targets := partition.Even(n)
	for _, r := range targets {
		i, starts := slices.BinarySearchFunc(st.open, r.Start, func(sh *shard, h partition.Hash) int { return sh.keys.Start.Compare(h) })
		if starts {
			continue
		}
		if _, _, err := st.split(st.open[i-1], r.Start, now); err != nil {
			return err
		}
	}
	for _, r := range targets {
		for {
			i, _ := slices.BinarySearchFunc(st.open, r.Start, func(sh *shard, h partition.Hash) int { return sh.keys.Start.Compare(h) })
			if st.open[i].keys.End == r.End {
				break
			}
			if _, err := st.merge(st.open[i], st.open[i+1], now); err != nil {
				return err
			}
		}
	}
	return nil
}
