package wire

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/rivulet-iot/rivulet/producer/internal/guard"
)

// Client is a Kinesis client that counts its bytes. Its calls share a connection,
// and one that gets no answer closes it: give each producer a client of its own.
type Client struct {
	*kinesis.Client
	sockets     sockets
	clock       clock
	compression compression
	insecure    bool
	transport   *transport
	plainMade   atomic.Bool
}

// NewClient returns a client. It does not connect. The error names every field
// that is wrong.
func NewClient(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	c := &Client{insecure: cfg.Insecure}
	c.transport = &transport{Client: c, sparing: newTransport(cfg, c, true)}
	c.transport.plain = sync.OnceValue(func() *http.Transport {
		c.plainMade.Store(true)
		return newTransport(cfg, c, false)
	})

	inner := guard.NewClient(&http.Client{Transport: c.transport})
	inner.Unverified = cfg.Insecure
	o := kinesis.Options{
		Region:       cfg.Region,
		Credentials:  guard.Cached(cfg.Credentials),
		HTTPClient:   inner,
		HTTPSignerV4: sparingSigner{v4.NewSigner(), &c.clock},
	}
	if cfg.Endpoint != "" {
		o.BaseEndpoint = &cfg.Endpoint
	}
	if cfg.FIPS {
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if cfg.DualStack {
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	c.Client = kinesis.New(o, guard.New().Options, func(o *kinesis.Options) {
		withEconomies(o, &economies{never: form{json: cfg.Protocol == JSON}})
	})
	return c, nil
}

// BytesUp returns the bytes written to sockets so far, TLS included; those of
// TCP and IP headers are not.
func (c *Client) BytesUp() uint64 { return c.sockets.up.Load() }

// BytesDown returns the bytes read from sockets so far, likewise.
func (c *Client) BytesDown() uint64 { return c.sockets.down.Load() }

// LearnTime tells the client a time that is certainly past, such as TrustedTime of an
// earlier run: certificates are then checked as of no earlier time, and the first
// call is signed with no earlier one. A certificate that has expired by it is tried
// by the device's own clock too. It is never lowered by a call; a time more than
// twenty years after the program was built is not taken.
func (c *Client) LearnTime(t time.Time) { c.clock.learn(t) }

// TrustedTime returns the latest time named by an answer whose sender proved, by a
// certificate, who it is: the zero time before the first. Keep it, and give it to
// LearnTime at the next start: then a device whose clock stands at 1970 accepts a certificate
// that was issued after its program was built.
func (c *Client) TrustedTime() time.Time {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.trusted
}

// Close closes the idle connections. Calls made later open new ones.
func (c *Client) Close() {
	c.transport.sparing.CloseIdleConnections()
	if c.plainMade.Load() {
		c.transport.plain().CloseIdleConnections()
	}
}
