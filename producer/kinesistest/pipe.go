package kinesistest

import (
	"context"
	"net"
	"sync"
)

// PipeListener is a listener in memory: Dial gives one end of a connection,
// Accept the other; each direction buffers 64 KiB. Goroutines that wait on it are
// durably blocked, so a server and its clients run in a testing/synctest bubble,
// where a month offline passes at once:
//
//	synctest.Test(t, func(t *testing.T) {
//		l := kinesistest.NewPipeListener()
//		srv, err := kinesistest.Start(kinesistest.Config{Listener: l})
//		...
//	})
//
// [Server.HTTPClient] and [Server.Client] of such a server dial it by
// themselves; other HTTP clients need Dial as their DialContext. Make it, the
// server and the clients inside the bubble.
type PipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewPipeListener returns a listener in memory.
func NewPipeListener() *PipeListener {
	return &PipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Dial connects to the listener. It waits until the server accepts, ctx ends or
// the listener closes. Network and address are ignored, so that it fits
// http.Transport.DialContext.
func (l *PipeListener) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr{}, Err: err}
	}
	select {
	case <-l.done:
		return fail(net.ErrClosed)
	default:
	}
	client, server := newPipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return fail(ctx.Err())
	case <-l.done:
		return fail(net.ErrClosed)
	}
}

// Accept waits for the next connection, until Close.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial. Connections stay. It returns nil.
func (l *PipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr returns an address of the network "pipe", named localhost.
func (l *PipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "localhost" }
