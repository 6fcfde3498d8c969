// Package producer sends records from a device to an Amazon Kinesis data stream,
// in few bytes and without losing any unseen.
//
// Declare a schema, make a client, start a [Producer], and Put:
//
//	schema, err := record.SchemaOf[Env]("env", 1)
//	client, err := wire.NewClient(wire.Config{Region: "eu-west-1", Credentials: wire.EnvCredentials()})
//	p, err := producer.New(client, producer.Config{Stream: "telemetry", Device: "pi-7f3a", Schema: schema})
//	id, err := p.Put(ctx, Env{Temperature: 21.5})
//	err = p.Close(ctx)
//
// There are three ways in: [Producer.Put] for a typed struct, [Producer.PutRecord]
// for a dynamic record, [Producer.PutBytes] for opaque bytes under a key of one's
// own. The client may be any *kinesis.Client; package wire makes one that spares
// a metered link. Package kinesistest is a Kinesis to test against.
//
// # The way of a record
//
// Put validates, encodes a compact row and appends it to the buffer; nothing
// else. One goroutine reads the buffer, gathers rows of a partition key into a
// frame (until FlushInterval has passed, there is enough for a call, or Flush), packs
// frames that go to one shard into an aggregated record as the KPL does, calls
// PutRecords, and acknowledges each entry by its own result.
//
// # Promises
//
//   - Every record accepted ends in exactly one counted state: delivered, expired,
//     evicted, rejected or corrupt. [Stats] add up at every instant, and OnDelivery
//     names the ids of every loss.
//   - Records of one partition key arrive in the order they were put, whatever is
//     retried. (A duplicate may follow later; see below. A stream whose record
//     distribution is AUTO keeps no order itself.)
//   - Delivery is at least once. When an answer is lost, the records are sent
//     again, and Stats.DuplicatesSent says so. Each record carries its id
//     (device, boot, seq), by which backend/decode drops the second.
//   - Memory is bounded by Config.MaxMemory. What happens when the buffer is full
//     is the buffer's policy; the default drops the oldest and reports it.
//   - Nothing panics, exits, or logs unasked; Close ends the only goroutine.
//
// # When it fails
//
// The table of package retry says what is done about each error code. The state
// in Stats is Online, Backoff, Offline or Paused; Paused means that somebody has
// to act, and Stats.Advice says on what. Records are kept meanwhile.
package producer
