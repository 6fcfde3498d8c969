package spark

import (
	"context"
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/progress"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

const shards = 4

// long is more than any of the tests takes, and much less than a zone is from another.
const long = time.Hour

// stream is one of the emulator, of this test alone.
type stream struct {
	t      *testing.T
	client *kinesis.Client
	name   string
}

func newStream(t *testing.T, name string) *stream {
	t.Helper()
	c, err := wire.NewClient(wire.Config{Endpoint: endpoint(t), Protocol: wire.JSON, Credentials: wire.EnvCredentials(), Region: os.Getenv("AWS_REGION")})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	s := &stream{t: t, client: c.Client, name: fmt.Sprintf("%s-%d", name, os.Getpid())}
	_, err = s.client.CreateStream(s.context(), &kinesis.CreateStreamInput{StreamName: &s.name, ShardCount: aws.Int32(shards)})
	require.NoError(t, err)
	s.untilActive()
	return s
}

func (s *stream) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), progress.Patience)
	s.t.Cleanup(cancel)
	return ctx
}

func (s *stream) untilActive() {
	s.t.Helper()
	require.NoError(s.t, kinesis.NewStreamExistsWaiter(s.client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 200*time.Millisecond
	}).Wait(s.context(), &kinesis.DescribeStreamInput{StreamName: &s.name}, progress.Patience))
}

// position is where a record is in the stream.
type position struct{ shard, number string }

// put puts records, each with data and partition key, and returns where they are.
func (s *stream) put(records ...types.PutRecordsRequestEntry) (at []position) {
	s.t.Helper()
	for len(records) > 0 {
		n := min(len(records), 100)
		out, err := s.client.PutRecords(s.context(), &kinesis.PutRecordsInput{StreamName: &s.name, Records: records[:n]})
		require.NoError(s.t, err)
		for _, r := range out.Records {
			require.Nil(s.t, r.ErrorCode)
			at = append(at, position{*r.ShardId, *r.SequenceNumber})
		}
		records = records[n:]
	}
	return at
}

// split splits an open shard in the middle, the one with the widest range.
func (s *stream) split() {
	s.t.Helper()
	out, err := s.client.ListShards(s.context(), &kinesis.ListShardsInput{StreamName: &s.name})
	require.NoError(s.t, err)
	var widest types.Shard
	width, middle := new(big.Int), new(big.Int)
	for _, shard := range out.Shards {
		low, high := hashKey(s.t, shard.HashKeyRange.StartingHashKey), hashKey(s.t, shard.HashKeyRange.EndingHashKey)
		w := new(big.Int).Sub(high, low)
		if shard.SequenceNumberRange.EndingSequenceNumber == nil && w.Cmp(width) > 0 {
			widest, width = shard, w
			middle.Add(low, high).Rsh(middle, 1)
		}
	}
	_, err = s.client.SplitShard(s.context(), &kinesis.SplitShardInput{StreamName: &s.name, ShardToSplit: widest.ShardId, NewStartingHashKey: aws.String(middle.String())})
	require.NoError(s.t, err)
	s.untilActive()
}

func hashKey(t *testing.T, decimal *string) *big.Int {
	n, ok := new(big.Int).SetString(*decimal, 10)
	require.True(t, ok, *decimal)
	return n
}
