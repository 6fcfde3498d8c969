package producer

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
)

// What is read of a list of shards: half as much again as the 10,000 shards that the
// service may have in a stream without being asked, in pages of 1,000.
const (
	mostShardPages = 16
	mostShards     = 10_000
)

// listShards returns the open shards of a stream. in names it; the filter is set here.
// A list that does not end is an error, and no memory.
func listShards(ctx context.Context, api API, in *kinesis.ListShardsInput, options func(*kinesis.Options)) (shards []partition.Shard, err error) {
	in.ShardFilter = &types.ShardFilter{Type: types.ShardFilterTypeAtLatest}
	for range mostShardPages {
		out, err := api.ListShards(ctx, in, options)
		if err != nil {
			return nil, err
		}
		if out == nil {
			return nil, errEmptyAnswer
		}
		for _, sh := range out.Shards {
			if sh.HashKeyRange == nil || sh.SequenceNumberRange != nil && sh.SequenceNumberRange.EndingSequenceNumber != nil {
				continue
			}
			hashes, err := partition.ParseRange(aws.ToString(sh.HashKeyRange.StartingHashKey), aws.ToString(sh.HashKeyRange.EndingHashKey))
			if err != nil {
				return nil, err
			}
			// A copy of the id, which would else keep all of the page.
			shards = append(shards, partition.Shard{ID: strings.Clone(aws.ToString(sh.ShardId)), Range: hashes})
		}
		if len(shards) > mostShards {
			break
		}
		if aws.ToString(out.NextToken) == "" {
			return shards, nil
		}
		// With a token, the stream's name and the filter may not be given again.
		in = &kinesis.ListShardsInput{NextToken: out.NextToken}
	}
	return nil, &failure.Error{Code: failure.CodeHugeResponse, Err: fmt.Errorf("producer: the list of shards does not end after %d pages or %d shards", mostShardPages, mostShards)}
}
