package wire

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// HTTP/2 frames, RFC 9113 section 4.1.
const (
	frameHead = 9
	preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	kindData, kindHeaders, kindReset, kindSettings, kindGoAway, kindContinuation = 0, 1, 3, 4, 7, 9

	flagEndStream, flagAck, flagEndHeaders = 1, 1, 4
	flagsUnknown                           = 0x8 | 0x20 // of HEADERS: padding, priority
	settingTableSize                       = 1
	errorProtocol, errorCompression        = 1, 9
)

// The most, in bytes and time, that waits for more to share a TLS record with: a
// record costs 22 bytes, and the packet that it travels in 40 to 60.
const (
	mostHeld = 16 << 10
	holdFor  = 10 * time.Millisecond
)

// sparingConn is an HTTP/2 connection on its way from net/http to TLS. It
// compresses headers better, and writes a request as one.
type sparingConn struct {
	*tls.Conn
	failed *atomic.Bool // set when the frames are not as expected
	peers  *compression // what is known of those who read the headers
	off    atomic.Bool  // headers go as net/http wrote them

	mu      sync.Mutex
	started bool   // the preface has passed
	partial []byte // the beginning of a frame
	held    []byte
	timer   *time.Timer // for what is held
	table   headerTable

	waiting   atomic.Bool  // headers that refer to the table are not answered yet
	peerTable atomic.Int32 // what the peer's may have, by its settings
	peer      frameReader
}

// compression is what is known of how peers take our compression of headers.
type compression struct {
	refusal
	// unanswered counts connections, one after the other, that the peer closed without a
	// word when headers had referred to the table: some refuse that way.
	unanswered atomic.Int32
}

// mostUnanswered is how often that may be an accident.
const mostUnanswered = 2

// compressHTTP2 puts a sparingConn into each HTTP/2 connection that a transport
// makes. net/http has a way to be given a connection that is not TLS itself, with
// which golang.org/x/net/http2 implements its unencrypted HTTP/2; should a later
// version not have it, HTTP/2 stays as it is.
func compressHTTP2(t *http.Transport, peers *compression) {
	t.CloseIdleConnections() // sets HTTP/2 up
	given, plain := t.TLSNextProto["unencrypted_http2"], t.TLSNextProto["h2"]
	if given == nil || plain == nil {
		return
	}
	// Too small for any entry: all fields come as they are.
	t.HTTP2.MaxEncoderHeaderTableSize = 1
	failed := new(atomic.Bool)
	t.TLSNextProto["h2"] = func(authority string, c *tls.Conn) http.RoundTripper {
		if failed.Load() || peers.stands() {
			return plain(authority, c)
		}
		s := &sparingConn{Conn: c, failed: failed, peers: peers, table: newHeaderTable(tableSize)}
		s.peerTable.Store(tableSize)
		return given(authority, tls.Client(unencrypted{Conn: c, inner: s}, nil))
	}
}

// unencrypted hands a connection over in the way of golang.org/x/net/http2.
type unencrypted struct {
	net.Conn
	inner net.Conn
}

func (u unencrypted) UnencryptedNetConn() net.Conn { return u.inner }

