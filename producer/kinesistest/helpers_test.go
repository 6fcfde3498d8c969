package kinesistest

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rivulet-iot/rivulet/producer/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a server that ends with the test.
func start(t testing.TB, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// once makes a client try each call once.
func once(o *kinesis.Options) { o.RetryMaxAttempts = 1 }

// wires runs a test in both encodings.
func wires(t *testing.T, f func(t *testing.T, opts func(*kinesis.Options))) {
	t.Run("json", func(t *testing.T) { f(t, once) })
	t.Run("cbor", func(t *testing.T) {
		f(t, func(o *kinesis.Options) { once(o); wire.WithCBOR(o) })
	})
}

// code returns the AWS error code of an error, or "".
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func requireCode(t testing.TB, err error, want string, inMessage ...string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, code(err), "error: %v", err)
	for _, part := range inMessage {
		require.Contains(t, err.Error(), part)
	}
}

func status(err error) int {
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) {
		return re.HTTPStatusCode()
	}
	return 0
}

// entries makes n records of one size with keys key-0, key-1, …
func entries(n, size int) []types.PutRecordsRequestEntry {
	list := make([]types.PutRecordsRequestEntry, n)
	for i := range list {
		list[i] = types.PutRecordsRequestEntry{Data: make([]byte, size), PartitionKey: aws.String("key-" + string(rune('0'+i%10)))}
	}
	return list
}

func put(c *kinesis.Client, stream string, list ...types.PutRecordsRequestEntry) (*kinesis.PutRecordsOutput, error) {
	return c.PutRecords(context.Background(), &kinesis.PutRecordsInput{StreamName: &stream, Records: list})
}

// readShard reads a shard from its beginning to where it has no more now.
func readShard(t testing.TB, c *kinesis.Client, stream, shard string) (records []types.Record, last *kinesis.GetRecordsOutput) {
	t.Helper()
	ctx := context.Background()
	it, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: &stream, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	require.NoError(t, err)
	next := it.ShardIterator
	for {
		out, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: next})
		require.NoError(t, err)
		records = append(records, out.Records...)
		if next = out.NextShardIterator; next == nil || *out.MillisBehindLatest == 0 && len(out.Records) == 0 {
			return records, out
		}
	}
}

// roundTripper sees each request and reply of a client.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) Do(r *http.Request) (*http.Response, error) { return f(r) }
