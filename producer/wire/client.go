package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// Protocol is how request and response bodies are written.
type Protocol uint8

// The protocols of the service.
const (
	CBOR Protocol = iota // application/x-amz-cbor-1.1; falls back to JSON when refused
	JSON                 // application/x-amz-json-1.1
)

// ParseProtocol reads "cbor" or "json".
func ParseProtocol(s string) (Protocol, error) {
	switch s {
	case "cbor":
		return CBOR, nil
	case "json":
		return JSON, nil
	}
	return 0, fmt.Errorf("wire: there is no protocol %q; there are cbor and json", s)
}

// Config says where Kinesis is. Credentials and Region or Endpoint are required.
type Config struct {
	// Region is the AWS region, such as "eu-west-1". With an Endpoint it is only
	// signed with; default then "us-east-1".
	Region string
	// Endpoint replaces the region's own, such as "https://127.0.0.1:4567" or a
	// VPC endpoint. http:// is for emulators.
	Endpoint string
	// Credentials sign the calls. They are cached until they expire.
	Credentials aws.CredentialsProvider
	// Protocol is how bodies are written. Default: CBOR.
	Protocol Protocol
	// RootCAs are trusted instead of the system's, if not nil.
	RootCAs *x509.CertPool
	// Insecure accepts any certificate. It is refused unless the Endpoint is on
	// the loopback interface: it is for emulators with self-signed certificates.
	Insecure bool
}

// Client is a Kinesis client that counts its bytes. Its calls share a connection,
// and one that gets no answer closes it: give each producer a client of its own.
type Client struct {
	*kinesis.Client
	sockets   sockets
	transport *http.Transport
}

// NewClient returns a client. It does not connect. The error names every field
// that is wrong.
func NewClient(cfg Config) (*Client, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("wire: "+format, args...)) }
	if cfg.Credentials == nil {
		bad("Config.Credentials is nil")
	}
	if cfg.Region == "" && cfg.Endpoint == "" {
		bad("neither Config.Region nor Config.Endpoint is set")
	}
	if cfg.Endpoint != "" {
		u, err := url.Parse(cfg.Endpoint)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			bad("Config.Endpoint = %q: not a URL such as https://127.0.0.1:4567", cfg.Endpoint)
		case cfg.Insecure && !OnLoopback(cfg.Endpoint):
			bad("Config.Insecure: %s is not on the loopback interface; set RootCAs to trust a certificate of your own", u.Hostname())
		}
	} else if cfg.Insecure {
		bad("Config.Insecure needs an Endpoint on the loopback interface")
	}
	if cfg.Protocol > JSON {
		bad("Config.Protocol = %d: neither CBOR nor JSON", cfg.Protocol)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}

	c := &Client{}
	dialer := &net.Dialer{Timeout: 15 * time.Second}
	c.transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return c.sockets.add(conn), nil
		},
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            cfg.RootCAs,
			InsecureSkipVerify: cfg.Insecure, //nolint:gosec // loopback only, checked above
			ClientSessionCache: tls.NewLRUClientSessionCache(4),
			Time:               certificateTime,
		},
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        2,
		MaxConnsPerHost:     2,
		IdleConnTimeout:     2 * time.Minute,
		TLSHandshakeTimeout: 20 * time.Second,
	}
	o := kinesis.Options{
		Region:      cfg.Region,
		Credentials: aws.NewCredentialsCache(cfg.Credentials),
		HTTPClient:  &http.Client{Transport: freshAfterFailure{c.transport, &c.sockets}},
	}
	if cfg.Endpoint != "" {
		o.BaseEndpoint = &cfg.Endpoint
	}
	var opts []func(*kinesis.Options)
	if cfg.Protocol == CBOR {
		opts = append(opts, WithCBOR)
	}
	c.Client = kinesis.New(o, opts...)
	return c, nil
}

// BytesUp returns the bytes written to sockets so far, TLS included; those of
// TCP and IP headers are not.
func (c *Client) BytesUp() uint64 { return c.sockets.up.Load() }

// BytesDown returns the bytes read from sockets so far, likewise.
func (c *Client) BytesDown() uint64 { return c.sockets.down.Load() }

// Close closes the idle connections. Calls made later open new ones.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// freshAfterFailure closes the connections when a call got no answer. An HTTP/2
// connection over a link that died silently would else be used, and time out,
// again and again.
type freshAfterFailure struct {
	*http.Transport
	sockets *sockets
}

func (t freshAfterFailure) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(r)
	if err != nil {
		t.sockets.closeAll()
	}
	return resp, err
}

// OnLoopback tells whether an endpoint's URL names this machine: localhost or a
// loopback address.
func OnLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// builtAt is a time that is certainly past: that of the commit the program was
// built from, or else of this file's.
var builtAt = func() time.Time {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil && s.Key == "vcs.time" && t.After(at) {
				at = t
			}
		}
	}
	return at
}()

// certificateTime is the time that certificates are checked against: a device
// without a battery for its clock starts in 1970, and would trust nobody.
func certificateTime() time.Time {
	if now := time.Now(); now.After(builtAt) {
		return now
	}
	return builtAt
}
