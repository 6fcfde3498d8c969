package failure_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

const (
	keyID     = "ASIAIOSFODNN7EXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
)

// token is a session token, of which no eight characters in a row may be seen.
var token = func() string {
	rng := rand.New(rand.NewPCG(1, 2))
	b := []byte("IQoJb3JpZ2luX2VjE")
	for len(b) < 900 {
		b = append(b, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[rng.IntN(64)])
	}
	return string(b) + "=="
}()

// leaks reports whether a part of a secret stands in s.
func leaks(s string) string {
	for _, secret := range []string{keyID, secretKey, signature, token, "hunter2/pass", url.QueryEscape(token), strings.ReplaceAll(token, "/", `\/`)} {
		for i := 0; i+8 <= len(secret); i += 4 {
			if strings.Contains(s, secret[i:i+8]) {
				return secret[i : i+8]
			}
		}
	}
	return ""
}

// TestCleanHidesCredentials: an endpoint, a proxy or a credential provider may
// say back whatever it was sent, in any form.
func TestCleanHidesCredentials(t *testing.T) {
	auth := "AWS4-HMAC-SHA256 Credential=" + keyID + "/20261127/eu-west-1/kinesis/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + signature
	canonical := "POST\n/\n\nhost:kinesis\nx-amz-date:20261127T000000Z\nx-amz-security-token:" + token + "\nx-amz-target:Kinesis_20131202.PutRecords\n\nhost;x-amz-date\n" + signature
	for _, text := range []string{
		"bad " + auth,
		"Authorization: " + auth,
		`{"Authorization":"` + auth + `","x":1}`,
		"map[Authorization:[" + auth + "] X-Amz-Security-Token:[" + token + "]]",
		"The Canonical String for this request should have been '" + canonical + "'",
		"GET /?X-Amz-Credential=" + keyID + "%2F2026&X-Amz-Signature=" + signature + "&X-Amz-Security-Token=" + url.QueryEscape(token) + " HTTP/1.1",
		"next=" + url.QueryEscape("https://x/?X-Amz-Security-Token="+token),
		`{"x-amz-security-token": "` + strings.ReplaceAll(token, "/", `\/`) + `"}`,
		"X-AMZ-SECURITY-TOKEN = " + token,
		"the token " + token + " is expired",
		"user " + keyID + " unknown, also within a word" + keyID + "s",
		"secret " + secretKey + ".", "secret=" + secretKey, "'" + secretKey + "'",
		"the signature " + signature + " does not match", "Signature=" + signature[:20],
		`proxyconnect tcp: Get "http://device:hunter2/pass@proxy:3128": refused`, "socks5://device:hunter2/pass@10.0.0.1",
		"Proxy-Authorization: Basic ZGV2aWNlOmh1bnRlcjIvcGFzcw==", "got 'Basic ZGV2aWNlOmh1bnRlcjIvcGFzcw=='",
	} {
		got := failure.Clean(errors.New(text))
		require.Empty(t, leaks(got), "%s\n%s", text, got)
		require.NotContains(t, got, "ZGV2aWNlOm")
		require.Contains(t, got, "***", text)
		require.LessOrEqual(t, len(got), 512)
		for n := range 600 { // cut at 512 anywhere
			require.Empty(t, leaks(failure.CleanText(strings.Repeat(".", n)+text)), "%d", n)
		}
	}
}

// TestCleanKeepsWords: what helps an engineer is not hidden.
func TestCleanKeepsWords(t *testing.T) {
	for _, text := range []string{
		"operation error Kinesis: PutRecords, https response error StatusCode: 400, RequestID: 00000000-0000-4000-8000-000000000001, api error AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/device/pi-7f3a is not authorized to perform: kinesis:PutRecords on resource: arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry because no identity-based policy allows it",
		"Credential should be scoped to a valid region: 'eu-west-1', got 'us-east-1'.",
		"Signature expired: 20261127T000000Z is now earlier than 20261127T001000Z (20261127T001500Z - 5 min.)",
		"'x-amz-date' must be a 'SignedHeader' in the AWS Authorization.",
		"shardId-000000000000 49590338271490256608559692538361571095921575989136588898",
		`Post "https://kinesis.eu-west-1.amazonaws.com/": dial tcp: lookup kinesis.eu-west-1.amazonaws.com: no such host`,
		"basic authentication required", "Größe 3 µA, 27.9 °C, 日本",
		"", strings.Repeat("a b", 170),
	} {
		require.Equal(t, text, failure.CleanText(text))
	}
	require.Empty(t, failure.Clean(nil))
	long := failure.CleanText(strings.Repeat("ü ", 300))
	require.LessOrEqual(t, len(long), 512)
	require.Greater(t, len(long), 500)
	require.True(t, strings.HasSuffix(long, "…"))
}

func TestCleanEscapes(t *testing.T) {
	require.Equal(t, `a\nb\r\t\x1b[31m\x00\a`+"\\u009b\\u202e\\u2066\\u200b\\u2028\\ufeff\\xff\\xc3é", failure.CleanText("a\nb\r\t\x1b[31m\x00\a\u009b\u202e\u2066\u200b\u2028\ufeff\xff\xc3é"))
}

func FuzzClean(f *testing.F) {
	f.Add("x-amz-a:", "b")
	f.Add("://", "@"+token)
	f.Add(`authorization="`, "\xff\u202e")
	f.Fuzz(func(t *testing.T, a, b string) {
		if leaks(a+b) != "" {
			t.Skip("it is in there by itself")
		}
		got := failure.CleanText(a + token + b)
		require.LessOrEqual(t, len(got), 512)
		require.True(t, utf8.ValidString(got))
		require.Empty(t, leaks(got))
		require.False(t, strings.ContainsFunc(got, func(r rune) bool {
			return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		}))
	})
}

func ExampleClean() {
	fmt.Println(failure.Clean(errors.New("403 for X-Amz-Security-Token: IQoJb3\x1b]0;x\a")))
	// Output: 403 for X-Amz-Security-Token: ***\x1b]0;x\a
}
