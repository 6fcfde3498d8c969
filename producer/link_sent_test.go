package producer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// TestNothingWasSent: failures before the request is on its way, each with a code and
// advice of its own; none counts as a possible duplicate.
func TestNothingWasSent(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	nobody := closed.Listener.Addr().String()
	untrusted, err := kinesistest.Start(kinesistest.Config{})
	require.NoError(t, err)
	t.Cleanup(untrusted.Close)
	noTLS := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	hangsUp := listen(t, func(net.Conn) {})
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	alert := listen(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 5))
		_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) // handshake_failure
		_, _ = io.Copy(io.Discard, c)
	})
	proxy := func(status string) string {
		return "http://device:hunter2@" + listen(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
		})
	}
	failing := func(err error) aws.CredentialsProvider {
		return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, err })
	}
	for name, c := range map[string]struct {
		set   func(l *testLine)
		code  string
		class failure.Class
	}{
		"nobody listens":            {func(l *testLine) { l.endpoint = "https://" + nobody }, failure.CodeRefused, failure.Offline},
		"no such name":              {func(l *testLine) { l.endpoint = "https://-.invalid" }, failure.CodeDNS, failure.Offline},
		"a certificate of others":   {func(l *testLine) { l.endpoint = untrusted.URL() }, failure.CodeTLSUntrusted, failure.Clock},
		"no TLS":                    {func(l *testLine) { l.endpoint = "https://" + noTLS }, failure.CodeTLSFailed, failure.Offline},
		"it hangs up at once":       {func(l *testLine) { l.endpoint = "https://" + hangsUp }, failure.CodeTLSFailed, failure.Offline},
		"the handshake is refused":  {func(l *testLine) { l.endpoint = "https://" + alert }, failure.CodeTLSFailed, failure.Offline},
		"the handshake never ends":  {func(l *testLine) { l.endpoint = "https://" + silent }, failure.CodeTLSFailed, failure.Offline},
		"no proxy listens":          {func(l *testLine) { l.proxy = "http://" + nobody }, failure.CodeProxyUnreachable, failure.Offline},
		"no SOCKS proxy listens":    {func(l *testLine) { l.proxy = "socks5://" + nobody }, failure.CodeProxyUnreachable, failure.Offline},
		"the proxy wants a login":   {func(l *testLine) { l.proxy = proxy("407 Proxy Authentication Required") }, failure.CodeProxyLogin, failure.Pause},
		"the proxy denies":          {func(l *testLine) { l.proxy = proxy("403 Forbidden") }, failure.CodeProxyDenied, failure.Pause},
		"the proxy finds no way":    {func(l *testLine) { l.proxy = proxy("502 Bad Gateway") }, failure.CodeProxyFailed, failure.Offline},
		"the proxy is slow":         {func(l *testLine) { l.proxy = proxy("504 Gateway Timeout") }, failure.CodeProxyFailed, failure.Offline},
		"the proxy is a portal":     {func(l *testLine) { l.proxy = proxy("511 Network Authentication Required") }, failure.CodePortal, failure.Pause},
		"the region of another":     {func(l *testLine) { l.region = "eu-west-1" }, failure.CodeWrongRegion, failure.Pause},
		"no answer from a provider": {func(l *testLine) { l.creds = failing(context.DeadlineExceeded) }, failure.CodeCredentialsUnavailable, failure.Offline},
		"a provider with a 500":     {func(l *testLine) { l.creds = failing(statusError(500)) }, failure.CodeCredentialsUnavailable, failure.Offline},
		"a provider that refuses":   {func(l *testLine) { l.creds = failing(statusError(403)) }, failure.CodeCredentialsRefused, failure.Pause},
		"a provider's own words":    {func(l *testLine) { l.creds = failing(errors.New("status 503")) }, failure.CodeCredentialsUnavailable, failure.Offline},
		"no credentials":            {func(l *testLine) { l.creds = failing(nil) }, failure.CodeNoCredentials, failure.Pause},
	} {
		t.Run(name, func(t *testing.T) {
			overEachClient(t, kinesistest.Config{}, func(t *testing.T, l *testLine) {
				c.set(l)
				patience := time.Minute // it fails at once
				if name == "the handshake never ends" {
					patience = time.Second
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				err := l.call(ctx, 300)
				require.Error(t, err)
				rule := classify(err)
				require.Equal(t, []any{c.code, c.class}, []any{rule.Code, rule.Class}, "%v", err)
				require.NotContains(t, failure.Clean(err), "hunter2")
			})
		})
	}
}

