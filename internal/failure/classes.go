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
// records: only a record that is refused alone, twice, with something stored in
// between, is given up.
//
// Only [Unknown] leaves open whether Kinesis stored something; after a failure of
// any other class nothing of the call was stored. With [Offline] the call never
// reached Kinesis at all.
type Class uint8

const (
	// Retry is a passing fault: send the same bytes again after a wait drawn
	// from Rule.Min to Rule.Max. If Rule.Patience is set and the code has come
	// back for that long without one success, go on as for Pause.
	Retry Class = iota + 1
	// Throttle is a rate above a limit of AWS: wait as for Retry, and send less
	// per second to whatever was throttled: one shard if it was one record's
	// result, all of them if it was the call. It never turns into a pause.
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
	// Bisect blames the request: split it, send the parts, and so find the
	// record that is refused alone. A call that carries no records cannot be
	// split: go on as for Pause.
	Bisect
	// TooLarge blames the request's size: send less in one call, and remember how
	// much was too much. It does not wait.
	TooLarge
	// Unknown leaves open whether Kinesis stored the records: send the same
	// bytes again as for Retry, and count them as possible duplicates.
	Unknown
	// Offline means that nothing was sent, or not to Kinesis: there is no link.
	// Hold all sending, try one call every Rule.Min to Rule.Max, and spread the
	// drain when it is back.
	Offline
)

var classNames = [...]string{
	Retry: "retry", Throttle: "throttle", Pause: "pause", Refresh: "refresh", Clock: "clock",
	Bisect: "bisect", TooLarge: "too large", Unknown: "unknown outcome", Offline: "offline",
}

// String returns the class in lower case, as in "throttle".
func (c Class) String() string {
	if c == 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("Class(%d)", uint8(c))
	}
	return classNames[c]
}

// Rule is one row of the table of failures.
type Rule struct {
	// Code is the error code in AWS's own spelling, or one of the Code
	// constants for a failure that has none.
	Code string
	// Class is what to do.
	Class Class
	// Min and Max bound the wait before the next try, or between two probes;
	// both are zero for Bisect and TooLarge, which do not wait. They differ
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

// Backoff returns a fresh Backoff over the rule's waits. Rules of class Bisect
// and TooLarge ask for no wait; do not use their Backoff.
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
	// The answer was lost, or is none.
	CodeEmptyResponse = "empty-response"   // 200 with an empty or unreadable body
	CodeHugeResponse  = "huge-response"    // 200 with a body larger, or nested deeper, than Kinesis has
	CodeWrongCount    = "wrong-count"      // 200 with more or fewer results than records
	CodeTimeout       = "timeout"          // no answer in time after the request was sent
	CodeReset         = "connection-reset" // connection lost after the request was sent
	CodeHTTP5xx       = "http-5xx"         // any 5xx without an AWS code
	CodeProxy5xx      = "proxy-5xx"        // any 5xx that is a page of a proxy or gateway

	// Not all of the request was sent.
	CodeTooSlow          = "too-slow"          // the time was over before the request was on its way
	CodeRefused          = "refused"           // nobody listens, or there is no route
	CodeNotSent          = "not-sent"          // any other failure before the request was sent
	CodeDNS              = "dns"               // the endpoint's name was not resolved
	CodeTLSFailed        = "tls-failed"        // no TLS connection, for another reason than a certificate
	CodeTLSUntrusted     = "tls-untrusted"     // certificate by an unknown authority, or for another name
	CodeTLSNotValidNow   = "tls-not-valid-now" // certificate expired or not yet valid, by our clock
	CodeTokenInClear     = "token-in-clear"    // http:// would show the session token
	CodeProxyUnreachable = "proxy-unreachable" // nobody listens where the proxy should be
	CodeProxyLogin       = "proxy-login"       // 407, also to CONNECT
	CodeProxyDenied      = "proxy-denied"      // another 4xx to CONNECT
	CodeProxyFailed      = "proxy-failed"      // a 5xx to CONNECT

	// There is nothing to sign with.
	CodeNoCredentials          = "no-credentials"          // none are configured
	CodeCredentialsUnavailable = "credentials-unavailable" // their provider does not answer, or fails
	CodeCredentialsRefused     = "credentials-refused"     // their provider refuses the device

	// Something else than Kinesis answered.
	CodePortal      = "portal"       // 511, or a page of a captive portal or proxy
	CodeRedirected  = "redirected"   // any 3xx
	CodeNotKinesis  = "not-kinesis"  // another service
	CodeWrongRegion = "wrong-region" // Kinesis of another region
	CodeHTTP413     = "http-413"     // request too large, without an AWS code
	CodeHTTP429     = "http-429"     // too many requests, without an AWS code
	CodeHTTP4xx     = "http-4xx"     // any other 4xx without an AWS code

	CodeUnlisted = "unlisted" // the row for every code that has no other
)

// CodeForStatus returns the code of an answer with HTTP status and no AWS
// code. A status below 300 is taken for an answer that could not be read.
func CodeForStatus(status int) string {
	switch {
	case status == 511:
		return CodePortal
	case status >= 500:
		return CodeHTTP5xx
	case status == 407:
		return CodeProxyLogin
	case status == 413:
		return CodeHTTP413
	case status == 429:
		return CodeHTTP429
	case status >= 400:
		return CodeHTTP4xx
	case status >= 300:
		return CodeRedirected
	}
	return CodeEmptyResponse
}

// Foreign reports whether an answer was written by something else than Kinesis, by
// its Content-Type and the id by which AWS names a request: it is a page, or has no
// such id and is of no type that Kinesis answers in.
func Foreign(contentType, requestID string) bool {
	kind := strings.ToLower(contentType)
	return strings.Contains(kind, "html") || strings.Contains(kind, "xml") ||
		requestID == "" && !strings.Contains(kind, "json") && !strings.Contains(kind, "cbor")
}

// CodeForAnswer returns the code of an answer without an AWS code.
func CodeForAnswer(status int, contentType, requestID string) string {
	code := CodeForStatus(status)
	if !Foreign(contentType, requestID) {
		return code
	}
	kind := strings.ToLower(contentType)
	html, xml := strings.Contains(kind, "html"), strings.Contains(kind, "xml") && !strings.Contains(kind, "xhtml")
	switch code {
	case CodeHTTP5xx:
		if html || xml {
			return CodeProxy5xx // it may have come after the request got through
		}
	case CodeEmptyResponse:
		if xml {
			return CodeNotKinesis // other services of AWS speak it
		}
		return CodePortal
	case CodeHTTP4xx:
		if xml {
			return CodeNotKinesis
		}
		if html {
			return CodePortal
		}
	}
	return code
}

// CodeForConnect returns the code of a proxy's answer to CONNECT, which is not 200.
func CodeForConnect(status int) string {
	switch {
	case status == 407:
		return CodeProxyLogin
	case status == 511 || status >= 300 && status < 400:
		return CodePortal
	case status >= 500:
		return CodeProxyFailed
	}
	return CodeProxyDenied
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
