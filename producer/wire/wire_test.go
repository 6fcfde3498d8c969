package wire_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

func server(t *testing.T, c kinesistest.Config) *kinesistest.Server {
	srv, err := kinesistest.Start(c)
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	require.NoError(t, srv.CreateStream("s", 1, kinesistest.StreamOptions{}))
	return srv
}

func client(t *testing.T, srv *kinesistest.Server, p wire.Protocol) *wire.Client {
	c, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: srv.CertPool(), Credentials: srv.Credentials(), Protocol: p})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func put(c *wire.Client, data []byte) error {
	if data == nil {
		data = []byte{}
	}
	_, err := c.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String("s"),
		Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("k"), Data: data}}},
		func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} })
	return err
}

func TestBothProtocolsAndTheirBytes(t *testing.T) {
	srv := server(t, kinesistest.Config{})
	data := make([]byte, 30_000)
	for i := range data {
		data[i] = byte(i * i >> 3)
	}
	up := map[wire.Protocol]uint64{}
	for _, p := range []wire.Protocol{wire.CBOR, wire.JSON} {
		c := client(t, srv, p)
		require.NoError(t, put(c, data))
		before := c.BytesUp()
		require.NotZero(t, c.BytesDown())
		require.NoError(t, put(c, data))
		up[p] = c.BytesUp() - before
		_, err := c.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("none")})
		var nf *types.ResourceNotFoundException
		require.ErrorAs(t, err, &nf, "modelled errors come through")
	}
	recs, err := srv.Records("s")
	require.NoError(t, err)
	require.Len(t, recs, 4)
	for _, r := range recs {
		require.Equal(t, data, r.Data)
	}
	t.Logf("30,000 bytes of payload: %d bytes up as CBOR, %d as JSON", up[wire.CBOR], up[wire.JSON])
	require.Less(t, up[wire.CBOR], uint64(31_500), "no base64")
	require.Greater(t, up[wire.JSON], uint64(40_000))
}

func TestHTTP2(t *testing.T) {
	var mu sync.Mutex
	protos := map[string]int{}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		protos[r.Proto]++
		mu.Unlock()
		w.WriteHeader(500)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	c, err := wire.NewClient(wire.Config{Endpoint: srv.URL, Insecure: true, Credentials: fixed()})
	require.NoError(t, err)
	defer c.Close()
	require.Error(t, put(c, nil))
	require.Equal(t, map[string]int{"HTTP/2.0": 1}, protos)
}

func fixed() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "long enough"}, nil
	})
}