// TestTheTokenIsNotSentInClear: whatever client it is, a session token does not go over
// http:// to another machine. wire.NewClient refuses such an endpoint itself.
func TestTheTokenIsNotSentInClear(t *testing.T) {
	overEachClient(t, kinesistest.Config{}, func(t *testing.T, l *testLine) {
		if strings.HasSuffix(t.Name(), "wire") {
			return
		}
		var seen atomic.Int32
		spy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
		defer spy.Close()
		l.endpoint, l.proxy = "http://kinesis.example", spy.URL
		err := l.call(t.Context(), 300)
		rule := classify(err)
		require.Equal(t, []any{failure.CodeTokenInClear, failure.Pause}, []any{rule.Code, rule.Class}, "%v", err)
		require.ErrorContains(t, err, "would send the session token in clear")
		require.Zero(t, seen.Load())
	})
}

type statusError int

func (e statusError) Error() string       { return "the provider answered with an error" }
func (e statusError) HTTPStatusCode() int { return int(e) }

// listen serves connections, each of which is closed when serve returns.
func listen(t *testing.T, serve func(net.Conn)) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(t.Context(), func() { _ = c.Close() })
			go func() {
				defer stop()
				serve(c)
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

// TestLostBeforeItWasWritten: what is known not to have been written to its end is
// no duplicate; what was is one.
func TestLostBeforeItWasWritten(t *testing.T) {
	for _, plain := range []bool{false, true} { // HTTP/2 and HTTP/1.1
		overEachClient(t, kinesistest.Config{Plain: plain, Unlimited: true}, func(t *testing.T, l *testLine) {
			l.creds = l.Credentials()
			l.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.LoseReply()})
			l.requireRule(t, failure.CodeReset, failure.Unknown)
			l.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.Delay(time.Minute)})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.Equal(t, failure.CodeTimeout, classify(l.call(ctx, 300)).Code)
		})
	}
	// An uplink that takes a part of the request and no more.
	overEachClient(t, kinesistest.Config{Plain: true, Unlimited: true}, func(t *testing.T, l *testLine) {
		l.creds = l.Credentials()
		l.endpoint = "http://" + listen(t, func(c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 1000))
			<-t.Context().Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := l.call(ctx, 8<<20)
		rule := classify(err)
		require.Equal(t, []any{failure.CodeTooSlow, failure.Retry}, []any{rule.Code, rule.Class}, "%v", err)
	})
	overEachClient(t, kinesistest.Config{Plain: true, Unlimited: true}, func(t *testing.T, l *testLine) {
		l.creds = l.Credentials()
		l.endpoint = "http://" + listen(t, func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 1000)) })
		err := l.call(t.Context(), 8<<20)
		rule := classify(err)
		require.Equal(t, []any{failure.CodeNotSent, failure.Offline}, []any{rule.Code, rule.Class}, "%v", err)
	})
}

// TestEndlessPages: the list of shards has one more page each time.
func TestEndlessPages(t *testing.T) {
	for _, shards := range []int{1, 1000, 1001, mostShards} {
		srv, err := kinesistest.Start(kinesistest.Config{})
		require.NoError(t, err)
		require.NoError(t, srv.CreateStream("s", shards, kinesistest.StreamOptions{}))
		in := func() *kinesis.ListShardsInput { return &kinesis.ListShardsInput{StreamName: aws.String("s")} }
		list, err := listShards(t.Context(), srv.Client(), in(), newCallOptions())
		require.NoError(t, err, "as many shards as there may be are listed")
		require.Len(t, list, shards)

		before := srv.Calls("ListShards")
		srv.Inject(kinesistest.Fault{Operation: "ListShards", Effect: kinesistest.EndlessPages()})
		_, err = listShards(t.Context(), srv.Client(), in(), newCallOptions())
		require.Equal(t, failure.CodeHugeResponse, classify(err).Code, "%v", err)
		require.LessOrEqual(t, srv.Calls("ListShards")-before, mostShardPages)
		srv.Close()
	}
}
