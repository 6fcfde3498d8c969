package guard

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// sending follows one request on its way to the network.
//
// What counts is whether the last byte of it was written: the request's signature
// covers the hash of the body, so nobody can act on a part.
type sending struct {
	data []byte // the body; nil: none, or it is not in memory

	handed atomic.Bool  // to the HTTP client
	traced atomic.Bool  // the HTTP client says what it does
	got    atomic.Bool  // a connection
	shakes atomic.Bool  // a TLS handshake was begun for one
	begun  atomic.Bool  // some of the body was read
	read   atomic.Bool  // all of it
	wrote  atomic.Int32 // how writing it ended
}

// How writing a request ended.
const (
	writing int32 = iota
	written
	writeFailed
)

// sent reports whether the request may have been written to its end.
func (s *sending) sent() bool {
	switch {
	case !s.handed.Load(), s.traced.Load() && !s.got.Load(), !s.read.Load():
		return false
	}
	return s.wrote.Load() != writeFailed
}

// trace follows the attempts that net/http makes by itself. It makes another only
// if the one before was certainly not looked at, so the last one counts.
func (s *sending) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			s.traced.Store(true)
			s.got.Store(false)
			s.wrote.Store(writing)
		},
		TLSHandshakeStart: func() { s.shakes.Store(true) },
		GotConn: func(httptrace.GotConnInfo) {
			s.got.Store(true)
			s.wrote.Store(writing)
		},
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err != nil {
				s.wrote.Store(writeFailed)
			} else {
				s.wrote.Store(written)
			}
		},
	}
}

// take keeps the bytes of a body, without a copy.
func (s *sending) take(stream io.Reader) {
	s.data = nil
	r, ok := stream.(*bytes.Reader)
	if !ok {
		return
	}
	begin, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return
	}
	_, err = r.WriteTo(writerFunc(func(b []byte) { s.data = b }))
	if _, back := r.Seek(begin, io.SeekStart); err != nil || back != nil {
		s.data = nil
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

// attach puts itself between a request and its body. With replay the body can be had
// again, for a connection that turns out to be going away.
func (s *sending) attach(r *http.Request, replay bool) {
	s.traced.Store(false)
	s.got.Store(false)
	s.shakes.Store(false)
	s.begun.Store(false)
	s.wrote.Store(writing)
	s.read.Store(r.Body == nil || r.Body == http.NoBody)
	s.handed.Store(true)
	if s.read.Load() {
		return
	}
	if s.data == nil {
		r.Body = &body{ReadCloser: r.Body, s: s, left: r.ContentLength}
		return
	}
	again := func() (io.ReadCloser, error) {
		s.begun.Store(false)
		s.read.Store(false)
		return &body{ReadCloser: io.NopCloser(bytes.NewReader(s.data)), s: s, left: int64(len(s.data))}, nil
	}
	r.Body, _ = again()
	if replay {
		r.GetBody = again
	}
}

// body notes how much of it was read.
type body struct {
	io.ReadCloser
	s    *sending
	left int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.s.begun.Store(true)
	}
	if b.left -= int64(n); b.left == 0 || err == io.EOF {
		b.s.read.Store(true)
	}
	return n, err
}
