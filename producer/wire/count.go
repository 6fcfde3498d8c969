package wire

import (
	"net"
	"sync/atomic"
)

type counter struct{ up, down atomic.Uint64 }

// countedConn counts what passes a socket, below TLS.
type countedConn struct {
	net.Conn
	counter *counter
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.counter.down.Add(uint64(n))
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.counter.up.Add(uint64(n))
	return n, err
}
