package wire

import (
	"net"
	"sync"
	"sync/atomic"
)

// sockets are the open connections of a client, and what has passed them all,
// below TLS.
type sockets struct {
	up, down atomic.Uint64

	mu   sync.Mutex
	open map[*socket]bool
}

func (s *sockets) add(conn net.Conn) *socket {
	c := &socket{Conn: conn, of: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*socket]bool{}
	}
	s.open[c] = true
	return c
}

func (s *sockets) closeAll() {
	s.mu.Lock()
	var all []*socket
	for c := range s.open {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
}

type socket struct {
	net.Conn
	of *sockets
}

func (c *socket) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.of.down.Add(uint64(n))
	return n, err
}

func (c *socket) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.of.up.Add(uint64(n))
	return n, err
}

func (c *socket) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
