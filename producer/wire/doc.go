// Package wire makes a Kinesis client that is sparing with a metered link, and
// counts every byte on its sockets.
//
// [NewClient] returns a Client, which is a *kinesis.Client of the AWS SDK and can
// be handed to producer.New as it is. Compared with a client made of the SDK's
// defaults it
//
//   - sends bodies as CBOR, so that payloads are not blown up by a third through
//     base64 (JSON on request, and by itself when an endpoint refuses CBOR),
//   - keeps one HTTP/2 connection, whose header compression spares most of the
//     kilobyte that credentials and constant headers take in each request,
//   - resumes TLS sessions, and forgets a connection on which a call timed out,
//     which HTTP/2 would otherwise go on using,
//   - works with a clock that stands at 1970: certificates are checked against a
//     time that is not before the program was built, and the SDK corrects the
//     time it signs with from the Date of the answers.
//
// It links nothing but the SDK's Kinesis client: credentials come from the
// caller, or from the environment by [EnvCredentials].
package wire
