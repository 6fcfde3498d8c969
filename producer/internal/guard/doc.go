// Package guard stands between a Kinesis client and a hostile network, and between
// it and a credentials provider that does not answer. Give each client, or each
// producer, a [Guard] of its own, and its [Guard.Options] to the client or to each call.
//
// With it
//
//   - an answer is read whole before anything decodes it, under a cap that fits the
//     operation, and neither nested deeper nor made of more values than Kinesis's own,
//   - an answer that Kinesis did not write (a portal's page, another service's XML) is
//     not read at all, and becomes an error that says so,
//   - no redirect is followed, and no session token goes over a connection that
//     anybody can read,
//   - it is known of a call that failed whether its request was handed to the network
//     to the end: if not, nothing was stored,
//   - a request can be sent again on another connection where HTTP/2 says that it was
//     not looked at,
//   - a provider of credentials gets fifteen seconds.
//
// It reports through the types of internal/failure.
package guard
