package main

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// proxy passes TCP connections on and counts their bytes, as a meter on the link
// would: TLS included, TCP and IP headers not.
type proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	up, down, connections atomic.Int64

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// startProxy listens on a free port of the loopback interface.
func startProxy(target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &proxy{listener: l, target: target, open: map[net.Conn]bool{}}
	p.running.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.connections.Add(1)
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		if !p.keep(client, server) {
			return
		}
		p.running.Go(func() { p.pass(server, client, &p.up) })
		p.running.Go(func() { p.pass(client, server, &p.down) })
	}
}

// pass copies one way; a half that is closed is closed on the other side too.
func (p *proxy) pass(to, from net.Conn, count *atomic.Int64) {
	n, err := io.Copy(to, from)
	count.Add(n)
	if half, ok := to.(*net.TCPConn); ok && err == nil {
		_ = half.CloseWrite()
		return
	}
	to.Close()
	from.Close()
}

func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			c.Close()
			continue
		}
		p.open[c] = true
	}
	return !p.closed
}

// close ends all connections. The counts are complete when it returns.
func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}
