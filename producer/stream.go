package producer

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/partition"
)

// stream is what is known of the stream: enough to aggregate safely, or not.
type stream struct {
	asked       bool
	askAt       time.Time      // when to ask again; zero: when something lands elsewhere
	movedAt     time.Time      // when it last did
	aggregate   bool           // records go where their hash key says, and we can tell where
	shards      *partition.Map // nil while unknown
	recordBytes int            // the most that data and key of one record may have
	paces       map[string]*pace
}

// look asks Kinesis about the stream. Without the permission for it, or when the
// stream routes records by itself (AUTO), nothing is aggregated: a consumer that
// checks hash ranges would drop such aggregates whole and silently.
func (s *sender) look() error {
	ctx, cancel := context.WithTimeout(s.p.ctx, s.cfg.RequestTimeout)
	defer cancel()
	sum, err := s.p.api.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &s.cfg.Stream}, s.options)
	if err != nil {
		return err
	}
	d := sum.StreamDescriptionSummary
	if d == nil {
		return errEmptyAnswer
	}
	if d.MaxRecordSizeInKiB != nil && *d.MaxRecordSizeInKiB > 0 {
		s.stream.recordBytes = int(min(*d.MaxRecordSizeInKiB, 10<<10)) << 10
	}
	s.stream.asked, s.stream.aggregate, s.stream.askAt = true, false, time.Time{}
	if d.RecordDistributionStrategy == types.RecordDistributionStrategyAuto {
		s.stream.shards, s.stream.askAt = nil, time.Now().Add(time.Hour) // it can be switched back
		return nil
	}
	shards, err := s.listShards(ctx)
	if err != nil {
		s.stream.asked = false
		return err
	}
	m, err := partition.NewMap(shards)
	if err != nil {
		// Listed in the middle of a reshard: unaggregated until it is over.
		s.cfg.Logger.Info("not aggregating: the shards do not add up", "stream", s.cfg.Stream, "error", err)
		s.stream.shards, s.stream.askAt = nil, time.Now().Add(time.Minute)
		return nil
	}
	s.stream.shards, s.stream.aggregate = m, true
	for id := range s.stream.paces {
		if _, open := m.ByID(id); !open {
			delete(s.stream.paces, id)
		}
	}
	return nil
}

// lookAgain asks after something landed on another shard than predicted: the
// stream was resharded, or switched to AUTO. An endpoint whose answers never match
// its list must not be asked at every call, and gets no aggregates meanwhile.
func (s *sender) lookAgain(now time.Time) {
	const pause = time.Minute
	if !s.stream.movedAt.IsZero() && now.Sub(s.stream.movedAt) < pause {
		s.stream.aggregate, s.stream.askAt = false, s.stream.movedAt.Add(pause)
		return
	}
	s.stream.movedAt = now
	if s.look() != nil {
		s.stream.asked, s.stream.aggregate, s.stream.shards = false, false, nil
	}
}

func (s *sender) listShards(ctx context.Context) (shards []partition.Shard, err error) {
	in := &kinesis.ListShardsInput{StreamName: &s.cfg.Stream, ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}}
	for {
		out, err := s.p.api.ListShards(ctx, in, s.options)
		if err != nil {
			return nil, err
		}
		for _, sh := range out.Shards {
			if sh.HashKeyRange == nil || sh.SequenceNumberRange != nil && sh.SequenceNumberRange.EndingSequenceNumber != nil {
				continue
			}
			start, err := partition.ParseHash(aws.ToString(sh.HashKeyRange.StartingHashKey))
			if err != nil {
				return nil, err
			}
			end, err := partition.ParseHash(aws.ToString(sh.HashKeyRange.EndingHashKey))
			if err != nil {
				return nil, err
			}
			shards = append(shards, partition.Shard{ID: aws.ToString(sh.ShardId), Range: partition.Range{Start: start, End: end}})
		}
		if aws.ToString(out.NextToken) == "" {
			return shards, nil
		}
		// With a token, the stream's name and the filter may not be given again.
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
}

// predict returns the id of the shard a hash will go to, "" if that is unknown.
func (st *stream) predict(h partition.Hash) string {
	if st.shards == nil {
		return ""
	}
	return st.shards.Predict(h).ID
}

// pace returns the rate limiter of a shard, nil if the shard is unknown.
func (st *stream) pace(shard string) *pace {
	if shard == "" {
		return nil
	}
	p := st.paces[shard]
	if p == nil {
		p = &pace{rate: 1, bytes: shardBytes, records: shardRecords}
		st.paces[shard] = p
	}
	return p
}

// pace keeps what we send to one shard within what it takes: a token bucket of
// one second, whose rate halves when the shard throttles us (others send to it
// too) and creeps back while it does not.
type pace struct {
	rate    float64 // share of the shard that we use, up to 1
	bytes   float64 // tokens
	records float64
	last    time.Time
	dry     bool // some tokens have to gather: else each call would carry a crumb
}

const minRate = 1.0 / 64

// wait returns how long to wait until n bytes and one record may be sent, and
// takes the tokens when that is now.
func (p *pace) wait(now time.Time, n, records int) time.Duration {
	if !p.last.IsZero() {
		sec := max(now.Sub(p.last).Seconds(), 0)
		p.bytes = min(p.bytes+sec*p.rate*shardBytes, shardBytes)
		p.records = min(p.records+sec*p.rate*shardRecords, shardRecords)
	}
	p.last = now
	need, count := min(float64(n), shardBytes), float64(records) // a record above a second's worth waits for a full bucket
	if p.dry = p.dry || p.bytes < need || p.records < count; p.dry {
		need, count = max(need, p.rate*shardBytes/4), max(count, p.rate*shardRecords/4)
	}
	short := max((need-p.bytes)/(p.rate*shardBytes), (count-p.records)/(p.rate*shardRecords))
	if p.dry = short > 0; p.dry {
		return time.Duration(short*float64(time.Second)) + time.Millisecond
	}
	p.bytes -= float64(n)
	p.records -= float64(records)
	return 0
}

func (p *pace) throttled() { p.rate = max(p.rate/2, minRate) }
func (p *pace) worked()    { p.rate = min(p.rate*1.1, 1) }
