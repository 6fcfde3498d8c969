package wire

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
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

const idleFor = time.Hour

// newTransport returns the transport of a client, whose connections are entered
// in s.
func newTransport(cfg Config, s *sockets) *http.Transport {
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAliveConfig: keepAlive}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return s.add(conn), nil
		},
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			CurvePreferences:   cfg.TLS.curves(),
			RootCAs:            cfg.RootCAs,
			InsecureSkipVerify: cfg.Insecure, //nolint:gosec // loopback only, NewClient has checked
			ClientSessionCache: tls.NewLRUClientSessionCache(4),
			Time:               certificateTime,
			// Small records first would be for a browser, which shows what has come.
			DynamicRecordSizingDisabled: true,
		},
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{}, // without pings, which are off by default
		DisableCompression:  true,                // of answers, which the service does not compress
		MaxIdleConns:        2,
		MaxConnsPerHost:     2,
		IdleConnTimeout:     idleFor,
		TLSHandshakeTimeout: 20 * time.Second,
	}
	compressHTTP2(t)
	return t
}

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
