package wire_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

// endpointOf returns the host that a client calls, as a proxy is asked for it.
func endpointOf(t *testing.T, cfg wire.Config) string {
	hosts := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	cfg.Proxy, cfg.Credentials = proxy.URL, fixed()
	c, err := wire.NewClient(cfg)
	require.NoError(t, err)
	defer c.Close()
	err = put(c, nil)
	select {
	case host := <-hosts:
		return host
	default:
		require.NoError(t, err, "it did not get to the proxy")
		return ""
	}
}

func TestEndpoints(t *testing.T) {
	for want, cfg := range map[string]wire.Config{
		"kinesis.eu-west-1.amazonaws.com:443":        {Region: "eu-west-1"},
		"kinesis-fips.us-east-1.amazonaws.com:443":   {Region: "us-east-1", FIPS: true},
		"kinesis.eu-west-1.api.aws:443":              {Region: "eu-west-1", DualStack: true},
		"kinesis-fips.us-west-2.api.aws:443":         {Region: "us-west-2", FIPS: true, DualStack: true},
		"kinesis.cn-north-1.amazonaws.com.cn:443":    {Region: "cn-north-1"},
		"vpce-1.kinesis.eu-west-1.vpce.example:8443": {Region: "eu-west-1", Endpoint: "https://vpce-1.kinesis.eu-west-1.vpce.example:8443"},
	} {
		require.Equal(t, want, endpointOf(t, cfg))
	}
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	require.Equal(t, "kinesis-fips.us-east-1.amazonaws.com:443", endpointOf(t, wire.Config{Region: "us-east-1"}))
	t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", "TRUE")
	require.Equal(t, "kinesis-fips.us-east-1.api.aws:443", endpointOf(t, wire.Config{Region: "us-east-1"}))
	require.Equal(t, "vpce.example:443", endpointOf(t, wire.Config{Endpoint: "https://vpce.example"}))
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "false")
	require.Equal(t, "kinesis.us-east-1.api.aws:443", endpointOf(t, wire.Config{Region: "us-east-1"}))
}

// TestProxyAndRootCAs: through a proxy that wants a password, to a server whose
// certificate is known from a file.
func TestProxyAndRootCAs(t *testing.T) {
	srv := server(t, kinesistest.Config{})
	var through atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("device:hunter2")) {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		through.Add(1)
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		w.WriteHeader(http.StatusOK)
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		go func() { _, _ = io.Copy(to, io.MultiReader(bufio.NewReader(rw), conn)) }()
		_, _ = io.Copy(conn, to)
	}))
	defer proxy.Close()
	file := filepath.Join(t.TempDir(), "roots.pem")
	der := certificateOf(t, srv)
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	_, err := wire.RootCAs("doc.go")
	require.EqualError(t, err, `wire: "doc.go" holds no certificate in PEM`)
	_, err = wire.RootCAs("nothing.pem")
	require.ErrorIs(t, err, fs.ErrNotExist)
	roots, err := wire.RootCAs(file)
	require.NoError(t, err)
	for _, login := range []string{"device:hunter2@", "device:wrong@"} {
		c, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: roots, Credentials: srv.Credentials(), Proxy: strings.Replace(proxy.URL, "://", "://"+login, 1)})
		require.NoError(t, err)
		err = put(c, nil)
		if login == "device:wrong@" {
			require.ErrorContains(t, err, "answers CONNECT with status 407")
			require.NotContains(t, err.Error(), "wrong")
		} else {
			require.NoError(t, err)
		}
		c.Close()
	}
	require.EqualValues(t, 1, through.Load())
}

// TestNoTokenInClear: http:// is for this machine, or for emulators and then without
// a session token.
func TestNoTokenInClear(t *testing.T) {
	token := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", SessionToken: "IQoJb3JpZ2luX2Vj"}, nil
	})
	var seen atomic.Int32
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		w.WriteHeader(http.StatusTeapot)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	// The same servers under a name that is not of the loopback interface, by a proxy.
	for _, c := range []struct {
		endpoint string
		creds    aws.CredentialsProvider
		arrives  bool
	}{
		{plain.URL, token, true},
		{"http://kinesis.local:4567", token, false},
		{"https://kinesis.local:4567", token, false}, // with Insecure it is nobody knows whose
		{"http://kinesis.local:4567", fixed(), true},
	} {
		seen.Store(0)
		cfg := wire.Config{Endpoint: c.endpoint, Credentials: c.creds, Insecure: true}
		if c.endpoint != plain.URL {
			cfg.Proxy = plain.URL
		}
		client, err := wire.NewClient(cfg)
		require.NoError(t, err)
		err = put(client, nil)
		client.Close()
		require.Error(t, err)
		require.Equal(t, c.arrives, seen.Load() > 0, c.endpoint)
		if !c.arrives {
			require.ErrorContains(t, err, "would send the session token in clear")
		}
	}
}

// certificateOf returns the certificate of a server.
func certificateOf(t *testing.T, srv *kinesistest.Server) []byte {
	conn, err := tls.Dial("tcp", strings.TrimPrefix(srv.URL(), "https://"), &tls.Config{RootCAs: srv.CertPool()})
	require.NoError(t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw
}
