package producer

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

const sessionToken = "IQoJb3JpZ2luX2VjEXAMPLEsessionTOKEN+of/a/device=="

func withToken(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: kinesistest.AccessKeyID, SecretAccessKey: kinesistest.SecretAccessKey, SessionToken: sessionToken}, nil
}

// way is how a client gets to the server.
type way struct {
	endpoint string
	roots    *tls.Config // nil: those of the server
	proxy    string
	region   string
	creds    aws.CredentialsProvider
}

// clients are the kinds of client that a producer may be given.
var clients = map[string]func(t *testing.T, srv *kinesistest.Server, w way) API{
	"wire": func(t *testing.T, srv *kinesistest.Server, w way) API {
		c, err := wire.NewClient(wire.Config{Endpoint: w.endpoint, RootCAs: w.roots.RootCAs, Credentials: w.creds, Proxy: w.proxy, Region: w.region})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return c
	},
	"net/http": func(t *testing.T, srv *kinesistest.Server, w way) API {
		tr := &http.Transport{TLSClientConfig: w.roots, ForceAttemptHTTP2: true, Proxy: proxyOf(w)}
		t.Cleanup(tr.CloseIdleConnections)
		return kinesis.New(kinesis.Options{BaseEndpoint: &w.endpoint, Region: w.region, Credentials: w.creds, HTTPClient: &http.Client{Transport: tr}})
	},
	"the SDK's own": func(t *testing.T, srv *kinesistest.Server, w way) API {
		return kinesis.New(kinesis.Options{BaseEndpoint: &w.endpoint, Region: w.region, Credentials: w.creds,
			HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
				tr.TLSClientConfig.RootCAs = w.roots.RootCAs
				tr.Proxy = proxyOf(w)
				tr.DisableKeepAlives = true // it cannot be closed
			})})
	},
}

func proxyOf(w way) func(*http.Request) (*url.URL, error) {
	if w.proxy == "" {
		return nil
	}
	u, err := url.Parse(w.proxy)
	return func(*http.Request) (*url.URL, error) { return u, err }
}

// testLine is a server, and a call of PutRecords to it over each kind of client.
type testLine struct {
	*kinesistest.Server
	way
	call func(ctx context.Context, size int) error
}

func overEachClient(t *testing.T, cfg kinesistest.Config, f func(t *testing.T, l *testLine)) {
	for name, newClient := range clients {
		t.Run(name, func(t *testing.T) {
			srv, err := kinesistest.Start(cfg)
			require.NoError(t, err)
			t.Cleanup(srv.Close)
			require.NoError(t, srv.CreateStream("s", 1, kinesistest.StreamOptions{MaxRecordSizeInKiB: 10240}))
			l := &testLine{Server: srv, way: way{endpoint: srv.URL(), roots: &tls.Config{RootCAs: srv.CertPool()}, region: "us-east-1", creds: aws.CredentialsProviderFunc(withToken)}}
			var api API
			options := newCallOptions()
			l.call = func(ctx context.Context, size int) error {
				if api == nil {
					api = newClient(t, srv, l.way)
				}
				_, err := api.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("s"),
					Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("k"), Data: make([]byte, size)}}}, options)
				return err
			}
			f(t, l)
		})
	}
}

// requireRule makes a call, and checks what is made of its failure. What was stored
// is the truth: only a failure of class Unknown may have stored something.
func (l *testLine) requireRule(t *testing.T, code string, class failure.Class) {
	t.Helper()
	before, err := l.Records("s")
	require.NoError(t, err)
	err = l.call(t.Context(), 300)
	require.Error(t, err)
	rule := classify(err)
	require.Equal(t, code, rule.Code, "%v", err)
	require.Equal(t, class, rule.Class, "%v", err)
	after, e := l.Records("s")
	require.NoError(t, e)
	if len(after) > len(before) {
		require.Equal(t, failure.Unknown, class)
	}
	require.NotContains(t, failure.Clean(err), sessionToken[:20])
	require.NotContains(t, failure.Clean(err), kinesistest.AccessKeyID)
}

