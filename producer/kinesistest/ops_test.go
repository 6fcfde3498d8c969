package kinesistest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/partition"
)

func TestPutAndReadBack(t *testing.T) {
	wires(t, func(t *testing.T, opts func(*kinesis.Options)) {
		ctx := context.Background()
		s := start(t, Config{})
		c := s.Client(opts)
		_, err := c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("telemetry"), ShardCount: aws.Int32(2)})
		require.NoError(t, err)

		list := []types.PutRecordsRequestEntry{
			{Data: []byte("one"), PartitionKey: aws.String("a")},
			{Data: []byte{}, PartitionKey: aws.String("é")},
			{Data: []byte{0, 255, 128}, PartitionKey: aws.String("x"), ExplicitHashKey: aws.String("340282366920938463463374607431768211455")},
		}
		out, err := put(c, "telemetry", list...)
		require.NoError(t, err)
		require.EqualValues(t, 0, *out.FailedRecordCount)
		require.Len(t, out.Records, 3)
		require.Equal(t, "shardId-000000000001", *out.Records[2].ShardId)
		require.Less(t, *out.Records[0].SequenceNumber, *out.Records[1].SequenceNumber)
		require.Len(t, *out.Records[0].SequenceNumber, 56)

		one, err := c.PutRecord(ctx, &kinesis.PutRecordInput{StreamARN: aws.String("arn:aws:kinesis:us-east-1:123456789012:stream/telemetry"), Data: []byte("solo"), PartitionKey: aws.String("a"),
			SequenceNumberForOrdering: out.Records[0].SequenceNumber})
		require.NoError(t, err)
		require.Equal(t, out.Records[0].ShardId, one.ShardId)

		got := map[string]string{}
		for _, shard := range []string{"shardId-000000000000", "shardId-000000000001"} {
			records, last := readShard(t, c, "telemetry", shard)
			require.NotNil(t, last.NextShardIterator)
			for _, r := range records {
				got[*r.SequenceNumber] = *r.PartitionKey + "=" + string(r.Data)
				require.WithinDuration(t, time.Now(), *r.ApproximateArrivalTimestamp, time.Minute)
			}
		}
		require.Equal(t, map[string]string{
			*out.Records[0].SequenceNumber: "a=one",
			*out.Records[1].SequenceNumber: "é=",
			*out.Records[2].SequenceNumber: "x=\x00\xff\x80",
			*one.SequenceNumber:            "a=solo",
		}, got)

		stored, err := s.Records("telemetry")
		require.NoError(t, err)
		require.Len(t, stored, 4)
		require.Equal(t, *list[2].ExplicitHashKey, stored[3].ExplicitHashKey)
		require.Equal(t, 1, s.Calls("PutRecords"))
		require.Greater(t, s.Calls(AnyOperation), 5)
		require.Positive(t, s.PutRecordsBytes())
	})
}

func TestHTTP2AndTLS(t *testing.T) {
	for _, plain := range []bool{false, true} {
		s := start(t, Config{Plain: plain})
		major, resumed := 0, false
		c := s.Client(once, func(o *kinesis.Options) {
			o.HTTPClient = roundTripper(func(r *http.Request) (*http.Response, error) {
				resp, err := s.HTTPClient().Do(r)
				if err == nil {
					major = resp.ProtoMajor
					resumed = resp.TLS != nil && resp.TLS.DidResume
				}
				return resp, err
			})
		})
		_, err := c.ListStreams(context.Background(), &kinesis.ListStreamsInput{})
		require.NoError(t, err)
		if plain {
			require.Equal(t, 1, major)
			continue
		}
		require.Equal(t, 2, major)
		s.HTTPClient().CloseIdleConnections()
		_, err = c.ListStreams(context.Background(), &kinesis.ListStreamsInput{})
		require.NoError(t, err)
		require.True(t, resumed, "TLS session")
	}
}

