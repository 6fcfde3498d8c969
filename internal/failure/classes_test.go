package failure_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/stretchr/testify/require"
)

// want is what each row must say, written down apart from the table: changing
// what a sender does about a code takes two edits.
var want = []struct {
	code  string
	class failure.Class
}{
	{"ProvisionedThroughputExceededException", failure.Throttle},
	{"LimitExceededException", failure.Throttle},
	{"ThrottlingException", failure.Throttle},
	{"ThrottledException", failure.Throttle},
	{"RequestThrottledException", failure.Throttle},
	{"RequestLimitExceeded", failure.Throttle},
	{"TooManyRequestsException", failure.Throttle},
	{"SlowDown", failure.Throttle},
	{"http-429", failure.Throttle},
	{"KMSThrottlingException", failure.Throttle},
	{"InternalFailure", failure.Retry},
	{"InternalServerError", failure.Retry},
	{"ServiceUnavailable", failure.Retry},
	{"RequestTimeoutException", failure.Retry},
	{"ResourceInUseException", failure.Retry},
	{"ExpiredNextTokenException", failure.Retry},
	{"KMSDisabledException", failure.Pause},
	{"KMSInvalidStateException", failure.Pause},
	{"KMSNotFoundException", failure.Pause},
	{"KMSAccessDeniedException", failure.Pause},
	{"KMSOptInRequired", failure.Pause},
	{"OptInRequired", failure.Pause},
	{"ResourceNotFoundException", failure.Pause},
	{"UnknownOperationException", failure.Pause},
	{"IncompleteSignature", failure.Pause},
	{"AccessDeniedException", failure.Refresh},
	{"NotAuthorized", failure.Refresh},
	{"ExpiredTokenException", failure.Refresh},
	{"UnrecognizedClientException", failure.Refresh},
	{"InvalidClientTokenId", failure.Refresh},
	{"MissingAuthenticationTokenException", failure.Refresh},
	{"InvalidSignatureException", failure.Clock},
	{"SignatureDoesNotMatch", failure.Clock},
	{"AuthFailure", failure.Clock},
	{"RequestTimeTooSkewed", failure.Clock},
	{"RequestExpired", failure.Clock},
	{"tls-not-valid-now", failure.Clock},
	{"tls-untrusted", failure.Clock},
	{"InvalidArgumentException", failure.Bisect},
	{"ValidationException", failure.Bisect},
	{"SerializationException", failure.Bisect},
	{"http-413", failure.TooLarge},
	{"RequestEntityTooLargeException", failure.TooLarge},
	{"RequestTooLargeException", failure.TooLarge},
	{"empty-response", failure.Unknown},
	{"huge-response", failure.Unknown},
	{"wrong-count", failure.Unknown},
	{"timeout", failure.Unknown},
	{"connection-reset", failure.Unknown},
	{"http-5xx", failure.Unknown},
	{"proxy-5xx", failure.Unknown},
	{"too-slow", failure.Retry},
	{"refused", failure.Offline},
	{"not-sent", failure.Offline},
	{"dns", failure.Offline},
	{"tls-failed", failure.Offline},
	{"proxy-unreachable", failure.Offline},
	{"proxy-failed", failure.Offline},
	{"proxy-denied", failure.Pause},
	{"proxy-login", failure.Pause},
	{"portal", failure.Pause},
	{"redirected", failure.Pause},
	{"not-kinesis", failure.Pause},
	{"wrong-region", failure.Pause},
	{"token-in-clear", failure.Pause},
	{"no-credentials", failure.Pause},
	{"credentials-unavailable", failure.Offline},
	{"credentials-refused", failure.Pause},
	{"http-4xx", failure.Retry},
	{"unlisted", failure.Retry},
}

func TestEveryRowIsAsExpected(t *testing.T) {
	rules := failure.Rules()
	for i, w := range want {
		t.Run(w.code, func(t *testing.T) {
			require.Less(t, i, len(rules))
			require.Equal(t, w.code, rules[i].Code, "order of the table")
			r := failure.Lookup(w.code)
			require.Equal(t, rules[i], r, "Lookup gives another row: a second one has this code")
			require.Equal(t, w.class, r.Class)
		})
	}
	require.Len(t, rules, len(want), "a row has no expectation here")
}

func TestEveryRowIsUsable(t *testing.T) {
	for _, r := range failure.Rules() {
		t.Run(r.Code, func(t *testing.T) {
			require.NotContains(t, r.Class.String(), "Class(")
			switch r.Class {
			case failure.Bisect, failure.TooLarge:
				require.Zero(t, r.Max, "does not wait")
			default:
				require.GreaterOrEqual(t, r.Min, 100*time.Millisecond, "busy loop")
				require.LessOrEqual(t, r.Max, 15*time.Minute, "a device that recovers this late looks dead")
				require.GreaterOrEqual(t, float64(r.Max), 1.5*float64(r.Min), "no room for jitter")
			}
			require.GreaterOrEqual(t, len(r.Advice), 40)
			require.LessOrEqual(t, strings.Count(r.Advice, ". ")+1, 4, "advice is a sentence or three")
			require.True(t, strings.HasSuffix(r.Advice, "."))
		})
	}
}

