package kinesistest

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"
)

// Every limit of a put, at its value and just beyond.
func TestPutLimits(t *testing.T) {
	const mib = 1 << 20
	type entry = types.PutRecordsRequestEntry
	one := func(size int, key, explicit string) []entry {
		e := entry{Data: make([]byte, size), PartitionKey: &key}
		if explicit != "" {
			e.ExplicitHashKey = &explicit
		}
		return []entry{e}
	}
	full := func(n, size int) []entry { // n records of size bytes, key included
		list := entries(n, size-1)
		for i := range list {
			list[i].PartitionKey = aws.String("k")
		}
		return list
	}
	for _, tc := range []struct {
		name    string
		stream  string // default "small": 1 MiB records
		entries []entry
		code    string
		message string
	}{
		{name: "500 records", entries: entries(500, 1)},
		{name: "501 records", entries: entries(501, 1), code: "ValidationException", message: "'records' failed to satisfy constraint: Member must have length less than or equal to 500"},
		{name: "no record", entries: []entry{}, code: "ValidationException", message: "greater than or equal to 1"},
		{name: "10 MiB", entries: full(10, mib)},
		{name: "10 MiB and 1", entries: append(full(10, mib), one(0, "k", "")...), code: "InvalidArgumentException", message: "10485761 bytes, the limit is 10485760"},
		{name: "1 MiB with key", entries: one(mib-3, "key", "")},
		{name: "1 MiB and 1 with key", entries: one(mib-2, "key", ""), code: "InvalidArgumentException", message: "1048577 bytes of data and partition key, more than the 1048576 bytes (1024 KiB)"},
		{name: "10 MiB record", stream: "large", entries: one(10*mib-3, "key", "")},
		{name: "10 MiB record and 1", stream: "large", entries: one(10*mib-2, "key", ""), code: "InvalidArgumentException"},
		{name: "over 10 MiB data", stream: "large", entries: one(10*mib+1, "k", ""), code: "ValidationException", message: "'records.1.member.data'"},
		{name: "key of 256", entries: one(1, strings.Repeat("é", 256), "")},
		{name: "key of 257", entries: one(1, strings.Repeat("é", 257), ""), code: "ValidationException", message: "'records.1.member.partitionKey' failed to satisfy constraint: Member must have length less than or equal to 256"},
		{name: "empty key", entries: one(1, "", ""), code: "ValidationException", message: "partitionKey"},
		{name: "empty data", entries: one(0, "k", "")},
		{name: "hash key 0", entries: one(1, "k", "0")},
		{name: "hash key 2^128-1", entries: one(1, "k", "340282366920938463463374607431768211455")},
		{name: "hash key 2^128", entries: one(1, "k", "340282366920938463463374607431768211456"), code: "InvalidArgumentException", message: "[0, 2^128-1]"},
		{name: "hash key 01", entries: one(1, "k", "01"), code: "ValidationException", message: "explicitHashKey"},
		{name: "hash key -1", entries: one(1, "k", "-1"), code: "ValidationException", message: "explicitHashKey"},
		{name: "hash key of 40 digits", entries: one(1, "k", strings.Repeat("1", 40)), code: "ValidationException"},
		{name: "no stream", stream: "gone", entries: one(1, "k", ""), code: "ResourceNotFoundException", message: "Stream gone under account 123456789012 not found"},
		{name: "stream name of 128", stream: strings.Repeat("a", 128), entries: one(1, "k", ""), code: "ResourceNotFoundException"},
		{name: "stream name of 129", stream: strings.Repeat("a", 129), entries: one(1, "k", ""), code: "ValidationException", message: "less than or equal to 128"},
		{name: "stream name", stream: "a/b", entries: one(1, "k", ""), code: "ValidationException", message: "[a-zA-Z0-9_.-]+"},
		{name: "two mistakes", stream: "a/b", entries: one(1, "", ""), code: "ValidationException", message: "2 validation errors detected"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wires(t, func(t *testing.T, opts func(*kinesis.Options)) {
				s := start(t, Config{Unlimited: true})
				require.NoError(t, s.CreateStream("small", 1, StreamOptions{}))
				require.NoError(t, s.CreateStream("large", 1, StreamOptions{MaxRecordSizeInKiB: 10240}))
				stream := tc.stream
				if stream == "" {
					stream = "small"
				}
				out, err := put(s.Client(opts), stream, tc.entries...)
				if tc.code == "" {
					require.NoError(t, err)
					require.EqualValues(t, 0, *out.FailedRecordCount)
					require.Len(t, out.Records, len(tc.entries))
					return
				}
				requireCode(t, err, tc.code, tc.message)
				require.Equal(t, 400, status(err))
				records, err := s.Records("small")
				require.NoError(t, err)
				require.Empty(t, records)
			})
		})
	}
}

func TestCreateLimits(t *testing.T) {
	s := start(t, Config{})
	c := s.Client(once)
	create := func(in kinesis.CreateStreamInput) error {
		if in.StreamName == nil {
			in.StreamName = aws.String("x")
		}
		_, err := c.CreateStream(context.Background(), &in)
		return err
	}
	type in = kinesis.CreateStreamInput
	requireCode(t, create(in{}), "InvalidArgumentException", "ShardCount")
	requireCode(t, create(in{ShardCount: aws.Int32(0)}), "ValidationException", "greater than or equal to 1")
	requireCode(t, create(in{ShardCount: aws.Int32(10001)}), "LimitExceededException", "10000")
	requireCode(t, create(in{ShardCount: aws.Int32(1), StreamName: aws.String("ä")}), "ValidationException", "streamName")
	requireCode(t, create(in{ShardCount: aws.Int32(1), MaxRecordSizeInKiB: aws.Int32(1023)}), "ValidationException", "1024")
	requireCode(t, create(in{ShardCount: aws.Int32(1), RecordDistributionStrategy: "AUTO"}), "InvalidArgumentException", "ON_DEMAND")
	requireCode(t, create(in{ShardCount: aws.Int32(1), StreamModeDetails: &types.StreamModeDetails{StreamMode: "ON_DEMAND"}}), "InvalidArgumentException", "ShardCount 1")
	require.NoError(t, create(in{ShardCount: aws.Int32(1), MaxRecordSizeInKiB: aws.Int32(10240)}))
	requireCode(t, create(in{ShardCount: aws.Int32(1)}), "ResourceInUseException", "already exists")
}

func TestReadLimit(t *testing.T) {
	s := start(t, Config{Unlimited: true})
	require.NoError(t, s.CreateStream("r", 1, StreamOptions{}))
	c := s.Client(once)
	ctx := context.Background()
	for range 2 {
		_, err := put(c, "r", entries(10, 1<<20-10)...)
		require.NoError(t, err)
	}
	it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("r"), ShardId: aws.String("shardId-000000000000"), ShardIteratorType: "TRIM_HORIZON"})
	require.NoError(t, err)
	out, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
	require.NoError(t, err)
	require.Len(t, out.Records, 10, "10 MiB at most")
	_, err = c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator, Limit: aws.Int32(10001)})
	requireCode(t, err, "InvalidArgumentException", "10000")
	_, err = c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator, Limit: aws.Int32(0)})
	requireCode(t, err, "ValidationException", "limit")
}
