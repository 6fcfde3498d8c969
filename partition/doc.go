// Package partition decides where in a Kinesis stream a record goes, and
// predicts where it will land.
//
// Start with a [Strategy], which gives each record its partition key:
// [ByDevice] unless there is a reason for another, [Parse] when it comes from a
// command line. [HashKey] turns a partition key into the 128-bit [Hash] that
// Kinesis routes by, and a [Map], made by [NewMap] from the open shards of
// ListShards, tells the shard that owns it. [Balance] answers whether the
// traffic is spread evenly over the shards.
//
//	partition key --MD5--> hash key --Map--> shard
//
// A prediction is only that: a stream may be resharded between ListShards and
// PutRecords, so the shard in the result of PutRecords is the truth.
//
// The package imports nothing but the standard library. Hash, Range, Shard and
// Report are plain values. A Map is immutable and every Strategy of this
// package is safe for concurrent use; a Balance is not.
package partition