// The errors that the API model lists for the three calls a producer makes,
// and those common to all calls that a SigV4 endpoint answers with.
func TestModelledErrorsHaveRows(t *testing.T) {
	for op, codes := range map[string][]string{
		"PutRecords": {"AccessDeniedException", "InternalFailureException", "InvalidArgumentException",
			"KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException",
			"KMSOptInRequired", "KMSThrottlingException", "ProvisionedThroughputExceededException",
			"ResourceNotFoundException", "ValidationException"},
		"ListShards": {"AccessDeniedException", "ExpiredNextTokenException", "InvalidArgumentException",
			"LimitExceededException", "ResourceInUseException", "ResourceNotFoundException", "ValidationException"},
		"DescribeStreamSummary": {"AccessDeniedException", "InvalidArgumentException", "LimitExceededException",
			"ResourceNotFoundException", "ValidationException"},
		"signature": {"ExpiredToken", "IncompleteSignatureException", "InvalidClientTokenId", "InvalidSignatureException",
			"MissingAuthenticationToken", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnrecognizedClientException"},
	} {
		for _, c := range codes {
			r := failure.Lookup(c)
			require.Zero(t, r.Patience, "%s of %s has no row of its own", c, op)
		}
	}
}

func TestIntervals(t *testing.T) {
	for code, w := range map[string][2]time.Duration{
		"KMSDisabledException":   {4 * time.Minute, 6 * time.Minute},
		"ResourceInUseException": {20 * time.Second, 40 * time.Second},
		"ExpiredTokenException":  {time.Minute, 15 * time.Minute},
		failure.CodeDNS:          {5 * time.Second, time.Minute},
	} {
		r := failure.Lookup(code)
		require.Equal(t, w, [2]time.Duration{r.Min, r.Max}, code)
	}
	require.Equal(t, time.Hour, failure.Lookup("Novel").Patience)

	b := failure.Lookup("Novel").PausedBackoff()
	require.Equal(t, [2]time.Duration{4 * time.Minute, 6 * time.Minute}, [2]time.Duration{b.Min, b.Max})
	b = failure.Lookup("ExpiredToken").PausedBackoff()
	require.Equal(t, [2]time.Duration{4 * time.Minute, 15 * time.Minute}, [2]time.Duration{b.Min, b.Max})
	b = failure.Lookup(failure.CodeHTTP413).PausedBackoff()
	require.Equal(t, 4*time.Minute, b.Min)
}

func TestLookupSpellings(t *testing.T) {
	for _, c := range []struct{ in, code string }{
		{"ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException"},
		{"com.amazonaws.kinesis#ResourceNotFoundException", "ResourceNotFoundException"},
		{"com.amazonaws.kinesis.v20131202#ResourceNotFoundException", "ResourceNotFoundException"},
		{"ValidationException:http://internal.amazon.com/coral/com.amazon.coral.validate/", "ValidationException"},
		{"aws.protocols#AccessDenied:http://x/#y", "AccessDeniedException"},
		{" ExpiredToken ", "ExpiredTokenException"},
		{"InternalFailureException", "InternalFailure"},
		{"KMSOptInRequired", "KMSOptInRequired"},
		{"KMSOptInRequiredException", "KMSOptInRequired"},
		{"Throttling", "ThrottlingException"},

		// No row: the raw code, made safe to print.
		{"com.amazonaws.kinesis#NovelException", "com.amazonaws.kinesis#NovelException"},
		{"expiredtoken", "expiredtoken"},
		{"", "unlisted"},
		{"Exception", "Exception"},
		{"#", "#"},
		{":", ":"},
		{"\x1b[31mred\r\n", "[31mred"},
		{"\x00\xff", "unlisted"},
		{strings.Repeat("A", 1<<20), strings.Repeat("A", 128)},
	} {
		require.Equal(t, c.code, failure.Lookup(c.in).Code, "%.60q", c.in)
	}
}

// A code is whatever the far end of a connection wrote.
func FuzzLookup(f *testing.F) {
	for _, seed := range []string{"", "Exception", "a#b:c#d", "ValidationException:http://x/", "\x1b[2J", "dns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, code string) {
		r := failure.Lookup(code)
		require.NotEmpty(t, r.Advice)
		require.NotEmpty(t, r.Code)
		require.LessOrEqual(t, len(r.Code), 128)
		require.False(t, strings.ContainsFunc(r.Code, func(c rune) bool { return c <= ' ' || c > '~' }))
	})
}

func TestCodeForStatus(t *testing.T) {
	for status, code := range map[int]string{
		0: failure.CodeEmptyResponse, 200: failure.CodeEmptyResponse, 302: failure.CodeRedirected, 307: failure.CodeRedirected, 400: failure.CodeHTTP4xx,
		403: failure.CodeHTTP4xx, 413: failure.CodeHTTP413, 429: failure.CodeHTTP429, 500: failure.CodeHTTP5xx, 504: failure.CodeHTTP5xx, 407: failure.CodeProxyLogin, 511: failure.CodePortal,
	} {
		require.Equal(t, code, failure.CodeForStatus(status), status)
	}
}

func TestRulesAreACopy(t *testing.T) {
	failure.Rules()[0].Class = failure.Offline
	require.Equal(t, failure.Throttle, failure.Rules()[0].Class)
}

func TestLookupAllocatesNothingForKnownCodes(t *testing.T) {
	// 500 results of one answer may all be throttles.
	n := testing.AllocsPerRun(100, func() { failure.Lookup("com.amazonaws.kinesis#ProvisionedThroughputExceededException") })
	require.Zero(t, n)
}

func TestClassString(t *testing.T) {
	require.Equal(t, "Class(0)", failure.Class(0).String())
	require.Equal(t, "Class(200)", failure.Class(200).String())
	require.Equal(t, "too large", failure.TooLarge.String())
}

func ExampleLookup() {
	for _, code := range []string{"com.amazonaws.kinesis#KMSDisabledException", failure.CodeTimeout, "BrandNewError"} {
		r := failure.Lookup(code)
		fmt.Printf("%s: %v\n", r.Code, r.Class)
	}
	// Output:
	// KMSDisabledException: pause
	// timeout: unknown outcome
	// BrandNewError: retry
}
