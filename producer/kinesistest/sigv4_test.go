package kinesistest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"
)

// send makes a ListStreams request, signs it with the SDK's signer, lets change
// spoil it, and returns status and body.
func send(t *testing.T, s *Server, at time.Time, region, service string, cr aws.Credentials, change func(*http.Request)) (int, string) {
	t.Helper()
	body := "{}"
	r, err := http.NewRequest("POST", s.URL()+"/", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Kinesis_20131202.ListStreams")
	require.NoError(t, v4.NewSigner().SignHTTP(context.Background(), cr, r, hexHash([]byte(body)), service, region, at))
	if change != nil {
		change(r)
	}
	resp, err := s.HTTPClient().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NotEmpty(t, resp.Header.Get("X-Amzn-Requestid"))
	require.NotEmpty(t, resp.Header.Get("Date"))
	return resp.StatusCode, string(b)
}

func TestSignature(t *testing.T) {
	s := start(t, Config{})
	good := aws.Credentials{AccessKeyID: AccessKeyID, SecretAccessKey: SecretAccessKey}
	session := good
	session.SessionToken = "token"
	wrongSecret := good
	wrongSecret.SecretAccessKey = "guess"
	stranger := good
	stranger.AccessKeyID = "AKIDSTRANGER"
	now := time.Now()
	auth := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	for _, tc := range []struct {
		name            string
		at              time.Time
		region, service string
		cr              aws.Credentials
		change          func(*http.Request)
		want            []string // parts of the error; none: accepted
	}{
		{name: "good", cr: good},
		{name: "session token", cr: session},
		{name: "4m55s slow", cr: good, at: now.Add(-4*time.Minute - 55*time.Second)},
		{name: "4m55s fast", cr: good, at: now.Add(4*time.Minute + 55*time.Second)},
		{name: "6 min slow", cr: good, at: now.Add(-6 * time.Minute), want: []string{"InvalidSignatureException", "Signature expired: ", "is now earlier than", "- 5 min.)"}},
		{name: "6 min fast", cr: good, at: now.Add(6 * time.Minute), want: []string{"InvalidSignatureException", "Signature not yet current: ", "+ 5 min.)"}},
		{name: "region", cr: good, region: "eu-west-1", want: []string{"InvalidSignatureException", "valid region: 'us-east-1', got 'eu-west-1'"}},
		{name: "service", cr: good, service: "s3", want: []string{"InvalidSignatureException", "correct service: 'kinesis'"}},
		{name: "secret", cr: wrongSecret, want: []string{"InvalidSignatureException", "does not match"}},
		{name: "key id", cr: stranger, want: []string{"UnrecognizedClientException"}},
		{name: "none", cr: good, change: func(r *http.Request) { r.Header.Del("Authorization") }, want: []string{"MissingAuthenticationTokenException"}},
		{name: "body", cr: good, change: func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{ ")), 2
		}, want: []string{"InvalidSignatureException", "does not match"}},
		{name: "header", cr: good, change: func(r *http.Request) { r.Header.Set("X-Amz-Target", "Kinesis_20131202.DeleteStream") }, want: []string{"InvalidSignatureException"}},
		{name: "unsigned header", cr: good, change: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, want: []string{"InvalidSignatureException", "'x-amz-security-token' must be a 'SignedHeader'"}},
		{name: "unsigned host", cr: good, change: auth("host;", ""), want: []string{"InvalidSignatureException", "'host'"}},
		{name: "query", cr: good, change: func(r *http.Request) { r.URL.RawQuery = "a=b" }, want: []string{"InvalidSignatureException"}},
		{name: "no date", cr: good, change: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, want: []string{"IncompleteSignatureException", "X-Amz-Date"}},
		{name: "scope date", cr: good, change: auth("/"+now.UTC().Format("20060102")+"/", "/20010101/"), want: []string{"InvalidSignatureException", "Date in Credential scope"}},
		{name: "no signature", cr: good, change: auth("Signature=", "Sig="), want: []string{"IncompleteSignatureException", "'Signature'"}},
		{name: "short scope", cr: good, change: auth("/aws4_request", ""), want: []string{"IncompleteSignatureException", "5 slash-delimited"}},
		{name: "other scheme", cr: good, change: auth(sigAlgorithm, "Basic"), want: []string{"IncompleteSignatureException"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.at.IsZero() {
				tc.at = time.Now()
			}
			if tc.region == "" {
				tc.region = "us-east-1"
			}
			if tc.service == "" {
				tc.service = "kinesis"
			}
			status, body := send(t, s, tc.at, tc.region, tc.service, tc.cr, tc.change)
			if tc.want == nil {
				require.Equal(t, 200, status, body)
				return
			}
			require.Equal(t, 400, status)
			for _, part := range tc.want {
				require.Contains(t, body, part)
			}
		})
	}
}

func TestExpireToken(t *testing.T) {
	s := start(t, Config{})
	s.ExpireToken("old")
	list := func(token string) error {
		c := s.Client(once, func(o *kinesis.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: AccessKeyID, SecretAccessKey: SecretAccessKey, SessionToken: token}, nil
			})
		})
		_, err := c.ListStreams(context.Background(), &kinesis.ListStreamsInput{})
		return err
	}
	requireCode(t, list("old"), "ExpiredTokenException", "expired")
	require.NoError(t, list("new"))
	require.NoError(t, list(""))
}

