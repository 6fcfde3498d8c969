// Package failure says what to do about each way in which a call can fail: a table of
// rules by error code, and the waits between tries. [Lookup] is the place to start.
package failure

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Class says what a sender does about a failure. Every class keeps the
// records: only a record that [Bisect] has found to be refused on its own is
// given up.
type Class uint8

const (
	// Retry is a passing fault: send the same bytes again after a wait drawn
	// from Rule.Min to Rule.Max. If Rule.Patience is set and the code has come
	// back for that long without one success, go on as for Pause.
	Retry Class = iota + 1
	// Throttle is a rate above a limit of AWS: wait as for Retry, and send less
	// per second to whatever was throttled (one shard if Scope was PerRecord,
	// all of them otherwise). It never turns into a pause.
	Throttle
	// Pause needs a person: stop sending and probe, one small call every
	// Rule.Min to Rule.Max, until one succeeds. Tell the user Rule.Advice.
	Pause
	// Refresh blames the credentials: fetch new ones now and send once more; if
	// that fails too, go on as for Pause. If the answer's Date is more than four
	// minutes from the device's clock, correct the clock first: AWS gives the
	// same codes to a signature that is too old.
	Refresh
	// Clock blames the device's clock: take the time from the server's verified
	// Date (or, before TLS works, the highest time known to be past), and send
	// again at once, signed afresh. If the clock was not off, waiting is all
	// that is left: probe every Rule.Min to Rule.Max.
	Clock
	// Bisect blames the request: split it, send the halves, and so find the
	// record that is refused alone; report that one, deliver the others. A call
	// that carries no records cannot be split: go on as for Pause.
	Bisect
	// Unknown leaves open whether Kinesis stored the records: send the same
	// bytes again as for Retry, and count them as possible duplicates.
	Unknown
	// Offline means that nothing was sent: there is no link. Hold all sending,
	// try one call every Rule.Min to Rule.Max, and spread the drain when it is
	// back.
	Offline
	// Ready is a success: the answer to a dry run that would have been let in.
	Ready
)

var classNames = [...]string{
	Retry: "retry", Throttle: "throttle", Pause: "pause", Refresh: "refresh", Clock: "clock",
	Bisect: "bisect", Unknown: "unknown outcome", Offline: "offline", Ready: "ready",
}

// String returns the class in lower case, as in "throttle".
func (c Class) String() string {
	if c == 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("Class(%d)", uint8(c))
	}
	return classNames[c]
}

// Scope is the set of places in which a code is seen. Only the sender knows in
// which one it saw it this time.
type Scope uint8

const (
	// PerRecord is the ErrorCode of one record within a 200 answer to PutRecords.
	PerRecord Scope = 1 << iota
	// PerCall is the failure of a whole call that the far end answered.
	PerCall
	// PerConnection is a failure below HTTP, or one without an answer.
	PerConnection
)

// Rule is one row of the table of failures.
type Rule struct {
	// Code is the error code in AWS's own spelling, or one of the Code
	// constants for a failure that has none.
	Code string
	// Class is what to do.
	Class Class
	// Scope is where the code is seen.
	Scope Scope
	// Min and Max bound the wait before the next try, or between two probes;
	// both are zero for Ready and Bisect, which do not wait. They differ
	// even where the intent is a fixed interval (a probe every 5 minutes is 4
	// to 6), so that the devices of a fleet do not fall into step.
	Min, Max time.Duration
	// Patience is how long to go on as Class says; after that, as for Pause.
	// Zero: for ever.
	Patience time.Duration
	// Advice tells the engineer on site what is wrong and what to do. It is
	// fixed text: no account, no stream, no key.
	Advice string
}

// Backoff returns a fresh Backoff over the rule's waits. Rules of class Ready
// and Bisect ask for no wait; do not use their Backoff.
func (r Rule) Backoff() Backoff { return Backoff{Min: r.Min, Max: r.Max} }

// PausedBackoff returns the waits between probes for a rule that has come to
// a pause, by its class or because Refresh, Bisect or Patience ended there:
// 4 to 6 minutes, or the rule's own if those are longer.
func (r Rule) PausedBackoff() Backoff {
	return Backoff{Min: max(r.Min, probeMin), Max: max(r.Max, probeMax)}
}

