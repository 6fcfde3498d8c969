package producer

// Limits of Kinesis Data Streams.
const (
	// maxRequestRecords and maxRequestBytes bound one PutRecords call; the bytes
	// count data and partition keys.
	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
	maxRequestRecords = 500
	maxRequestBytes   = 10 << 20

	// defaultRecordBytes is the most that data and partition key of one record
	// may have unless the stream says otherwise (MaxRecordSizeInKiB).
	// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
	defaultRecordBytes = 1 << 20

	// mostRecordBytes is the most that a stream can be set to.
	// https://docs.aws.amazon.com/streams/latest/dev/large-records.html
	mostRecordBytes = 10 << 20

	// payloadUnit is the size of a PUT payload unit, by which provisioned
	// streams are billed: each record costs its size in units, rounded up.
	// https://aws.amazon.com/kinesis/data-streams/pricing/ (25 KB)
	payloadUnit = 25 << 10

	// shardBytes and shardRecords are what one shard takes a second.
	// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
	shardBytes   = 1 << 20
	shardRecords = 1000

	// aggregateBytes is the size that aggregated records and frames are filled
	// to: ten whole payload units. Rounding up then wastes little, and one
	// throttled record is not a quarter of the shard's second.
	aggregateBytes = 10 * payloadUnit

	// maxWindow bounds what is framed at a time, and with it what the encoder and
	// the request take.
	maxWindow = 2 << 20
)

func payloadUnits(bytes int) uint64 {
	return uint64(max(bytes+payloadUnit-1, payloadUnit) / payloadUnit)
}
