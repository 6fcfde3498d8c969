package kinesistest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffered is how much one direction of a connection in memory holds before
// Write waits, as a socket buffer does. net.Pipe holds nothing, and there a
// server may answer before the client's Write has returned; that upsets HTTP/1
// clients which close the request body when the reply comes.
const pipeBuffered = 64 << 10

// newPipe returns the two ends of a connection.
func newPipe() (net.Conn, net.Conn) {
	a, b := newPipeHalf(), newPipeHalf()
	return &pipeConn{in: a, out: b}, &pipeConn{in: b, out: a}
}

// pipeConn is one end of a connection.
type pipeConn struct{ in, out *pipeHalf }

func (c *pipeConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *pipeConn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close lets the other end read what was written, and then io.EOF.
func (c *pipeConn) Close() error {
	c.in.update(func(h *pipeHalf) { h.readerGone = true })
	c.out.update(func(h *pipeHalf) { h.writerGone = true })
	return nil
}

func (c *pipeConn) LocalAddr() net.Addr  { return pipeAddr{} }
func (c *pipeConn) RemoteAddr() net.Addr { return pipeAddr{} }

func (c *pipeConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *pipeConn) SetReadDeadline(t time.Time) error {
	c.in.update(func(h *pipeHalf) { h.reader.set(h, t) })
	return nil
}

func (c *pipeConn) SetWriteDeadline(t time.Time) error {
	c.out.update(func(h *pipeHalf) { h.writer.set(h, t) })
	return nil
}

// pipeHalf is one direction of a connection.
type pipeHalf struct {
	mu                     sync.Mutex
	changed                sync.Cond // with mu
	buf                    []byte
	readerGone, writerGone bool
	reader, writer         deadline
}

func newPipeHalf() *pipeHalf {
	h := &pipeHalf{}
	h.changed.L = &h.mu
	return h
}

// update changes the direction, and wakes those who wait on it. When an end is
// gone, its timer goes too.
func (h *pipeHalf) update(change func(*pipeHalf)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
	if h.readerGone {
		h.reader.stop()
	}
	if h.writerGone {
		h.writer.stop()
	}
	h.changed.Broadcast()
}

func (h *pipeHalf) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readerGone:
			return 0, net.ErrClosed
		case h.reader.expired:
			return 0, os.ErrDeadlineExceeded
		case len(h.buf) > 0 || len(p) == 0:
			n := copy(p, h.buf)
			if h.buf = h.buf[n:]; len(h.buf) == 0 {
				h.buf = nil
			}
			h.changed.Broadcast()
			return n, nil
		case h.writerGone:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (h *pipeHalf) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.writerGone:
			return n, net.ErrClosed
		case h.readerGone:
			return n, io.ErrClosedPipe
		case h.writer.expired:
			return n, os.ErrDeadlineExceeded
		case len(p) == 0:
			return n, nil
		}
		if room := pipeBuffered - len(h.buf); room > 0 {
			chunk := p[:min(room, len(p))]
			h.buf = append(h.buf, chunk...)
			n += len(chunk)
			p = p[len(chunk):]
			h.changed.Broadcast()
			continue
		}
		h.changed.Wait()
	}
}

// deadline is a deadline of one end; the mutex of its direction guards it.
type deadline struct {
	expired bool
	timer   *time.Timer
	turn    uint64 // counts changes, so that a late timer is known as such
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) set(h *pipeHalf, t time.Time) {
	d.stop()
	d.turn++
	d.expired = !t.IsZero() && !t.After(time.Now())
	if t.IsZero() || d.expired {
		return
	}
	turn := d.turn
	d.timer = time.AfterFunc(time.Until(t), func() {
		h.update(func(*pipeHalf) { d.expired = d.expired || d.turn == turn })
	})
}
