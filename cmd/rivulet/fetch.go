package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// fetch reads once from a shard: sh is how it was when the call was decided on,
// since p.shard belongs to the goroutine of read.
func (r *reader) fetch(ctx context.Context, of *shard, sh shard) (p page) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	p = page{shard: of, at: time.Now()}
	if sh.iterator == nil {
		if sh.iterator, p.err = r.iterator(ctx, &sh); p.err != nil {
			return p
		}
	}
	p.iterator = sh.iterator
	in := &kinesis.GetRecordsInput{ShardIterator: sh.iterator, Limit: &r.perCall}
	out, err := r.client.GetRecords(ctx, in)
	if errors.As(err, new(*types.ExpiredIteratorException)) {
		// Nobody asked for five minutes: the computer slept, or the output was not taken.
		if in.ShardIterator, err = r.iterator(ctx, &sh); err == nil {
			out, err = r.client.GetRecords(ctx, in)
		}
	}
	if err != nil {
		p.err = err
		return p
	}
	p.records, p.iterator = out.Records, out.NextShardIterator
	// No records is not the tip: the next ones may be further on in the shard. What
	// doesn't say how far it is behind is taken to be at the tip when it is empty.
	p.tip = out.MillisBehindLatest != nil && *out.MillisBehindLatest == 0 || out.MillisBehindLatest == nil && len(out.Records) == 0
	if p.iterator == nil {
		if p.children, p.err = r.children(ctx, sh.id, out.ChildShards); p.err != nil {
			p.iterator = sh.iterator // the page is read once more
		}
	}
	return p
}

// iterator returns an iterator to the first record of a shard that is not read yet.
func (r *reader) iterator(ctx context.Context, sh *shard) (*string, error) {
	in := &kinesis.GetShardIteratorInput{StreamName: &r.stream, ShardId: &sh.id, ShardIteratorType: sh.start.kind}
	switch {
	case sh.last != "":
		in.ShardIteratorType = types.ShardIteratorTypeAfterSequenceNumber
		in.StartingSequenceNumber = &sh.last
	case sh.iterator != nil && sh.start.kind == types.ShardIteratorTypeLatest:
		// One to the tip expired before a record came: the tip has moved on.
		in.ShardIteratorType = types.ShardIteratorTypeAtTimestamp
		in.Timestamp = &r.started
	case sh.start.kind == types.ShardIteratorTypeAtTimestamp:
		in.Timestamp = &sh.start.at
	}
	out, err := r.client.GetShardIterator(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.ShardIterator, nil
}

// children returns the shards that took the place of one that has ended: those that
// GetRecords told, or else what ListShards finds.
func (r *reader) children(ctx context.Context, parent string, told []types.ChildShard) (children []types.Shard, err error) {
	for _, c := range told {
		s := types.Shard{ShardId: c.ShardId}
		for i := range min(len(c.ParentShards), 2) {
			if i == 0 {
				s.ParentShardId = &c.ParentShards[i]
			} else {
				s.AdjacentParentShardId = &c.ParentShards[i]
			}
		}
		children = append(children, s)
	}
	if len(told) > 0 {
		return children, nil
	}
	all, err := r.list(ctx)
	for _, s := range all {
		if deref(s.ParentShardId) == parent || deref(s.AdjacentParentShardId) == parent {
			children = append(children, s)
		}
	}
	return children, err
}

// list returns all shards that hold records, closed ones too.
func (r *reader) list(ctx context.Context) (shards []types.Shard, err error) {
	in := &kinesis.ListShardsInput{StreamName: &r.stream}
	for range maxListings {
		out, err := r.client.ListShards(ctx, in)
		if err != nil {
			return nil, err
		}
		shards = append(shards, out.Shards...)
		if deref(out.NextToken) == "" {
			return shards, nil
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken} // may not be given together with the name
	}
	return nil, fmt.Errorf("the list of shards does not end: %d pages", maxListings)
}

// maxListings is how many pages a list of shards may have, of 1,000 shards each:
// more than a stream can have.
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
const maxListings = 1000

var retryable = retry.NewStandard()

// temporary reports whether a call may work later, after the SDK's own retries
// did not help: throttled, a failure of the service, no connection.
func temporary(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, context.Canceled) && retryable.IsErrorRetryable(err)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
