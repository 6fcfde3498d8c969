package retry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-iot/rivulet/retry"
	"github.com/stretchr/testify/require"
)

// want is what each row must say, written down apart from the table: changing
// what a sender does about a code takes two edits.
var want = []struct {
	code  string
	class retry.Class
	scope retry.Scope
}{
	{"ProvisionedThroughputExceededException", retry.Throttle, retry.PerRecord | retry.PerCall},
	{"LimitExceededException", retry.Throttle, retry.PerCall},
	{"ThrottlingException", retry.Throttle, retry.PerCall},
	{"ThrottledException", retry.Throttle, retry.PerCall},
	{"RequestThrottledException", retry.Throttle, retry.PerCall},
	{"RequestLimitExceeded", retry.Throttle, retry.PerCall},
	{"TooManyRequestsException", retry.Throttle, retry.PerCall},
	{"SlowDown", retry.Throttle, retry.PerCall},
	{"http-429", retry.Throttle, retry.PerCall},
	{"KMSThrottlingException", retry.Throttle, retry.PerCall},
	{"InternalFailure", retry.Retry, retry.PerRecord | retry.PerCall},
	{"InternalServerError", retry.Retry, retry.PerCall},
	{"ServiceUnavailable", retry.Retry, retry.PerCall},
	{"RequestTimeoutException", retry.Retry, retry.PerCall},
	{"ResourceInUseException", retry.Retry, retry.PerCall},
	{"ExpiredNextTokenException", retry.Retry, retry.PerCall},
	{"KMSDisabledException", retry.Pause, retry.PerCall},
	{"KMSInvalidStateException", retry.Pause, retry.PerCall},
	{"KMSNotFoundException", retry.Pause, retry.PerCall},
	{"KMSAccessDeniedException", retry.Pause, retry.PerCall},
	{"KMSOptInRequired", retry.Pause, retry.PerCall},
	{"OptInRequired", retry.Pause, retry.PerCall},
	{"ResourceNotFoundException", retry.Pause, retry.PerCall},
	{"UnknownOperationException", retry.Pause, retry.PerCall},
	{"IncompleteSignature", retry.Pause, retry.PerCall},
	{"AccessDeniedException", retry.Refresh, retry.PerCall},
	{"NotAuthorized", retry.Refresh, retry.PerCall},
	{"ExpiredTokenException", retry.Refresh, retry.PerCall},
	{"UnrecognizedClientException", retry.Refresh, retry.PerCall},
	{"InvalidClientTokenId", retry.Refresh, retry.PerCall},
	{"MissingAuthenticationTokenException", retry.Refresh, retry.PerCall},
	{"InvalidSignatureException", retry.Clock, retry.PerCall},
	{"SignatureDoesNotMatch", retry.Clock, retry.PerCall},
	{"AuthFailure", retry.Clock, retry.PerCall},
	{"RequestTimeTooSkewed", retry.Clock, retry.PerCall},
	{"RequestExpired", retry.Clock, retry.PerCall},
	{"tls-not-valid-now", retry.Clock, retry.PerConnection},
	{"tls-untrusted", retry.Clock, retry.PerConnection},
	{"InvalidArgumentException", retry.Bisect, retry.PerCall},
	{"ValidationException", retry.Bisect, retry.PerCall},
	{"SerializationException", retry.Bisect, retry.PerCall},
	{"http-413", retry.Bisect, retry.PerCall},
	{"empty-response", retry.Unknown, retry.PerCall},
	{"wrong-count", retry.Unknown, retry.PerCall},
	{"timeout", retry.Unknown, retry.PerConnection},
	{"connection-reset", retry.Unknown, retry.PerConnection},
	{"http-5xx", retry.Unknown, retry.PerCall},
	{"refused", retry.Offline, retry.PerConnection},
	{"not-sent", retry.Offline, retry.PerConnection},
	{"dns", retry.Offline, retry.PerConnection},
	{"DryRunOperationException", retry.Ready, retry.PerCall},
	{"http-4xx", retry.Retry, retry.PerCall},
	{"unlisted", retry.Retry, retry.PerRecord | retry.PerCall | retry.PerConnection},
}