// Codes of failures for which AWS has no code. They hold lower-case letters and
// hyphens, which no AWS code does.
const (
	CodeEmptyResponse  = "empty-response"    // 200 with an empty or unreadable body
	CodeWrongCount     = "wrong-count"       // 200 with more or fewer results than records
	CodeTimeout        = "timeout"           // no answer in time after the request was sent
	CodeReset          = "connection-reset"  // connection lost after the request was sent
	CodeRefused        = "refused"           // nobody listens, or there is no route
	CodeNotSent        = "not-sent"          // any other failure before the request was sent
	CodeDNS            = "dns"               // the endpoint's name was not resolved
	CodeTLSUntrusted   = "tls-untrusted"     // certificate by an unknown authority, or for another name
	CodeTLSNotValidNow = "tls-not-valid-now" // certificate expired or not yet valid, by our clock
	CodeHTTP413        = "http-413"          // request too large, without an AWS code
	CodeHTTP429        = "http-429"          // too many requests, without an AWS code
	CodeHTTP4xx        = "http-4xx"          // any other 3xx or 4xx without an AWS code
	CodeHTTP5xx        = "http-5xx"          // any 5xx without an AWS code
	CodeUnlisted       = "unlisted"          // the row for every code that has no other
)

// CodeForStatus returns the code of an answer with HTTP status and no AWS
// code. A status below 300 is taken for an answer that could not be read.
func CodeForStatus(status int) string {
	switch {
	case status >= 500:
		return CodeHTTP5xx
	case status == 413:
		return CodeHTTP413
	case status == 429:
		return CodeHTTP429
	case status >= 300:
		return CodeHTTP4xx
	}
	return CodeEmptyResponse
}

// Rules returns all rows, in the order of the table. The slice is the caller's.
func Rules() []Rule { return slices.Clone(table[:]) }

// Lookup returns the rule for an error code. It accepts the code as AWS writes
// it anywhere: with or without the suffix "Exception", behind a namespace
// ("com.amazonaws.kinesis#") and before a tail (":http://…").
//
// A code that has no row gets that of CodeUnlisted, with Code set to the code
// given: without what is not printable ASCII, and cut to 128 bytes, since it
// comes from the network and goes to logs.
func Lookup(code string) Rule {
	if i, ok := index[bare(code)]; ok {
		return table[i]
	}
	r := table[index[CodeUnlisted]]
	if c := printable(code); c != "" {
		r.Code = c
	}
	return r
}

// index finds rows by bare code.
var index = func() map[string]int {
	m := make(map[string]int, len(table))
	for i, r := range table {
		m[bare(r.Code)] = i
	}
	return m
}()

// bare strips what differs between two spellings of one code. The tail goes
// first, as it may hold a '#'.
func bare(code string) string {
	code, _, _ = strings.Cut(code, ":")
	if i := strings.LastIndexByte(code, '#'); i >= 0 {
		code = code[i+1:]
	}
	code = strings.TrimSpace(code)
	if c := strings.TrimSuffix(code, "Exception"); c != "" {
		return c
	}
	return code
}