func TestStreamLife(t *testing.T) {
	wires(t, func(t *testing.T, opts func(*kinesis.Options)) {
		ctx := context.Background()
		s := start(t, Config{})
		c := s.Client(opts)
		for i := range 3 {
			require.NoError(t, s.CreateStream(fmt.Sprintf("s%d", i), 3, StreamOptions{}))
		}
		requireCode(t, s.CreateStream("s0", 1, StreamOptions{}), "ResourceInUseException", "s0")
		page, err := c.ListStreams(ctx, &kinesis.ListStreamsInput{Limit: aws.Int32(2)})
		require.NoError(t, err)
		require.Equal(t, []string{"s0", "s1"}, page.StreamNames)
		require.True(t, *page.HasMoreStreams)
		page, err = c.ListStreams(ctx, &kinesis.ListStreamsInput{NextToken: page.NextToken})
		require.NoError(t, err)
		require.Equal(t, []string{"s2"}, page.StreamNames)
		require.Equal(t, types.StreamStatusActive, page.StreamSummaries[0].StreamStatus)

		d, err := c.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: aws.String("s0"), Limit: aws.Int32(2)})
		require.NoError(t, err)
		require.Len(t, d.StreamDescription.Shards, 2)
		require.True(t, *d.StreamDescription.HasMoreShards)
		require.Equal(t, "0", *d.StreamDescription.Shards[0].HashKeyRange.StartingHashKey)
		require.WithinDuration(t, time.Now(), *d.StreamDescription.StreamCreationTimestamp, time.Minute)

		arn := d.StreamDescription.StreamARN
		_, err = c.UpdateMaxRecordSize(ctx, &kinesis.UpdateMaxRecordSizeInput{StreamARN: arn, MaxRecordSizeInKiB: aws.Int32(2048)})
		require.NoError(t, err)
		sum, err := c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamARN: arn})
		require.NoError(t, err)
		require.EqualValues(t, 2048, *sum.StreamDescriptionSummary.MaxRecordSizeInKiB)
		require.EqualValues(t, 3, *sum.StreamDescriptionSummary.OpenShardCount)
		require.Empty(t, sum.StreamDescriptionSummary.RecordDistributionStrategy)

		_, err = c.UpdateMaxRecordSize(ctx, &kinesis.UpdateMaxRecordSizeInput{StreamARN: arn, MaxRecordSizeInKiB: aws.Int32(10241)})
		requireCode(t, err, "ValidationException", "10240")
		_, err = c.UpdateStreamRecordDistributionStrategy(ctx, &kinesis.UpdateStreamRecordDistributionStrategyInput{StreamARN: arn, RecordDistributionStrategy: "AUTO"})
		requireCode(t, err, "InvalidArgumentException", "PROVISIONED")

		_, err = c.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: aws.String("s0")})
		require.NoError(t, err)
		_, err = c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamARN: arn})
		requireCode(t, err, "ResourceNotFoundException", "Stream s0 under account 123456789012 not found")
		require.ErrorAs(t, err, new(*types.ResourceNotFoundException))
		_, err = c.DescribeLimits(ctx, &kinesis.DescribeLimitsInput{})
		requireCode(t, err, "UnknownOperationException", "DescribeLimits")
	})
}

func TestAutoDistribution(t *testing.T) {
	ctx := context.Background()
	s := start(t, Config{})
	c := s.Client(once)
	_, err := c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("auto"), RecordDistributionStrategy: "AUTO",
		StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand}})
	require.NoError(t, err)
	sum, err := c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("auto")})
	require.NoError(t, err)
	require.Equal(t, types.RecordDistributionStrategyAuto, sum.StreamDescriptionSummary.RecordDistributionStrategy)
	list := make([]types.PutRecordsRequestEntry, 8)
	for i := range list {
		list[i] = types.PutRecordsRequestEntry{Data: []byte("x")}
		if i%2 == 0 {
			list[i].PartitionKey, list[i].ExplicitHashKey = aws.String("same"), aws.String("7")
		}
	}
	out, err := put(c, "auto", list...)
	require.NoError(t, err)
	perShard := map[string]int{}
	for _, r := range out.Records {
		perShard[*r.ShardId]++
	}
	require.Len(t, perShard, 4)
	for shard, n := range perShard {
		require.Equal(t, 2, n, shard)
	}
	_, err = c.UpdateStreamRecordDistributionStrategy(ctx, &kinesis.UpdateStreamRecordDistributionStrategyInput{
		StreamARN: sum.StreamDescriptionSummary.StreamARN, RecordDistributionStrategy: "USER_PARTITION_KEY"})
	require.NoError(t, err)
	_, err = put(c, "auto", list...)
	requireCode(t, err, "ValidationException", "records.2.member.partitionKey")
	_, err = c.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: aws.String("auto"), ShardToSplit: aws.String("shardId-000000000000"), NewStartingHashKey: aws.String("9")})
	requireCode(t, err, "ValidationException", "ON_DEMAND")
}

