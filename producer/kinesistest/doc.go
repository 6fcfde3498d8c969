// Package kinesistest is a strict Kinesis Data Streams inside the test process,
// in the spirit of net/http/httptest: real HTTP, real TLS, real signatures and
// real limits, on the loopback interface, with faults on request.
//
// Start with [Start], make a stream with [Server.CreateStream], give
// [Server.Client] to the code under test, and look at [Server.Records] after:
//
//	srv, err := kinesistest.Start(kinesistest.Config{})
//	defer srv.Close()
//	err = srv.CreateStream("telemetry", 2, kinesistest.StreamOptions{})
//	client := srv.Client()                 // *kinesis.Client of aws-sdk-go-v2
//	...                                    // run the firmware
//	records, err := srv.Records("telemetry")
//
// To see how firmware behaves when the cloud does not, [Server.Inject] a
// [Fault]: some entries throttled, replies lost after the records were stored,
// connections reset, a wrong clock, any AWS error code.
//
//	srv.Inject(kinesistest.Fault{Rate: 0.02, Effect: kinesistest.LoseReply()})
//
// Others answer in the place of Kinesis too: captive portals, proxies, redirects, bodies
// without end. See [Reply], [Redirect], [EndlessReply], [DripReply] and [GoAway].
//
// # What it promises
//
//   - It accepts a request only if Kinesis would: AWS Signature Version 4 is
//     recomputed, and each documented limit holds, at its exact value, with the
//     error code of AWS and a message that names field, value and limit.
//   - It speaks HTTP/2 and HTTP/1.1, and both body encodings of the service,
//     application/x-amz-json-1.1 and application/x-amz-cbor-1.1.
//   - Shards have the write throughput of the service: 1,000 records and 1 MiB
//     a second each. [Config.Unlimited] lifts that.
//   - No hostile request makes it panic or allocate more than a small multiple
//     of 16 MiB.
//   - It runs inside a testing/synctest bubble, given a [PipeListener], and
//     [Server.Close] ends every goroutine it started.
//   - For one [Config.Seed] and one order of calls, faults fall alike each time.
//
// # What it leaves out
//
// Records are never trimmed, whatever the retention period, so a test can count
// them at the end; all data stays in memory. Consumers with enhanced fan-out,
// tags, encryption, channels and policies are unknown operations.
package kinesistest