// Write takes frames, whole or in parts.
func (c *sparingConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partial = append(c.partial, b...)
	in := c.partial
	if !c.started {
		if len(in) < len(preface) {
			return len(b), nil
		}
		if !bytes.HasPrefix(in, []byte(preface)) {
			return 0, c.unexpected()
		}
		c.started = true
		c.held, in = append(c.held, preface...), in[len(preface):]
	}
	urgent := false
	for len(in) >= frameHead {
		size := frameHead + int(in[0])<<16 + int(in[1])<<8 + int(in[2])
		if len(in) < size {
			break
		}
		if err := c.frame(in[:size]); err != nil {
			return 0, err
		}
		kind, flags := in[3], in[4]
		urgent = urgent || (kind == kindData || kind == kindHeaders) && flags&flagEndStream != 0
		in = in[size:]
	}
	c.partial = append(c.partial[:0], in...)
	if !urgent && len(c.held) < mostHeld {
		if c.timer == nil && len(c.held) > 0 {
			c.timer = time.AfterFunc(holdFor, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				_ = c.flush() // the next Write fails too
			})
		}
		return len(b), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// frame adds a frame to what is held.
func (c *sparingConn) frame(f []byte) (err error) {
	begin := len(c.held)
	c.held = append(c.held, f[:frameHead]...)
	switch kind, flags := f[3], f[4]; {
	case c.off.Load():
		c.held = append(c.held, f[frameHead:]...)
	case kind == kindHeaders && flags&flagEndHeaders != 0 && flags&flagsUnknown == 0:
		// net/http has acknowledged the settings it has seen, and we saw them before.
		c.table.resize(int(c.peerTable.Load()))
		if c.held, err = c.table.compress(c.held, f[frameHead:]); err != nil {
			return c.unexpected()
		}
		if c.table.referred {
			c.waiting.Store(true)
		}
		n := len(c.held) - begin - frameHead // no more than it was
		c.held[begin], c.held[begin+1], c.held[begin+2] = byte(n>>16), byte(n>>8), byte(n)
	case kind == kindHeaders, kind == kindContinuation: // a header of more than 16 KiB
		return c.unexpected()
	default:
		c.held = append(c.held, f[frameHead:]...)
	}
	return nil
}

// unexpected gives the connection up, and the compression of later ones.
func (c *sparingConn) unexpected() error {
	c.failed.Store(true)
	return errHPACK
}

func (c *sparingConn) flush() error {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if len(c.held) == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.held)
	if c.held = c.held[:0]; cap(c.held) > mostHeld {
		c.held = nil
	}
	return err
}

// Read looks for the size of the table in the settings that pass, and for a refusal. The
// least that a peer ever allowed counts: it may be raised only after it was acknowledged.
func (c *sparingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.peer.read(b[:n], func(limit int) { c.peerTable.Store(min(c.peerTable.Load(), int32(limit))) }, c.refused)
	switch {
	case n > 0 && c.waiting.CompareAndSwap(true, false):
		c.peers.unanswered.Store(0)
	case err != nil && !errors.Is(err, net.ErrClosed) && c.waiting.CompareAndSwap(true, false):
		if c.peers.unanswered.Add(1) >= mostUnanswered {
			c.peers.unanswered.Store(0)
			c.peers.set(refusedFor)
		}
	}
	return n, err
}

// refused is told why a peer ends a connection, or a request. Whatever else may break
// the protocol is net/http's own, so it is the headers.
func (c *sparingConn) refused(code uint32) {
	if code == errorProtocol || code == errorCompression {
		c.off.Store(true)
		c.peers.set(refusedFor)
	}
}

// frameReader follows the frames that come in.
type frameReader struct {
	part [frameHead]byte // of a frame's head, or of what is read of its payload
	n    int
	left int // of the frame's payload
	want int // bytes at a time that are read of it; 0: it is passed over
	kind byte
}

func (f *frameReader) read(b []byte, tableSize func(int), refused func(code uint32)) {
	for len(b) > 0 {
		if f.left == 0 {
			k := copy(f.part[f.n:], b)
			if f.n, b = f.n+k, b[k:]; f.n == frameHead {
				f.head()
			}
			continue
		}
		k := min(f.left, len(b))
		if f.want > 0 {
			k = min(k, f.want-f.n)
			f.n += copy(f.part[f.n:], b[:k])
		}
		f.left, b = f.left-k, b[k:]
		if f.want > 0 && f.n == f.want {
			f.n = 0
			switch f.kind {
			case kindSettings:
				if f.part[0] == 0 && f.part[1] == settingTableSize {
					tableSize(int(min(binary.BigEndian.Uint32(f.part[2:]), 1<<20)))
				}
			case kindGoAway:
				f.want = 0 // what follows is text
				refused(binary.BigEndian.Uint32(f.part[4:]))
			case kindReset:
				refused(binary.BigEndian.Uint32(f.part[:]))
			}
		}
		if f.left == 0 {
			f.n = 0
		}
	}
}

// head begins a frame.
func (f *frameReader) head() {
	f.n, f.left, f.want = 0, int(f.part[0])<<16+int(f.part[1])<<8+int(f.part[2]), 0
	switch f.kind = f.part[3]; {
	case f.kind == kindSettings && f.part[4]&flagAck == 0:
		f.want = 6 // a setting
	case f.kind == kindGoAway:
		f.want = 8 // the last stream and the reason
	case f.kind == kindReset:
		f.want = 4 // the reason
	}
}
