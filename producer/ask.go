package producer

import (
	"context"
	"time"

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
	st.limited = true
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
	in := &kinesis.ListShardsInput{}
	in.StreamName, in.StreamARN = r.cfg.target()
	shards, err := listShards(ctx, r.api, in, r.opts)
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
