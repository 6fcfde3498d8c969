package kinesistest

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"
)

// bubble runs a test with a server in a synctest bubble.
func bubble(t *testing.T, c Config, f func(t *testing.T, s *Server, client *kinesis.Client)) {
	synctest.Test(t, func(t *testing.T) {
		c.Listener = NewPipeListener()
		s, err := Start(c)
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.CreateStream("s", 1, StreamOptions{}))
		f(t, s, s.Client(once))
	})
}

func TestWriteThroughput(t *testing.T) {
	for _, plain := range []bool{false, true} {
		bubble(t, Config{Plain: plain}, func(t *testing.T, s *Server, c *kinesis.Client) {
			failed := func(n, size int) int {
				out, err := put(c, "s", entries(n, size)...)
				require.NoError(t, err)
				bad := 0
				for _, r := range out.Records {
					if r.ErrorCode != nil {
						bad++
						require.Equal(t, "ProvisionedThroughputExceededException", *r.ErrorCode)
						require.Equal(t, "Rate exceeded for shard shardId-000000000000 in stream s under account 123456789012.", *r.ErrorMessage)
						require.Nil(t, r.SequenceNumber)
					}
				}
				require.EqualValues(t, bad, *out.FailedRecordCount)
				return bad
			}
			// 1,000 records at once, then 1,000 a second.
			require.Equal(t, 0, failed(500, 1))
			require.Equal(t, 0, failed(500, 1))
			require.Equal(t, 1, failed(1, 1))
			time.Sleep(100 * time.Millisecond)
			require.Equal(t, 400, failed(500, 1))
			time.Sleep(time.Hour)
			// 1 MiB at once, then 1 MiB a second. Each record has a key of 5 bytes.
			require.Equal(t, 0, failed(8, 1<<17-5))
			require.Equal(t, 1, failed(1, 1))
			time.Sleep(500 * time.Millisecond)
			require.Equal(t, 4, failed(8, 1<<17-5))
			_, err := c.PutRecord(context.Background(), &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("k"), Data: make([]byte, 1<<20-1)})
			requireCode(t, err, "ProvisionedThroughputExceededException", "shardId-000000000000")
			// A month passes at once, and the connection or a new one still works.
			time.Sleep(30 * 24 * time.Hour)
			require.Equal(t, 0, failed(8, 1<<17-5))
		})
	}
}

// A stream for large records lets one burst through.
func TestLargeRecordBurst(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Server, c *kinesis.Client) {
		require.NoError(t, s.CreateStream("large", 1, StreamOptions{MaxRecordSizeInKiB: 10240}))
		send := func() int32 {
			out, err := put(c, "large", entries(1, 10<<20-5)...)
			require.NoError(t, err)
			return *out.FailedRecordCount
		}
		require.EqualValues(t, 0, send())
		require.EqualValues(t, 1, send())
		time.Sleep(9 * time.Second)
		require.EqualValues(t, 1, send())
		time.Sleep(time.Second)
		require.EqualValues(t, 0, send())
	})
}

func TestReadThroughput(t *testing.T) {
	bubble(t, Config{ReadLimits: true, Unlimited: true}, func(t *testing.T, s *Server, c *kinesis.Client) {
		ctx := context.Background()
		it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: aws.String("shardId-000000000000"), ShardIteratorType: "TRIM_HORIZON"})
		require.NoError(t, err)
		read := func() error {
			_, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
			return err
		}
		for range 5 {
			require.NoError(t, read())
		}
		requireCode(t, read(), "ProvisionedThroughputExceededException")
		time.Sleep(time.Second)
		_, err = put(c, "s", entries(10, 1<<20-5)...)
		require.NoError(t, err)
		require.NoError(t, read(), "10 MiB in one read")
		time.Sleep(4 * time.Second)
		requireCode(t, read(), "ProvisionedThroughputExceededException")
		time.Sleep(1100 * time.Millisecond)
		require.NoError(t, read())
	})
}

func TestIteratorAndTokenAge(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Server, c *kinesis.Client) {
		ctx := context.Background()
		require.NoError(t, s.CreateStream("two", 2, StreamOptions{}))
		it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("two"), ShardId: aws.String("shardId-000000000000"), ShardIteratorType: "TRIM_HORIZON"})
		require.NoError(t, err)
		page, err := c.ListShards(ctx, &kinesis.ListShardsInput{StreamName: aws.String("two"), MaxResults: aws.Int32(1)})
		require.NoError(t, err)
		time.Sleep(5*time.Minute - time.Millisecond)
		out, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
		require.NoError(t, err)
		_, err = c.ListShards(ctx, &kinesis.ListShardsInput{NextToken: page.NextToken})
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
		requireCode(t, err, "ExpiredIteratorException", "300000 milliseconds")
		require.ErrorAs(t, err, new(*types.ExpiredIteratorException))
		_, err = c.ListShards(ctx, &kinesis.ListShardsInput{NextToken: page.NextToken})
		requireCode(t, err, "ExpiredNextTokenException")
		_, err = c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: out.NextShardIterator})
		require.NoError(t, err)
	})
}

func TestMillisBehindLatest(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Server, c *kinesis.Client) {
		ctx := context.Background()
		for range 2 {
			_, err := put(c, "s", entries(1, 1)...)
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}
		it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("s"), ShardId: aws.String("shardId-000000000000"),
			ShardIteratorType: "AT_TIMESTAMP", Timestamp: aws.Time(time.Now().Add(-2 * time.Minute))})
		require.NoError(t, err)
		out, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator, Limit: aws.Int32(1)})
		require.NoError(t, err)
		require.EqualValues(t, 60000, *out.MillisBehindLatest)
		out, err = c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: out.NextShardIterator})
		require.NoError(t, err)
		require.Len(t, out.Records, 1)
		require.EqualValues(t, 0, *out.MillisBehindLatest)
	})
}

func TestChangeDelay(t *testing.T) {
	bubble(t, Config{ChangeDelay: 10 * time.Second}, func(t *testing.T, s *Server, c *kinesis.Client) {
		ctx := context.Background()
		_, err := c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("slow"), ShardCount: aws.Int32(1)})
		require.NoError(t, err)
		_, err = put(c, "slow", entries(1, 1)...)
		requireCode(t, err, "ResourceNotFoundException", "CREATING")
		require.NoError(t, kinesis.NewStreamExistsWaiter(c).Wait(ctx, &kinesis.DescribeStreamInput{StreamName: aws.String("slow")}, time.Minute))
		scale := func() error {
			_, err := c.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamName: aws.String("slow"), ScalingType: "UNIFORM_SCALING", TargetShardCount: aws.Int32(2)})
			return err
		}
		require.NoError(t, scale())
		requireCode(t, scale(), "ResourceInUseException", "UPDATING")
		_, err = put(c, "slow", entries(1, 1)...)
		require.NoError(t, err, "an updating stream takes records")
		time.Sleep(10 * time.Second)
		require.NoError(t, scale())
	})
}

func TestPipeListener(t *testing.T) {
	l := NewPipeListener()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := l.Dial(ctx, "tcp", "anywhere:1")
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	_, err = l.Dial(context.Background(), "tcp", "anywhere:1")
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}