func TestEveryRowIsAsExpected(t *testing.T) {
	rules := retry.Rules()
	for i, w := range want {
		t.Run(w.code, func(t *testing.T) {
			require.Less(t, i, len(rules))
			require.Equal(t, w.code, rules[i].Code, "order of the table")
			r := retry.Lookup(w.code)
			require.Equal(t, rules[i], r, "Lookup gives another row: a second one has this code")
			require.Equal(t, w.class, r.Class)
			require.Equal(t, w.scope, r.Scope)
		})
	}
	require.Len(t, rules, len(want), "a row has no expectation here")
}

func TestEveryRowIsUsable(t *testing.T) {
	for _, r := range retry.Rules() {
		t.Run(r.Code, func(t *testing.T) {
			require.NotContains(t, r.Class.String(), "Class(")
			switch r.Class {
			case retry.Bisect, retry.Ready:
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
		"PutRecords": {"AccessDeniedException", "DryRunOperationException", "InternalFailureException", "InvalidArgumentException",
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
			r := retry.Lookup(c)
			require.Zero(t, r.Patience, "%s of %s has no row of its own", c, op)
		}
	}
}

func TestIntervals(t *testing.T) {
	for code, w := range map[string][2]time.Duration{
		"KMSDisabledException":   {4 * time.Minute, 6 * time.Minute},
		"ResourceInUseException": {20 * time.Second, 40 * time.Second},
		"ExpiredTokenException":  {time.Minute, 15 * time.Minute},
		retry.CodeDNS:            {5 * time.Second, time.Minute},
	} {
		r := retry.Lookup(code)
		require.Equal(t, w, [2]time.Duration{r.Min, r.Max}, code)
	}
	require.Equal(t, time.Hour, retry.Lookup("Novel").Patience)

	b := retry.Lookup("Novel").PausedBackoff()
	require.Equal(t, [2]time.Duration{4 * time.Minute, 6 * time.Minute}, [2]time.Duration{b.Min, b.Max})
	b = retry.Lookup("ExpiredToken").PausedBackoff()
	require.Equal(t, [2]time.Duration{4 * time.Minute, 15 * time.Minute}, [2]time.Duration{b.Min, b.Max})
	b = retry.Lookup(retry.CodeHTTP413).PausedBackoff()
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
		require.Equal(t, c.code, retry.Lookup(c.in).Code, "%.60q", c.in)
	}
}

// A code is whatever the far end of a connection wrote.
func FuzzLookup(f *testing.F) {
	for _, seed := range []string{"", "Exception", "a#b:c#d", "ValidationException:http://x/", "\x1b[2J", "dns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, code string) {
		r := retry.Lookup(code)
		require.NotEmpty(t, r.Advice)
		require.NotEmpty(t, r.Code)
		require.LessOrEqual(t, len(r.Code), 128)
		require.False(t, strings.ContainsFunc(r.Code, func(c rune) bool { return c <= ' ' || c > '~' }))
	})
}

func TestCodeForStatus(t *testing.T) {
	for status, code := range map[int]string{
		0: retry.CodeEmptyResponse, 200: retry.CodeEmptyResponse, 302: retry.CodeHTTP4xx, 400: retry.CodeHTTP4xx,
		403: retry.CodeHTTP4xx, 413: retry.CodeHTTP413, 429: retry.CodeHTTP429, 500: retry.CodeHTTP5xx, 504: retry.CodeHTTP5xx,
	} {
		require.Equal(t, code, retry.CodeForStatus(status), status)
	}
}

func TestRulesAreACopy(t *testing.T) {
	retry.Rules()[0].Class = retry.Ready
	require.Equal(t, retry.Throttle, retry.Rules()[0].Class)
}

func TestLookupAllocatesNothingForKnownCodes(t *testing.T) {
	// 500 results of one answer may all be throttles.
	n := testing.AllocsPerRun(100, func() { retry.Lookup("com.amazonaws.kinesis#ProvisionedThroughputExceededException") })
	require.Zero(t, n)
}

func TestClassString(t *testing.T) {
	require.Equal(t, "Class(0)", retry.Class(0).String())
	require.Equal(t, "Class(200)", retry.Class(200).String())
	require.Equal(t, "ready", retry.Ready.String())
}

func ExampleLookup() {
	for _, code := range []string{"com.amazonaws.kinesis#KMSDisabledException", retry.CodeTimeout, "BrandNewError"} {
		r := retry.Lookup(code)
		fmt.Printf("%s: %v\n", r.Code, r.Class)
	}
	// Output:
	// KMSDisabledException: pause
	// timeout: unknown outcome
	// BrandNewError: retry
}
