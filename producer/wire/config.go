package wire

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rivulet-iot/rivulet/producer/internal/guard"
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
	// VPC endpoint. Plain http:// is for emulators: it is refused unless the host is
	// on the loopback interface, or Insecure is set.
	Endpoint string
	// FIPS takes the region's endpoint that is validated under FIPS 140. Default:
	// whether AWS_USE_FIPS_ENDPOINT is true. With an Endpoint it is an error, and the
	// variable counts for nothing.
	FIPS bool
	// DualStack takes the region's endpoint that has an IPv6 address too. Default:
	// whether AWS_USE_DUALSTACK_ENDPOINT is true. With an Endpoint likewise.
	DualStack bool
	// Proxy is the URL of a proxy, such as "http://user:password@10.0.0.1:3128", https:// or
	// socks5://. Default: what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.
	Proxy string
	// Credentials sign the calls. They are kept until they expire; asking for them
	// may take 15 seconds, and is then tried again by the next call.
	Credentials aws.CredentialsProvider
	// Protocol is how bodies are written. Default: CBOR.
	Protocol Protocol
	// TLS is which keys a full handshake exchanges. Default: PostQuantum; Compact
	// saves 2.3 KB of each, and is not safe from those who store what they cannot
	// read yet.
	TLS TLS
	// RootCAs are trusted instead of the system's, if not nil. [RootCAs] reads them.
	RootCAs *x509.CertPool
	// Insecure accepts any certificate, and http://. It is for emulators, on this
	// machine or in a container beside it, and is refused for endpoints of AWS. Off
	// the loopback interface calls with a session token then fail, as anybody on the
	// way could read it.
	Insecure bool
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Endpoint == "" {
		c.FIPS = c.FIPS || strings.EqualFold(os.Getenv("AWS_USE_FIPS_ENDPOINT"), "true")
		c.DualStack = c.DualStack || strings.EqualFold(os.Getenv("AWS_USE_DUALSTACK_ENDPOINT"), "true")
	}
	return c
}

// validate returns one error that names every field that is wrong.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("wire: "+format, args...)) }
	if c.Credentials == nil {
		bad("Config.Credentials is nil")
	}
	if c.Region == "" && c.Endpoint == "" {
		bad("neither Config.Region nor Config.Endpoint is set")
	}
	if c.Endpoint != "" {
		c.validateEndpoint(bad)
	} else if c.Insecure {
		bad("Config.Insecure needs an Endpoint, of an emulator")
	}
	if c.Proxy != "" {
		u, err := url.Parse(c.Proxy)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" || u.Host == "" {
			bad("Config.Proxy: not a URL such as http://10.0.0.1:3128, https:// or socks5://") // it may hold a password
		}
	}
	if c.Protocol > JSON {
		bad("Config.Protocol = %d: neither CBOR nor JSON", c.Protocol)
	}
	if c.TLS > Compact {
		bad("Config.TLS = %d: neither PostQuantum nor Compact", c.TLS)
	}
	return errors.Join(errs...)
}

func (c Config) validateEndpoint(bad func(string, ...any)) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		bad("Config.Endpoint = %q: not a URL such as https://127.0.0.1:4567", c.Endpoint)
		return
	}
	host := u.Hostname()
	switch {
	case ofAWS(host) && (c.Insecure || u.Scheme == "http"):
		bad("Config.Endpoint = %q: an endpoint of AWS is called by https://, and without Insecure", c.Endpoint)
	case u.Scheme == "http" && !c.Insecure && !guard.Loopback(host):
		bad("Config.Endpoint = %q: http:// is for the loopback interface; use https://, or set Insecure if it is an emulator", c.Endpoint)
	}
	if c.FIPS {
		bad("Config.FIPS = true: with an Endpoint, name the FIPS endpoint itself")
	}
	if c.DualStack {
		bad("Config.DualStack = true: with an Endpoint, name the dual-stack endpoint itself")
	}
}

// ofAWS reports whether a host is one of AWS's own.
func ofAWS(host string) bool {
	for _, domain := range []string{"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "api.amazonwebservices.com.cn"} {
		if h := strings.TrimSuffix(strings.ToLower(host), "."); h == domain || strings.HasSuffix(h, "."+domain) {
			return true
		}
	}
	return false
}

// RootCAs reads a file of certificates in PEM, for Config.RootCAs: those of a proxy
// that inspects TLS, or of a server of one's own. The system's are trusted too.
func RootCAs(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("wire: %q holds no certificate in PEM", file)
	}
	return pool, nil
}

// OnLoopback reports whether an endpoint's URL names this machine: localhost or a
// loopback address.
func OnLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && guard.Loopback(u.Hostname())
}
