package producer

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/partition"
)

// asker asks Kinesis about the stream.
type asker struct {
	api API
	cfg *Config
}

// describe asks about the record limit, the distribution and the shards, and notes the
// answers in st.
func (a asker) describe(ctx context.Context, now time.Time, st *stream) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.RequestTimeout)
	defer cancel()
	in := &kinesis.DescribeStreamSummaryInput{}
	in.StreamName, in.StreamARN = a.cfg.target()
	sum, err := a.api.DescribeStreamSummary(ctx, in, callOptions)
	if err != nil {
		return err
	}
	d := sum.StreamDescriptionSummary
	if d == nil {
		return errEmptyAnswer
	}
	if d.MaxRecordSizeInKiB != nil && *d.MaxRecordSizeInKiB > 0 {
		st.recordBytes = int(min(*d.MaxRecordSizeInKiB, mostRecordBytes>>10)) << 10
	}
	if d.RecordDistributionStrategy == types.RecordDistributionStrategyAuto {
		st.unaggregate(now.Add(time.Hour), whyAuto) // it can be switched back
		st.auto = true
		return nil
	}
	return a.list(ctx, now, st)
}

// relist asks for the shards only.
func (a asker) relist(ctx context.Context, now time.Time, st *stream) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.RequestTimeout)
	defer cancel()
	return a.list(ctx, now, st)
}

func (a asker) list(ctx context.Context, now time.Time, st *stream) error {
	shards, err := a.shards(ctx)
	if err != nil {
		return err
	}
	m, err := partition.NewMap(shards)
	if err != nil {
		// Listed in the middle of a reshard: unaggregated until it is over.
		a.cfg.Logger.Info("not aggregating: the shards do not add up", "stream", a.cfg.Stream, "error", err)
		st.unaggregate(now.Add(time.Minute), "")
		return nil
	}
	st.aggregate(now, m)
	return nil
}

// mostPages of a list of shards are read. A page has 1,000 of them, and an account's quota
// is 20,000 shards at the most.
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
const mostPages = 32

var errEndlessList = errors.New("producer: the list of shards does not end")

func (a asker) shards(ctx context.Context) (shards []partition.Shard, err error) {
	in := &kinesis.ListShardsInput{ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}}
	in.StreamName, in.StreamARN = a.cfg.target()
	for range mostPages {
		out, err := a.api.ListShards(ctx, in, callOptions)
		if err != nil {
			return nil, err
		}
		for _, sh := range out.Shards {
			if sh.HashKeyRange == nil || sh.SequenceNumberRange != nil && sh.SequenceNumberRange.EndingSequenceNumber != nil {
				continue
			}
			r, err := partition.ParseRange(aws.ToString(sh.HashKeyRange.StartingHashKey), aws.ToString(sh.HashKeyRange.EndingHashKey))
			if err != nil {
				return nil, err
			}
			shards = append(shards, partition.Shard{ID: aws.ToString(sh.ShardId), Range: r})
		}
		if aws.ToString(out.NextToken) == "" {
			return shards, nil
		}
		// With a token, the stream's name and the filter may not be given again.
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
	return nil, errEndlessList
}
