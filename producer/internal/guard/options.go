package guard

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// Guard keeps what has to be known from one call to the next.
type Guard struct {
	mu    sync.Mutex
	creds *Credentials
}

// New returns a Guard.
func New() *Guard { return &Guard{} }

// Options puts the guard into the options of a client, or of one call. What has a
// guard already stays as it is.
func (g *Guard) Options(o *kinesis.Options) {
	if _, has := o.HTTPClient.(*Client); !has {
		o.HTTPClient = NewClient(o.HTTPClient)
	}
	o.Credentials = g.credentials(o.Credentials)
	o.APIOptions = append(slices.Clip(o.APIOptions), addMiddleware)
}

// credentials returns a provider with a deadline, the same for all calls.
func (g *Guard) credentials(p aws.CredentialsProvider) aws.CredentialsProvider {
	if _, has := p.(*Credentials); has || p == nil {
		return p
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.creds == nil {
		// It keeps nothing: a client has a cache of its own, which is told when
		// credentials have become bad.
		g.creds = &Credentials{provider: p}
	}
	return g.creds
}

const middlewareID = "RivuletGuard"

func addMiddleware(s *middleware.Stack) error {
	if _, has := s.Initialize.Get(middlewareID); has {
		return nil
	}
	if err := s.Initialize.Add(middleware.InitializeMiddlewareFunc(middlewareID, follow), middleware.Before); err != nil {
		return err
	}
	return s.Finalize.Add(middleware.FinalizeMiddlewareFunc(middlewareID, note), middleware.After)
}

// sendingKey is the key of a stack value: the *sending of the call under way.
type sendingKey struct{}

func sendingOf(ctx context.Context) *sending {
	s, _ := middleware.GetStackValue(ctx, sendingKey{}).(*sending)
	return s
}

// follow stands before everything that can fail, and says of a call that did
// whether it was sent.
func follow(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	s := &sending{}
	ctx = middleware.WithStackValue(httptrace.WithClientTrace(ctx, s.trace()), sendingKey{}, s)
	out, meta, err := next.HandleInitialize(ctx, in)
	if err != nil && !s.sent() {
		err = &failure.NotSent{Begun: s.begun.Load(), Handshake: s.shakes.Load() && !s.got.Load(), Err: err}
	}
	return out, meta, err
}

// note takes the body of a request when it is signed and will not change any more.
func note(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	if s, req := sendingOf(ctx), (*smithyhttp.Request)(nil); s != nil {
		if req, _ = in.Request.(*smithyhttp.Request); req != nil {
			s.take(req.GetStream())
		}
	}
	return next.HandleFinalize(ctx, in)
}

// Doer is an HTTP client, as the SDK takes one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client is an HTTP client that trusts nobody.
type Client struct {
	// Unverified says that https is as good as no TLS, since certificates are not
	// checked.
	Unverified bool

	inner  Doer
	replay bool // requests may be sent again without being redirected
}

// NewClient returns a Client around another.
func NewClient(inner Doer) *Client {
	c := &Client{inner: inner}
	if h, ok := inner.(*http.Client); ok {
		still := *h
		still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		c.inner, c.replay = &still, true
	}
	// The SDK's own client follows a 307 only with a body that it can get again, which it
	// is not given here. Of others it is known only afterwards where they have been.
	return c
}

// Do sends a request and returns an answer of Kinesis, read and looked through.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	if err := c.inClear(r); err != nil {
		return nil, err
	}
	s := sendingOf(r.Context())
	if s != nil {
		s.attach(r, c.replay)
	}
	resp, err := c.inner.Do(r)
	if err != nil {
		return resp, err
	}
	if err := look(r, resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}