func TestReshardAndRead(t *testing.T) {
	wires(t, func(t *testing.T, opts func(*kinesis.Options)) {
		ctx := context.Background()
		s := start(t, Config{})
		c := s.Client(opts)
		require.NoError(t, s.CreateStream("r", 1, StreamOptions{}))
		_, err := put(c, "r", entries(10, 5)...)
		require.NoError(t, err)
		_, err = c.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: aws.String("r"), ShardToSplit: aws.String("shardId-000000000000"),
			NewStartingHashKey: aws.String(partition.Full().Mid().String())})
		require.NoError(t, err)
		out, err := put(c, "r", entries(10, 5)...)
		require.NoError(t, err)
		for _, r := range out.Records {
			require.NotEqual(t, "shardId-000000000000", *r.ShardId)
		}
		records, last := readShard(t, c, "r", "shardId-000000000000")
		require.Len(t, records, 10)
		require.Nil(t, last.NextShardIterator)
		require.Len(t, last.ChildShards, 2)
		require.Equal(t, []string{"shardId-000000000000"}, last.ChildShards[0].ParentShards)
		left, _ := readShard(t, c, "r", *last.ChildShards[0].ShardId)
		right, _ := readShard(t, c, "r", *last.ChildShards[1].ShardId)
		require.Len(t, append(left, right...), 10)

		_, err = c.MergeShards(ctx, &kinesis.MergeShardsInput{StreamName: aws.String("r"), ShardToMerge: last.ChildShards[1].ShardId, AdjacentShardToMerge: last.ChildShards[0].ShardId})
		require.NoError(t, err)
		list, err := c.ListShards(ctx, &kinesis.ListShardsInput{StreamName: aws.String("r")})
		require.NoError(t, err)
		require.Len(t, list.Shards, 4)
		merged := list.Shards[3]
		require.Equal(t, "shardId-000000000002", *merged.ParentShardId)
		require.Equal(t, "shardId-000000000001", *merged.AdjacentParentShardId)
		require.Nil(t, merged.SequenceNumberRange.EndingSequenceNumber)
		require.NotNil(t, list.Shards[1].SequenceNumberRange.EndingSequenceNumber)

		_, err = c.MergeShards(ctx, &kinesis.MergeShardsInput{StreamName: aws.String("r"), ShardToMerge: aws.String("shardId-000000000001"), AdjacentShardToMerge: aws.String("shardId-000000000002")})
		requireCode(t, err, "InvalidArgumentException", "closed")
		_, err = c.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: aws.String("r"), ShardToSplit: merged.ShardId, NewStartingHashKey: aws.String("1")})
		requireCode(t, err, "InvalidArgumentException", "NewStartingHashKey 1")
		_, err = c.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamName: aws.String("r"), ScalingType: "UNIFORM_SCALING", TargetShardCount: aws.Int32(3)})
		requireCode(t, err, "InvalidArgumentException", "double")
	})
}

