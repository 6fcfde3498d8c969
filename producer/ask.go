package producer

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
)

// remote makes the calls to Kinesis.
type remote struct {
	api  API
	cfg  *Config
	opts func(*kinesis.Options)
}

func newRemote(api API, cfg *Config) remote { return remote{api, cfg, newCallOptions()} }

// describe asks about the record limit, the distribution and the shards, and notes the
// answers in st.
func (r remote) describe(ctx context.Context, now time.Time, st *stream) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.RequestTimeout)
	defer cancel()
	in := &kinesis.DescribeStreamSummaryInput{}
	in.StreamName, in.StreamARN = r.cfg.target()
	sum, err := r.api.DescribeStreamSummary(ctx, in, r.opts)
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
	return r.list(ctx, now, st)
}

// relist asks for the shards only.
func (r remote) relist(ctx context.Context, now time.Time, st *stream) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.RequestTimeout)
	defer cancel()
	return r.list(ctx, now, st)
}

func (r remote) list(ctx context.Context, now time.Time, st *stream) error {
	shards, err := r.shards(ctx)
	if err != nil {
		return err
	}
	m, err := partition.NewMap(shards)
	if err != nil {
		// Listed in the middle of a reshard: unaggregated until it is over.
		r.cfg.Logger.Info("not aggregating: the shards do not add up", "stream", r.cfg.Stream, "error", failure.Clean(err))
		st.unaggregate(now.Add(time.Minute), "")
		return nil
	}
	st.aggregate(m)
	return nil
}

// mostPages of a list of shards are read. A page has 1,000 of them, and an account's quota
// is 20,000 shards at the most.
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
const mostPages = 32

var errEndlessList = errors.New("producer: the list of shards does not end")

func (r remote) shards(ctx context.Context) (shards []partition.Shard, err error) {
	in := &kinesis.ListShardsInput{ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}}
	in.StreamName, in.StreamARN = r.cfg.target()
	for range mostPages {
		out, err := r.api.ListShards(ctx, in, r.opts)
		if err != nil {
			return nil, err
		}
		for _, sh := range out.Shards {
			if sh.HashKeyRange == nil || sh.SequenceNumberRange != nil && sh.SequenceNumberRange.EndingSequenceNumber != nil {
				continue
			}
			rng, err := partition.ParseRange(aws.ToString(sh.HashKeyRange.StartingHashKey), aws.ToString(sh.HashKeyRange.EndingHashKey))
			if err != nil {
				return nil, err
			}
			shards = append(shards, partition.Shard{ID: aws.ToString(sh.ShardId), Range: rng})
		}
		if aws.ToString(out.NextToken) == "" {
			return shards, nil
		}
		// With a token, the stream's name and the filter may not be given again.
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
	return nil, errEndlessList
}
