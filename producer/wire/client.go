package wire

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
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
	// TLS is which keys a full handshake exchanges. Default: PostQuantum; Compact
	// saves 2.3 KB of each, and is not safe from those who store what they cannot
	// read yet.
	TLS TLS
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
	if cfg.TLS > Compact {
		bad("Config.TLS = %d: neither PostQuantum nor Compact", cfg.TLS)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}

	c := &Client{}
	c.transport = newTransport(cfg, &c.sockets)
	o := kinesis.Options{
		Region:       cfg.Region,
		Credentials:  aws.NewCredentialsCache(cfg.Credentials),
		HTTPClient:   &http.Client{Transport: freshAfterFailure{c.transport, &c.sockets}},
		HTTPSignerV4: sparingSigner{v4.NewSigner()},
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
