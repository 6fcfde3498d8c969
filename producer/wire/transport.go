package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// A connection is kept for as long as that is cheaper than a new one, which costs
// 4.5 KB both ways when the session is resumed, 2.2 KB of it with Compact (the
// session token is sent anew), and more with a chain of certificates when it is
// not. A TCP keep-alive probe and its answer are 104 bytes of headers, and the
// radio awake. Go's default, a probe every 15 seconds, would cost 300 KB a day
// between flushes of half a minute. Here none is sent while there is a flush every
// four minutes, and what is idle for an hour is closed after 14 probes, 1.5 KB.
//
// Four minutes are less than the least that is known to be in the way: 350 s of
// AWS's load balancers, VPC endpoints and NAT gateways
// (https://aws.amazon.com/blogs/networking-and-content-delivery/implementing-long-running-tcp-connections-within-vpc-networking/),
// and 270 s of one mobile operator
// (https://blog.wirelessmoves.com/2020/09/carrier-grade-nat-timeouts-and-how-to-configure-your-xmpp-server.html).
// How long Kinesis itself keeps an idle connection is not documented; if it
// closes one, the next call makes another.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 4 * time.Minute, Interval: 15 * time.Second, Count: 4}

const (
	idleFor = time.Hour
	// mostHeader is how large the headers of an answer may be; AWS's have 300 bytes.
	mostHeader = 64 << 10
)

// newTransport returns a transport of a client, whose sockets it enters. Without
// compress, headers are compressed by net/http.
func newTransport(cfg Config, c *Client, compress bool) *http.Transport {
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAliveConfig: keepAlive}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return c.sockets.add(conn), nil
		},
		OnProxyConnectResponse: proxyAnswered,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			CurvePreferences:   cfg.TLS.curves(),
			RootCAs:            cfg.RootCAs,
			InsecureSkipVerify: cfg.Insecure, //nolint:gosec // for emulators, and without a session token
			ClientSessionCache: tls.NewLRUClientSessionCache(4),
			Time:               c.clock.certificates,
			// Small records first would be for a browser, which shows what has come.
			DynamicRecordSizingDisabled: true,
		},
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{}, // without pings, which are off by default
		DisableCompression:     true,                // of answers, which the service does not compress
		MaxIdleConns:           2,
		MaxConnsPerHost:        2,
		MaxResponseHeaderBytes: mostHeader,
		IdleConnTimeout:        idleFor,
		TLSHandshakeTimeout:    20 * time.Second,
	}
	if cfg.Proxy != "" {
		proxy, err := url.Parse(cfg.Proxy) // NewClient has checked it
		t.Proxy = func(*http.Request) (*url.URL, error) { return proxy, err }
	}
	if compress {
		compressHTTP2(t, &c.compression)
	}
	return t
}

// proxyAnswered turns a proxy's refusal of CONNECT into an error that says so.
func proxyAnswered(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &failure.Error{Code: failure.CodeForConnect(resp.StatusCode),
		Err: fmt.Errorf("wire: the proxy %s answers CONNECT with status %d", proxy.Host, resp.StatusCode)}
}

// transport is the way to the network of a client.
type transport struct {
	*Client
	sparing *http.Transport
	plain   func() *http.Transport // made when it is needed first
}

// RoundTrip closes the connections when a call got no answer. An HTTP/2 connection
// over a link that died silently would else be used, and time out, again and again.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	via := t.sparing
	if formOf(r.Context()).plain || t.compression.stands() {
		via = t.plain()
	}
	resp, err := via.RoundTrip(r)
	if err != nil && via == t.sparing && neverRead(err) {
		t.compression.set(refusedFor)
		via = t.plain()
		resp, err = again(via, r, err)
	}
	if err != nil && t.clock.doubt(err) {
		resp, err = again(via, r, err)
	}
	if err != nil {
		t.sockets.closeAll()
		return nil, err
	}
	if !t.insecure {
		t.clock.answered(resp.Header.Get("Date"), resp.TLS)
	}
	resp.Body = &answerBody{resp.Body, &t.sockets}
	return resp, nil
}

// answerBody closes the connections when an answer stops in the middle.
type answerBody struct {
	io.ReadCloser
	sockets *sockets
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.sockets.closeAll()
	}
	return n, err
}

// again sends a request once more whose first try nobody looked at.
func again(t *http.Transport, r *http.Request, because error) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			return nil, because
		}
		body, err := r.GetBody()
		if err != nil {
			return nil, because
		}
		copied := *r
		copied.Body = body
		r = &copied
	}
	return t.RoundTrip(r)
}

// neverRead reports whether a call failed because of its compressed headers: we could
// not write them, or the peer could not read them. net/http sends it again by itself but on a connection
// that is new.
func neverRead(err error) bool {
	return errors.Is(err, errHPACK) || strings.Contains(err.Error(), "received GOAWAY from server ErrCode:COMPRESSION_ERROR") ||
		strings.Contains(err.Error(), "received GOAWAY from server ErrCode:PROTOCOL_ERROR")
}