// Whatever the counts, a scaled stream has even ranges that cover the hash space,
// and no shard more than two parents.
func TestUpdateShardCount(t *testing.T) {
	s := start(t, Config{})
	require.NoError(t, s.CreateStream("u", 1, StreamOptions{}))
	c := s.Client(once)
	for _, n := range []int{2, 3, 5, 4, 7, 14, 9, 5, 3, 2, 1} {
		out, err := c.UpdateShardCount(context.Background(), &kinesis.UpdateShardCountInput{StreamName: aws.String("u"), ScalingType: "UNIFORM_SCALING", TargetShardCount: aws.Int32(int32(n))})
		require.NoError(t, err, n)
		require.EqualValues(t, n, *out.TargetShardCount)
		s.mu.Lock()
		var got []partition.Range
		for _, sh := range s.streams["u"].open {
			got = append(got, sh.keys)
		}
		s.mu.Unlock()
		require.Equal(t, partition.Even(n), got)
	}
	shards, err := s.Shards("u")
	require.NoError(t, err)
	for _, sh := range shards {
		if sh.Parent != "" && sh.Adjacent == "" {
			continue
		}
		require.Equal(t, sh.Parent == "", sh.Adjacent == "")
	}
}

func TestListShardsFilters(t *testing.T) {
	ctx := context.Background()
	s := start(t, Config{})
	require.NoError(t, s.CreateStream("f", 3, StreamOptions{}))
	lower, upper, err := s.SplitShard("f", "shardId-000000000001")
	require.NoError(t, err)
	require.Equal(t, []string{"shardId-000000000003", "shardId-000000000004"}, []string{lower, upper})
	c := s.Client(once)
	ids := func(f *types.ShardFilter) (list string) {
		out, err := c.ListShards(ctx, &kinesis.ListShardsInput{StreamName: aws.String("f"), ShardFilter: f})
		require.NoError(t, err)
		for _, sh := range out.Shards {
			list += (*sh.ShardId)[19:]
		}
		return list
	}
	now := time.Now()
	for _, tc := range []struct {
		filter types.ShardFilter
		want   string
	}{
		{types.ShardFilter{Type: types.ShardFilterTypeAtLatest}, "0234"},
		{types.ShardFilter{Type: types.ShardFilterTypeAtTrimHorizon}, "012"},
		{types.ShardFilter{Type: types.ShardFilterTypeFromTrimHorizon}, "01234"},
		{types.ShardFilter{Type: types.ShardFilterTypeAfterShardId, ShardId: aws.String("shardId-000000000002")}, "34"},
		{types.ShardFilter{Type: types.ShardFilterTypeAtTimestamp, Timestamp: aws.Time(now.Add(time.Second))}, "0234"},
		{types.ShardFilter{Type: types.ShardFilterTypeAtTimestamp, Timestamp: aws.Time(now.Add(-time.Hour))}, ""},
		{types.ShardFilter{Type: types.ShardFilterTypeFromTimestamp, Timestamp: aws.Time(now.Add(-time.Hour))}, "01234"},
		{types.ShardFilter{Type: types.ShardFilterTypeFromTimestamp, Timestamp: aws.Time(now.Add(time.Second))}, "0234"},
	} {
		require.Equal(t, tc.want, ids(&tc.filter), tc.filter.Type)
	}
	for _, f := range []types.ShardFilter{{Type: "AFTER_SHARD_ID"}, {Type: "AT_TIMESTAMP"}} {
		_, err := c.ListShards(ctx, &kinesis.ListShardsInput{StreamName: aws.String("f"), ShardFilter: &f})
		requireCode(t, err, "InvalidArgumentException", string(f.Type))
	}

	seen := 0
	in := &kinesis.ListShardsInput{StreamName: aws.String("f"), MaxResults: aws.Int32(2), ShardFilter: &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}}
	for {
		out, err := c.ListShards(ctx, in)
		require.NoError(t, err)
		require.LessOrEqual(t, len(out.Shards), 2)
		seen += len(out.Shards)
		if out.NextToken == nil {
			break
		}
		in = &kinesis.ListShardsInput{NextToken: out.NextToken, MaxResults: aws.Int32(2)}
	}
	require.Equal(t, 4, seen)
	_, err = c.ListShards(ctx, &kinesis.ListShardsInput{NextToken: aws.String("nonsense")})
	requireCode(t, err, "InvalidArgumentException", "nonsense")
	_, err = c.ListShards(ctx, &kinesis.ListShardsInput{NextToken: aws.String("nonsense"), StreamName: aws.String("f")})
	requireCode(t, err, "InvalidArgumentException", "together")
}