// TestAnswersThatKinesisDidNotWrite: portals, proxies and other services.
func TestAnswersThatKinesisDidNotWrite(t *testing.T) {
	const html, none = "text/html; charset=utf-8", ""
	page := "<html><body>" + strings.Repeat("Please log in. ", 1000)
	overEachClient(t, kinesistest.Config{}, func(t *testing.T, l *testLine) {
		for _, c := range []struct {
			status int
			kind   string
			code   string
			class  failure.Class
		}{
			{200, html, failure.CodePortal, failure.Pause},
			{200, "text/plain", failure.CodePortal, failure.Pause},
			{200, none, failure.CodePortal, failure.Pause},
			{403, html, failure.CodePortal, failure.Pause},
			{404, html, failure.CodePortal, failure.Pause},
			{511, html, failure.CodePortal, failure.Pause},
			{511, none, failure.CodePortal, failure.Pause},
			{407, html, failure.CodeProxyLogin, failure.Pause},
			{200, "application/xml", failure.CodeNotKinesis, failure.Pause},
			{405, "application/xml", failure.CodeNotKinesis, failure.Pause},
			{403, "text/plain", failure.CodeHTTP4xx, failure.Retry},
			{413, html, failure.CodeHTTP413, failure.TooLarge},
			{413, none, failure.CodeHTTP413, failure.TooLarge},
			{429, html, failure.CodeHTTP429, failure.Throttle},
			// These may come after the request got through.
			{500, none, failure.CodeHTTP5xx, failure.Unknown},
			{502, html, failure.CodeProxy5xx, failure.Unknown},
			{503, html, failure.CodeProxy5xx, failure.Unknown},
			{504, "application/xml", failure.CodeProxy5xx, failure.Unknown},
		} {
			in := l.Inject(kinesistest.Fault{Effect: kinesistest.Reply(c.status, c.kind, page)})
			l.requireRule(t, c.code, c.class)
			in.Remove()
		}
		l.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.FailCall("InvalidArgumentException", 400, "Records size exceeds 5 MB limit")})
		l.requireRule(t, "InvalidArgumentException", failure.TooLarge)
		l.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.FailCall("RequestEntityTooLargeException", 413, "")})
		l.requireRule(t, "RequestEntityTooLargeException", failure.TooLarge)
		l.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.FailCall("ValidationException", 400, "Member must have length less than or equal to 10485760")})
		l.requireRule(t, "ValidationException", failure.Bisect)
		l.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.FailCall("AccessDeniedException", 400, "token "+sessionToken+" key "+kinesistest.AccessKeyID)})
		l.requireRule(t, "AccessDeniedException", failure.Refresh)
		require.NoError(t, l.call(t.Context(), 300), "and it is well again")
	})
}

// TestRedirectsAreNotFollowed: nothing arrives at a second host, whatever it is
// called and however it is pointed to.
func TestRedirectsAreNotFollowed(t *testing.T) {
	overEachClient(t, kinesistest.Config{}, func(t *testing.T, l *testLine) {
		var arrived atomic.Int32
		second := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
		defer second.Close()
		for _, to := range []string{second.URL + "/login", "//" + second.Listener.Addr().String() + "/", l.URL() + "/x", "", "\x7f"} {
			for _, status := range []int{300, 301, 302, 303, 307, 308} {
				in := l.Inject(kinesistest.Fault{Effect: kinesistest.Redirect(status, to)})
				l.requireRule(t, failure.CodeRedirected, failure.Pause)
				require.Equal(t, 1, in.Calls())
				in.Remove()
			}
		}
		require.Zero(t, arrived.Load())
	})
}

// TestAnswersAreCapped: bodies without end, nested without end, or of values without
// end, are given up early.
func TestAnswersAreCapped(t *testing.T) {
	overEachClient(t, kinesistest.Config{}, func(t *testing.T, l *testLine) {
		for _, begin := range []string{`{"a":"b`, `{"a":[`, `{"Records":[{},`, " ", "\xa1\x61x\x81", "\xa1\x61x\x7b\x00\x00\x00\x00\x7f\xff\xff\xff", "\xbf\x61x\x9f\xf6", "\xa1\x67Records\x9f\xa0"} {
			in := l.Inject(kinesistest.Fault{Effect: kinesistest.EndlessReply(begin)})
			l.requireRule(t, failure.CodeHugeResponse, failure.Unknown)
			in.Remove()
		}
		deep := strings.Repeat("\x81", 200_000)
		for kind, body := range map[string]string{"application/x-amz-cbor-1.1": "\xa1\x61x" + deep, "application/x-amz-json-1.1": `{"x":` + strings.Repeat("[", 200_000)} {
			in := l.Inject(kinesistest.Fault{Effect: kinesistest.Reply(200, kind, body)})
			l.requireRule(t, failure.CodeHugeResponse, failure.Unknown)
			in.Remove()
			in = l.Inject(kinesistest.Fault{Effect: kinesistest.Reply(400, kind, body)})
			l.requireRule(t, failure.CodeHTTP4xx, failure.Retry)
			in.Remove()
		}
		l.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.DripReply(20 * time.Millisecond)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := l.call(ctx, 300)
		require.Equal(t, failure.CodeTimeout, classify(err).Code, "%v", err)
		require.Less(t, time.Since(began), 20*time.Second)
		require.NoError(t, l.call(t.Context(), 300))
	})
}