// post sends a signed request with any body.
func post(t testing.TB, s *Server, contentType, target string, body []byte) (int, string) {
	t.Helper()
	r, err := http.NewRequest("POST", s.URL()+"/", bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Amz-Target", target)
	cr := aws.Credentials{AccessKeyID: AccessKeyID, SecretAccessKey: SecretAccessKey}
	require.NoError(t, v4.NewSigner().SignHTTP(context.Background(), cr, r, hexHash(body), "kinesis", "us-east-1", time.Now()))
	resp, err := s.HTTPClient().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, resp.StatusCode != 200, resp.Header.Get("X-Amzn-Errortype") != "")
	return resp.StatusCode, string(b)
}

func TestHostileBodies(t *testing.T) {
	s := start(t, Config{})
	const target = "Kinesis_20131202.PutRecords"
	for _, tc := range []struct {
		name, contentType, target, body string
		status                          int
		code                            string
	}{
		{"empty", jsonCodec.contentType, target, "", 400, "SerializationException"},
		{"not JSON", jsonCodec.contentType, target, "{", 400, "SerializationException"},
		{"a list", jsonCodec.contentType, target, "[]", 400, "SerializationException"},
		{"trailing", jsonCodec.contentType, target, "{}{}", 400, "SerializationException"},
		{"open string", jsonCodec.contentType, target, `{"a":"b`, 400, "SerializationException"},
		{"deep", jsonCodec.contentType, target, `{"a":` + strings.Repeat("[", 1e3) + strings.Repeat("]", 1e3) + "}", 400, "nests deeper than 32"},
		{"many", jsonCodec.contentType, target, `{"a":[` + strings.Repeat("0,", 1e6) + "0]}", 400, "more than 20000 values"},
		{"types", jsonCodec.contentType, target, `{"StreamName":7}`, 400, "SerializationException"},
		{"records", jsonCodec.contentType, target, `{"StreamName":"s","Records":[7]}`, 400, "SerializationException"},
		{"base64", jsonCodec.contentType, target, `{"StreamName":"s","Records":[{"PartitionKey":"k","Data":"%"}]}`, 400, "SerializationException"},
		{"nothing", jsonCodec.contentType, target, `{}`, 400, "ValidationException"},
		{"null", jsonCodec.contentType, target, `{"Records":null,"StreamName":null}`, 400, "ValidationException"},
		{"charset", jsonCodec.contentType + "; charset=utf-8", "Kinesis_20131202.ListStreams", `{}`, 200, ""},
		{"content type", "text/plain", target, `{}`, 404, "UnknownOperationException"},
		{"target", jsonCodec.contentType, "Kinesis_20131202.Fly", `{}`, 400, "UnknownOperationException"},
		{"other service", jsonCodec.contentType, "DynamoDB_20120810.PutItem", `{}`, 400, "UnknownOperationException"},
		{"too large", jsonCodec.contentType, target, strings.Repeat(" ", maxBody+1), 413, "RequestEntityTooLargeException"},
		{"cbor empty", cborCodec.contentType, target, "", 400, "SerializationException"},
		{"cbor huge list", cborCodec.contentType, target, "\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", 400, "SerializationException"},
		{"cbor huge string", cborCodec.contentType, target, "\x7b\x7f\xff\xff\xff\xff\xff\xff\xff", 400, "SerializationException"},
		{"cbor many", cborCodec.contentType, target, "\x9f" + strings.Repeat("\x80", 1e6), 400, "more than 20000 values"},
		{"cbor deep", cborCodec.contentType, target, strings.Repeat("\x81", 1e6), 400, "nests deeper than 32"},
		{"cbor break", cborCodec.contentType, target, "\xff", 400, "SerializationException"},
		{"cbor trailing", cborCodec.contentType, target, "\xa0\xa0", 400, "SerializationException"},
		{"cbor twice", cborCodec.contentType, target, "\xa2\x61a\x01\x61a\x01", 400, "SerializationException"},
		{"cbor nothing", cborCodec.contentType, target, "\xa0", 400, "ValidationException"},
		{"cbor indefinite", cborCodec.contentType, "Kinesis_20131202.ListStreams", "\xbf\x65Limit\x0a\xff", 200, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, body := post(t, s, tc.contentType, tc.target, []byte(tc.body))
			require.Equal(t, tc.status, status, body)
			require.Contains(t, body, tc.code)
		})
	}
	resp, err := s.HTTPClient().Get(s.URL() + "/health")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 404, resp.StatusCode)
}
