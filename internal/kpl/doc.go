// Package kpl writes and reads the aggregated records of the Kinesis Producer
// Library, which carry many user records in the data of one Kinesis record.
//
// To write, [Builder.Add] user records while [Builder.SizeWith] stays under the
// limit, then [Builder.AppendTo]. To read, ask [Looks] whether the data of a
// Kinesis record is an aggregate, and if so [Parse] it. The protobuf in it is
// encoded and decoded by hand, so that a device binary links no protobuf
// runtime.
//
// # Format
//
//	 0      4                                    len-16        len
//	+------+------------------------------------+-------------+
//	| F3   |                                    |             |
//	| 89   |  AggregatedRecord, protobuf        |  MD5 of the |
//	| 9A   |                                    |  protobuf   |
//	| C2   |                                    |             |
//	+------+------------------------------------+-------------+
//
//	message AggregatedRecord {               // proto2
//	  repeated string partition_key_table     = 1;
//	  repeated string explicit_hash_key_table = 2;
//	  repeated Record records                 = 3;
//	}
//	message Record {
//	  required uint64 partition_key_index     = 1;  // from 0
//	  optional uint64 explicit_hash_key_index = 2;  // from 0
//	  required bytes  data                    = 3;
//	  repeated Tag    tags                    = 4;
//	}
//	message Tag {
//	  required string key   = 1;
//	  optional string value = 2;
//	}
//
// On the wire, one user record with key "k" and data "hi", 31 bytes in all:
//
//	F3 89 9A C2                 magic
//	0A 01 6B                    field 1, 1 byte: "k"
//	1A 06                       field 3, 6 bytes:
//	   08 00                      field 1, varint: key 0, always written
//	   1A 02 68 69                field 3, 2 bytes: "hi"
//	xx ... xx                   MD5 of the 11 bytes between, 16 bytes
//
// Builder writes the key table, the explicit hash key table and the records, in
// this order; each table holds each key once, in the order of first use. It
// writes no tags. In one aggregate either all records have an explicit hash key
// or none has: a common de-aggregator gives records without one the first of
// the table. Parse accepts the mix, as the KPL itself writes it.
//
// https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
//
// Files in testdata hold examples for implementations in other languages.
package kpl
