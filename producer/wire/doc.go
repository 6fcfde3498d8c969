// Package wire makes a Kinesis client that is sparing with a metered link, and
// counts every byte on its sockets.
//
// [NewClient] returns a Client, which is a *kinesis.Client of the AWS SDK and can
// be handed to producer.New as it is. Compared with a client made of the SDK's
// defaults it
//
//   - sends bodies as CBOR, so that payloads are not blown up by a third through
//     base64 (JSON on request, and by itself when an endpoint refuses CBOR),
//   - keeps one HTTP/2 connection from flush to flush, without pings, and with TCP
//     keep-alive probes only when nothing was sent for four minutes; it is closed
//     after an hour of that,
//   - sends no header that the service does not read, signs no more than it must,
//     and compresses them so that the session token, a kilobyte, is sent once a
//     connection, and not every sixth request as by net/http alone,
//   - sends a request in one TLS record, where net/http makes two,
//   - resumes TLS sessions, leaves the post-quantum key shares out if told to
//     (Config.TLS), and forgets a connection on which a call timed out, which
//     HTTP/2 would otherwise go on using,
//   - works with a clock that stands at 1970: certificates are checked against a
//     time that is not before the program was built, nor before what the device
//     learnt ([Client.LearnTime], [Client.TrustedTime]), and the SDK corrects the
//     time it signs with from the Date of the answers.
//
// Each economy (CBOR, few headers, headers compressed in our own way) is left out for
// an hour when an endpoint, or what stands before it, refuses it: the same call then
// goes out again in the plainer form, and only if that works was it the economy. A
// connection that is going away loses no call.
//
// It trusts nobody either: an answer is read under a cap that fits the call, no
// redirect is followed, a session token does not go over a connection that anybody can
// read, and a provider of credentials has fifteen seconds. A producer does the same for
// its calls with any other client, as far as that can be done from without: with the
// SDK's own HTTP client a call on a connection that is going away fails and is made
// again, and the SDK's cache of credentials waits for ever for a provider that hangs.
//
// A flush of one record of 300 bytes, under a session token of 900, is 614 bytes up
// and 271 down on a kept connection, TLS included; 846 up with net/http's own
// compression and the SDK's headers. With a token of 1500 these are 614 and 978.
// The TLS handshake itself, up and down, with kinesistest's one small certificate:
//
//	               full          resumed
//	PostQuantum    1571 + 2088   1723 + 1527
//	Compact         345 +  999    497 +  439
//
// Bytes of TCP and IP headers, 40 to 60 a packet, come on top and are not counted.
//
// It links nothing but the SDK's Kinesis client: credentials come from the
// caller, or from the environment by [EnvCredentials].
package wire