func printable(code string) string {
	const limit = 128
	var b strings.Builder
	for i := 0; i < len(code) && b.Len() < limit; i++ {
		if c := code[i]; c > ' ' && c <= '~' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

const (
	second = time.Second
	minute = time.Minute

	probeMin, probeMax = 4 * minute, 6 * minute // a probe every 5 minutes
)

// Texts that several rows share.
const (
	slowDown = "AWS limits the rate of calls; sending slows down by itself. If it lasts, fewer devices " +
		"must share the stream or credentials, or the limit must be raised."
	awsFault = "A fault inside AWS; it is sent again by itself. Nothing to do on site."
	keyState = "The stream's KMS key cannot be used. Its owner must enable the key, or cancel its " +
		"deletion, or set another key on the stream; sending goes on by itself after that."
	badKeys = "AWS does not know these credentials, and fresh ones were refused too. Check that the device's " +
		"certificate is active and attached to its thing, and that the role alias and role exist."
	badClock = "The signature was refused: the device's clock is wrong, or its secret key is. Check the clock " +
		"and time server; if the clock is right, issue new credentials."
	badRecord = "Kinesis refused a record; the others go on. The record's id and reason are in the report: " +
		"correct what makes such records."
	noLink = "There is no way to the endpoint. Check SIM, antenna, cable, gateway and firewall (TCP 443 out), " +
		"and the endpoint's address; records are kept meanwhile."
	maybeTwice = "The answer was lost, so the records are sent again and may arrive twice; consumers drop the " +
		"second by its id. If it is frequent, the link is too slow for the timeout, or unstable."
	portal = "Something between the device and AWS answered in its place: a captive portal, or a proxy that inspects " +
		"TLS. Log in to the network, exempt the endpoint, or install the proxy's root certificate."
)

// table holds every row. The modelled codes of PutRecords, ListShards and
// DescribeStreamSummary are from
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html#API_PutRecords_Errors
// and its two sisters; the others are the errors common to all AWS services,
// https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html,
// and what endpoints answer to a signature they refuse.
var table = [...]Rule{
	// Rates.
	{Code: "ProvisionedThroughputExceededException", Class: Throttle, Scope: PerRecord | PerCall, Min: second / 4, Max: minute,
		Advice: "A shard takes 1 MB/s and 1,000 records/s, and more was sent. Add shards or use on-demand mode; if it is " +
			"always the same shard, spread the partition keys."},
	{Code: "LimitExceededException", Class: Throttle, Scope: PerCall, Min: second, Max: minute, Advice: slowDown},
	{Code: "ThrottlingException", Class: Throttle, Scope: PerCall, Min: second, Max: minute, Advice: slowDown},
	{Code: "ThrottledException", Class: Throttle, Scope: PerCall, Min: second, Max: minute, Advice: slowDown},
	{Code: "RequestThrottledException", Class: Throttle, Scope: PerCall, Min: second, Max: minute, Advice: slowDown},
	{Code: "RequestLimitExceeded", Class: Throttle, Scope: PerCall, Min: second, Max: minute, Advice: slowDown},
	{Code: "TooManyRequestsException", Class: Throttle, Scope: PerCall, Min: second, Max: minute, Advice: slowDown},
	{Code: "SlowDown", Class: Throttle, Scope: PerCall, Min: second, Max: minute, Advice: slowDown},
	{Code: CodeHTTP429, Class: Throttle, Scope: PerCall, Min: second, Max: minute, Advice: slowDown},
	{Code: "KMSThrottlingException", Class: Throttle, Scope: PerCall, Min: second, Max: minute,
		Advice: "The account's rate of KMS requests is used up, maybe by another application. Ask for a higher KMS quota."},

	// Passing faults of the service.
	{Code: "InternalFailure", Class: Retry, Scope: PerRecord | PerCall, Min: second / 4, Max: minute, Advice: awsFault},
	{Code: "InternalServerError", Class: Retry, Scope: PerCall, Min: second / 4, Max: minute, Advice: awsFault},
	{Code: "ServiceUnavailable", Class: Retry, Scope: PerCall, Min: second, Max: minute, Advice: awsFault},
	{Code: "RequestTimeoutException", Class: Retry, Scope: PerCall, Min: second, Max: minute,
		Advice: "AWS gave up waiting for the request. The link is too slow for the size of a request: send smaller ones."},
	{Code: "ResourceInUseException", Class: Retry, Scope: PerCall, Min: 20 * second, Max: 40 * second,
		Advice: "The stream is being created, changed or deleted. Wait; if it stays so, ask who works on it."},
	{Code: "ExpiredNextTokenException", Class: Retry, Scope: PerCall, Min: second / 4, Max: minute,
		Advice: "Listing the shards took too long and starts again. If it is frequent, the link is too slow."},

	// What a person must put right.
	{Code: "KMSDisabledException", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax, Advice: keyState},
	{Code: "KMSInvalidStateException", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax, Advice: keyState},
	{Code: "KMSNotFoundException", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax, Advice: keyState},
	{Code: "KMSAccessDeniedException", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The device's role may not use the stream's KMS key. Allow kms:GenerateDataKey for that role in its policy and in the key's policy."},
	{Code: "KMSOptInRequired", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The AWS account is not signed up for KMS. Whoever owns the account must complete the sign-up."},
	{Code: "OptInRequired", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The AWS account is not signed up for Kinesis in this region. Whoever owns the account must complete the sign-up."},
	{Code: "ResourceNotFoundException", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "There is no such stream in this account and region. Check the stream's name and the region, or create the stream."},
	{Code: "UnknownOperationException", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The endpoint is not Kinesis Data Streams, or does not know this call. Check the endpoint's address."},
	{Code: "IncompleteSignature", Class: Pause, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The Authorization header arrived damaged. Look for a proxy that rewrites headers between the device and AWS."},

	// Credentials and clock.
	{Code: "AccessDeniedException", Class: Refresh, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The device's role may not do this. The error's message names the action and the resource: allow it in the role's policy."},
	{Code: "NotAuthorized", Class: Refresh, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The device's role may not do this. Allow the action named in the error on the stream, in the role's policy."},
	{Code: "ExpiredTokenException", Class: Refresh, Scope: PerCall, Min: minute, Max: 15 * minute,
		Advice: "The credentials have run out and no new ones were had. Check that the device reaches its credential provider and that its certificate is active."},
	{Code: "UnrecognizedClientException", Class: Refresh, Scope: PerCall, Min: probeMin, Max: probeMax, Advice: badKeys},
	{Code: "InvalidClientTokenId", Class: Refresh, Scope: PerCall, Min: probeMin, Max: probeMax, Advice: badKeys},
	{Code: "MissingAuthenticationTokenException", Class: Refresh, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The request arrived without credentials. Check that the device has some, and look for a proxy that removes headers."},
	{Code: "InvalidSignatureException", Class: Clock, Scope: PerCall, Min: probeMin, Max: probeMax, Advice: badClock},
	{Code: "SignatureDoesNotMatch", Class: Clock, Scope: PerCall, Min: probeMin, Max: probeMax, Advice: badClock},
	{Code: "AuthFailure", Class: Clock, Scope: PerCall, Min: probeMin, Max: probeMax, Advice: badClock},
	{Code: "RequestTimeTooSkewed", Class: Clock, Scope: PerCall, Min: probeMin, Max: probeMax,
		Advice: "The device's clock is wrong and could not be corrected from AWS. Check its time server and the battery of its clock."},
	{Code: "RequestExpired", Class: Clock, Scope: PerCall, Min: second, Max: minute,
		Advice: "The request reached AWS too long after it was signed. The link is very slow, or the device's clock is wrong."},
	{Code: CodeTLSNotValidNow, Class: Clock, Scope: PerConnection, Min: probeMin, Max: probeMax,
		Advice: "By the device's clock the server's certificate is not valid. Check the clock and the time server. If they are right: " + portal},
	{Code: CodeTLSUntrusted, Class: Clock, Scope: PerConnection, Min: probeMin, Max: probeMax, Advice: portal},

	// The request itself.
	{Code: "InvalidArgumentException", Class: Bisect, Scope: PerCall, Advice: badRecord},
	{Code: "ValidationException", Class: Bisect, Scope: PerCall, Advice: badRecord},
	{Code: "SerializationException", Class: Bisect, Scope: PerCall, Advice: badRecord},
	{Code: CodeHTTP413, Class: Bisect, Scope: PerCall,
		Advice: "A request was too large for Kinesis or for a proxy on the way; it is sent in smaller parts. If a single record is reported, it is over the stream's record limit."},

	// Nobody knows whether it was stored.
	{Code: CodeEmptyResponse, Class: Unknown, Scope: PerCall, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeWrongCount, Class: Unknown, Scope: PerCall, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeTimeout, Class: Unknown, Scope: PerConnection, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeReset, Class: Unknown, Scope: PerConnection, Min: second, Max: minute, Advice: maybeTwice},
	{Code: CodeHTTP5xx, Class: Unknown, Scope: PerCall, Min: second, Max: minute, Advice: maybeTwice},

	// No link.
	{Code: CodeRefused, Class: Offline, Scope: PerConnection, Min: second, Max: minute, Advice: noLink},
	{Code: CodeNotSent, Class: Offline, Scope: PerConnection, Min: second, Max: minute, Advice: noLink},
	{Code: CodeDNS, Class: Offline, Scope: PerConnection, Min: 5 * second, Max: minute,
		Advice: "The endpoint's name cannot be resolved. Check the device's DNS server and the link, and the spelling of region and endpoint."},

	{Code: "DryRunOperationException", Class: Ready, Scope: PerCall,
		Advice: "The self-test passed: stream, permissions and key are in order."},

	// What nobody has met yet.
	{Code: CodeHTTP4xx, Class: Retry, Scope: PerCall, Min: second, Max: minute, Patience: time.Hour, Advice: portal},
	{Code: CodeUnlisted, Class: Retry, Scope: PerRecord | PerCall | PerConnection, Min: second, Max: minute, Patience: time.Hour,
		Advice: "AWS answered with a code that this version does not know. It is tried for an hour, then once every 5 minutes; report the code."},
}