// jsonOnly is an endpoint that knows only JSON, in front of a server. It notes the
// body's type and the operation of each request.
func jsonOnly(t *testing.T, srv *kinesistest.Server) (url string, seen func() []string) {
	var mu sync.Mutex
	var all []string
	to, err := neturl.Parse(srv.URL())
	require.NoError(t, err)
	pass := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := strings.TrimPrefix(r.Header.Get("Content-Type"), "application/x-amz-")
		mu.Lock()
		all = append(all, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Kinesis_20131202.")+" "+kind)
		mu.Unlock()
		if kind != "json-1.1" {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"UnknownOperationException"}`)
			return
		}
		pass.ServeHTTP(w, r) // the host stays, which is signed
	}))
	t.Cleanup(front.Close)
	return front.URL, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
}

// TestFallsBackToJSON: an endpoint that knows only JSON refuses one request, and
// the call it was for goes through all the same.
func TestFallsBackToJSON(t *testing.T) {
	real := server(t, kinesistest.Config{Plain: true})
	url, seen := jsonOnly(t, real)
	c, err := wire.NewClient(wire.Config{Endpoint: url, Credentials: real.Credentials()})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, put(c, nil))
	require.NoError(t, put(c, nil))
	require.Equal(t, []string{"PutRecords cbor-1.1", "PutRecords json-1.1", "PutRecords json-1.1"}, seen())

	// An endpoint that has taken CBOR is not given up for one odd answer.
	good := client(t, real, wire.CBOR)
	require.NoError(t, put(good, nil))
	real.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.FailCall("AccessDeniedException", 400, "")})
	require.ErrorContains(t, put(good, nil), "AccessDeniedException")
	require.NoError(t, put(good, nil))
}

// TestADeadConnectionIsNotReused: a call times out, and the next one dials anew.
func TestADeadConnectionIsNotReused(t *testing.T) {
	srv := server(t, kinesistest.Config{})
	c := client(t, srv, wire.CBOR)
	require.NoError(t, put(c, nil))
	in := srv.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.Delay(time.Minute)})
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err := c.PutRecords(short, &kinesis.PutRecordsInput{StreamName: aws.String("s"),
		Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("k"), Data: []byte{}}}}, func(o *kinesis.Options) { o.Retryer = aws.NopRetryer{} })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, in.Calls())
	before := c.BytesDown()
	require.NoError(t, put(c, nil))
	require.Greater(t, c.BytesDown()-before, uint64(500), "a handshake")
}

func TestConfigErrors(t *testing.T) {
	for want, cfg := range map[string]wire.Config{
		"Credentials is nil":           {Region: "eu-west-1"},
		"neither Config.Region":        {Credentials: fixed()},
		"not a URL":                    {Credentials: fixed(), Endpoint: "127.0.0.1:4567"},
		"http:// is for the loopback":  {Credentials: fixed(), Endpoint: "http://kinesis.example.com"},
		"an endpoint of AWS is called": {Credentials: fixed(), Endpoint: "https://kinesis.eu-west-1.amazonaws.com", Insecure: true},
		"is called by https://":        {Credentials: fixed(), Endpoint: "http://kinesis-fips.us-east-1.api.aws.", Insecure: true},
		"needs an Endpoint":            {Credentials: fixed(), Region: "eu-west-1", Insecure: true},
		"neither CBOR nor JSON":        {Credentials: fixed(), Region: "eu-west-1", Protocol: 7},
		"neither PostQuantum nor":      {Credentials: fixed(), Region: "eu-west-1", TLS: 2},
		"name the FIPS endpoint":       {Credentials: fixed(), Endpoint: "https://vpce.example.com", FIPS: true},
		"name the dual-stack endpoint": {Credentials: fixed(), Endpoint: "https://vpce.example.com", DualStack: true},
		"Config.Proxy: not a URL such": {Credentials: fixed(), Region: "eu-west-1", Proxy: "10.0.0.1:3128"},
		"or socks5://":                 {Credentials: fixed(), Region: "eu-west-1", Proxy: "ftp://u:hunter2@proxy"},
		"https://127.0.0.1:4567":       {Credentials: fixed(), Endpoint: "https://user:hunter2@127.0.0.1"},
	} {
		_, err := wire.NewClient(cfg)
		require.ErrorContains(t, err, want)
	}
	_, err := wire.NewClient(wire.Config{Credentials: fixed(), Region: "eu-west-1", Proxy: "ftp://u:hunter2@proxy"})
	require.NotContains(t, err.Error(), "hunter2")
	for _, endpoint := range []string{"http://localhost:4567", "http://[::1]:4567", "https://kinesis.example.com"} {
		c, err := wire.NewClient(wire.Config{Credentials: fixed(), Endpoint: endpoint})
		require.NoError(t, err)
		c.Close()
	}
	_, err = wire.ParseProtocol("xml")
	require.EqualError(t, err, `wire: there is no protocol "xml"; there are cbor and json`)
	for want, name := range []string{"default", "compact"} {
		got, err := wire.ParseTLS(name)
		require.NoError(t, err)
		require.Equal(t, wire.TLS(want), got)
	}
	_, err = wire.ParseTLS("none")
	require.EqualError(t, err, `wire: there is no TLS "none"; there are default and compact`)
}

func TestEnvCredentials(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	_, err := wire.EnvCredentials().Retrieve(ctx)
	require.ErrorContains(t, err, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY not set")
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "token")
	c, err := wire.EnvCredentials().Retrieve(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"id", "secret", "token"}, []string{c.AccessKeyID, c.SecretAccessKey, c.SessionToken})
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	c, err := wire.NewClient(wire.Config{Endpoint: "https://" + addr, Insecure: true, Credentials: fixed()})
	require.NoError(t, err)
	defer c.Close()
	var op *net.OpError
	require.ErrorAs(t, put(c, nil), &op)
	require.Equal(t, "dial", op.Op)
	require.Zero(t, c.BytesUp())
}
