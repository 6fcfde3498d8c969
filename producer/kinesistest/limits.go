package kinesistest

import "time"

// The numbers of the service, in one place.
//
// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
const (
	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
	maxEntries      = 500      // records in one PutRecords
	maxRequestBytes = 10 << 20 // data and partition keys of one PutRecords

	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
	maxDataBytes = 10 << 20 // the API's limit for Data, on any stream
	maxKeyChars  = 256      // Unicode code points of a partition key

	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateMaxRecordSize.html
	minRecordSizeKiB = 1024
	maxRecordSizeKiB = 10240

	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
	maxNameChars   = 128
	maxShards      = 10000 // also of UpdateShardCount
	onDemandShards = 4     // shards of a new on-demand stream

	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
	maxGetRecords  = 10000
	maxGetBytes    = 10 << 20
	iteratorMaxAge = 5 * time.Minute

	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
	maxListShards = 1000  // a page; a larger MaxResults gives this many
	maxMaxResults = 10000 // the largest MaxResults accepted
	tokenMaxAge   = 300 * time.Second

	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStream.html
	defaultDescribe = 100
	maxDescribe     = 10000

	// A shard takes 1,000 records and 1 MiB a second, and gives five reads and
	// 2 MiB a second.
	shardRecords   = 1000
	shardBytes     = 1 << 20
	shardReads     = 5
	shardReadBytes = 2 << 20

	retentionHours = 24

	// The clock of a signature may be off by five minutes.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
	maxSkew = 5 * time.Minute

	// maxBody is what is read of a request. The largest good one, 10 MiB of data
	// in base64 with 500 entries around it, takes about 14 MiB.
	maxBody = 16 << 20
	// maxValues caps how many values a body may hold, before they are decoded;
	// the largest good one holds about 2,000.
	maxValues = 20000
	// maxDepth caps how deep values nest in a body; good ones go four deep.
	maxDepth = 32
)
