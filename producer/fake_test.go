package producer_test

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	smithy "github.com/aws/smithy-go"

	"github.com/rivulet-iot/rivulet/producer"
)

// fake is a Kinesis of one shard that does what a test says.
type fake struct {
	mu     sync.Mutex
	calls  int
	looks  int
	frames []int // entries in each call
	bytes  int
	put    func(ctx context.Context, n int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error)
	shards func(n int) []types.Shard
	shard  string
}

func whole() []types.Shard {
	return []types.Shard{{ShardId: aws.String("shardId-0"), HashKeyRange: &types.HashKeyRange{StartingHashKey: aws.String("0"), EndingHashKey: aws.String("340282366920938463463374607431768211455")}}}
}

func (f *fake) ok(in *kinesis.PutRecordsInput) *kinesis.PutRecordsOutput {
	sh := f.shard
	if sh == "" {
		sh = "shardId-0"
	}
	out := &kinesis.PutRecordsOutput{}
	for range in.Records {
		out.Records = append(out.Records, types.PutRecordsResultEntry{SequenceNumber: aws.String("1"), ShardId: aws.String(sh)})
	}
	return out
}
func size(in *kinesis.PutRecordsInput) (n int) {
	for _, r := range in.Records {
		n += len(r.Data)
	}
	return
}
func (f *fake) PutRecords(ctx context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	f.mu.Lock()
	f.calls++
	n := f.calls
	f.frames = append(f.frames, len(in.Records))
	f.bytes += size(in)
	f.mu.Unlock()
	if f.put != nil {
		if out, err := f.put(ctx, n, in); out != nil || err != nil {
			return out, err
		}
	}
	return f.ok(in), nil
}
func (f *fake) ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	if f.shards != nil {
		return &kinesis.ListShardsOutput{Shards: f.shards(f.looks)}, nil
	}
	return &kinesis.ListShardsOutput{Shards: whole()}, nil
}
func (f *fake) DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	return &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: &types.StreamDescriptionSummary{}}, nil
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *fake) sent() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bytes
}

func api(code string) error { return &smithy.GenericAPIError{Code: code, Message: "m"} }

func end(p *producer.Producer) { _ = p.Close(cancelled()) }

func bad(in *kinesis.PutRecordsInput, what string) bool {
	for _, r := range in.Records {
		if strings.Contains(string(r.Data), what) {
			return true
		}
	}
	return false
}