func TestListShardsPage(t *testing.T) {
	s := start(t, Config{})
	require.NoError(t, s.CreateStream("big", 1001, StreamOptions{}))
	out, err := s.Client(once).ListShards(context.Background(), &kinesis.ListShardsInput{StreamName: aws.String("big"), MaxResults: aws.Int32(10000)})
	require.NoError(t, err)
	require.Len(t, out.Shards, 1000)
	require.NotNil(t, out.NextToken)
}

func TestIterators(t *testing.T) {
	wires(t, func(t *testing.T, opts func(*kinesis.Options)) {
		ctx := context.Background()
		s := start(t, Config{})
		require.NoError(t, s.CreateStream("i", 1, StreamOptions{}))
		c := s.Client(opts)
		var seqs []string
		for i := range 4 {
			out, err := put(c, "i", types.PutRecordsRequestEntry{Data: []byte{byte(i)}, PartitionKey: aws.String("k")})
			require.NoError(t, err)
			seqs = append(seqs, *out.Records[0].SequenceNumber)
		}
		read := func(in kinesis.GetShardIteratorInput, limit int32) (got []byte) {
			in.StreamName, in.ShardId = aws.String("i"), aws.String("shardId-000000000000")
			it, err := c.GetShardIterator(ctx, &in)
			require.NoError(t, err)
			out, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator, Limit: aws.Int32(limit)})
			require.NoError(t, err)
			for _, r := range out.Records {
				got = append(got, r.Data...)
			}
			return got
		}
		type in = kinesis.GetShardIteratorInput
		require.Equal(t, []byte{0, 1}, read(in{ShardIteratorType: "TRIM_HORIZON"}, 2))
		require.Equal(t, []byte{2, 3}, read(in{ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: &seqs[2]}, 10))
		require.Equal(t, []byte{3}, read(in{ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: &seqs[2]}, 10))
		require.Empty(t, read(in{ShardIteratorType: "LATEST"}, 10))
		require.Equal(t, []byte{0, 1, 2, 3}, read(in{ShardIteratorType: "AT_TIMESTAMP", Timestamp: aws.Time(time.Now().Add(-time.Hour))}, 10))

		bad := func(in kinesis.GetShardIteratorInput) error {
			in.StreamName, in.ShardId = aws.String("i"), aws.String("shardId-000000000000")
			_, err := c.GetShardIterator(ctx, &in)
			return err
		}
		requireCode(t, bad(in{ShardIteratorType: "AT_TIMESTAMP", Timestamp: aws.Time(time.Now().Add(time.Hour))}), "InvalidArgumentException", "timestampInMillis")
		requireCode(t, bad(in{ShardIteratorType: "AT_TIMESTAMP"}), "InvalidArgumentException")
		requireCode(t, bad(in{ShardIteratorType: "AT_SEQUENCE_NUMBER"}), "InvalidArgumentException")
		requireCode(t, bad(in{ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: aws.String("12")}), "InvalidArgumentException", "12")
		requireCode(t, bad(in{ShardIteratorType: "SOMEWHERE"}), "ValidationException", "SOMEWHERE")
		_, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: aws.String("AAAA")})
		requireCode(t, err, "InvalidArgumentException", "Invalid ShardIterator")
	})
}

func TestDryRun(t *testing.T) {
	wires(t, func(t *testing.T, opts func(*kinesis.Options)) {
		ctx := context.Background()
		s := start(t, Config{})
		require.NoError(t, s.CreateStream("d", 1, StreamOptions{}))
		c := s.Client(opts)
		_, err := c.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("d"), Records: entries(1, 1), DryRun: aws.Bool(true)})
		requireCode(t, err, "DryRunOperationException")
		require.ErrorAs(t, err, new(*types.DryRunOperationException))
		_, err = c.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("d"), Data: []byte("x"), PartitionKey: aws.String("k"), DryRun: aws.Bool(true)})
		requireCode(t, err, "DryRunOperationException")
		_, err = c.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("nope"), Records: entries(1, 1), DryRun: aws.Bool(true)})
		requireCode(t, err, "ResourceNotFoundException")
		records, err := s.Records("d")
		require.NoError(t, err)
		require.Empty(t, records)
	})
}
