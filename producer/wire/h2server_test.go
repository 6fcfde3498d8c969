package wire

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// h2server is an HTTP/2 server that answers every PutRecords of one record with
// success, and does with its frames what a test says.
type h2server struct {
	url   string
	roots *x509.CertPool

	mu     sync.Mutex
	conns  int
	done   int // requests that were processed
	onHead func(c *h2conn, block []byte) verdict
}

// verdict is what becomes of a request when its headers are there.
type verdict int

const (
	process verdict = iota
	goAway          // orderly, without this one
	refuse          // of this one, as its headers cannot be read
	reset           // of this one alone
	vanish          // with the connection
)

type h2conn struct {
	net.Conn
	s      *h2server
	number int // of the connection, from 1
	heads  int // requests on it
	last   uint32
	skip   uint32
	going  bool
}

func newH2Server(t *testing.T) *h2server {
	// Its certificate is all that is wanted.
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	cert.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: cert.TLS.Certificates, NextProtos: []string{"h2"}})
	require.NoError(t, err)
	s := &h2server{url: "https://" + l.Addr().String(), roots: x509.NewCertPool()}
	s.roots.AddCert(cert.Certificate())
	var all sync.WaitGroup
	var open sync.Map
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, true)
			s.mu.Lock()
			s.conns++
			hc := &h2conn{Conn: c, s: s, number: s.conns}
			s.mu.Unlock()
			all.Go(func() {
				defer c.Close()
				_ = hc.serve()
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		all.Wait()
	})
	return s
}

func (s *h2server) judge(c *h2conn, block []byte) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.onHead(c, block)
}

func (s *h2server) set(onHead func(c *h2conn, block []byte) verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onHead = onHead
}

func (s *h2server) counts() (conns, done int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns, s.done
}

func (c *h2conn) write(kind, flags byte, stream uint32, payload []byte) error {
	f := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	_, err := c.Write(append(binary.BigEndian.AppendUint32(f, stream), payload...))
	return err
}

func (c *h2conn) goAway(last, code uint32) error {
	c.going = true
	return c.write(kindGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}

func (c *h2conn) serve() error {
	if _, err := io.ReadFull(c, make([]byte, len(preface))); err != nil {
		return err
	}
	if err := c.write(kindSettings, 0, 0, nil); err != nil {
		return err
	}
	for {
		head := make([]byte, frameHead)
		if _, err := io.ReadFull(c, head); err != nil {
			return err
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			return err
		}
		stream := binary.BigEndian.Uint32(head[5:])
		switch head[3] {
		case kindHeaders:
			if c.going && stream > c.last { // sent before it knew
				continue
			}
			c.heads++
			switch c.s.judge(c, payload) {
			case goAway:
				c.last = max(stream, 2) - 2
				if err := c.goAway(c.last, 0); err != nil {
					return err
				}
				continue
			case refuse:
				_ = c.goAway(c.last, errorCompression)
				return fmt.Errorf("refused")
			case reset:
				if err := c.write(kindReset, 0, stream, []byte{0, 0, 0, errorProtocol}); err != nil {
					return err
				}
				c.skip = stream
				continue
			case vanish:
				return fmt.Errorf("gone")
			}
			c.last = stream
		case kindData:
			if len(payload) > 0 { // give the window back
				if err := c.write(8, 0, 0, binary.BigEndian.AppendUint32(nil, uint32(len(payload)))); err != nil {
					return err
				}
			}
			if stream <= c.last && stream != c.skip && head[4]&flagEndStream != 0 {
				if err := c.answer(stream); err != nil {
					return err
				}
			}
		case kindSettings:
			if head[4]&flagAck == 0 {
				if err := c.write(kindSettings, flagAck, 0, nil); err != nil {
					return err
				}
			}
		}
	}
}

// answer says that the one record was stored.
func (c *h2conn) answer(stream uint32) error {
	c.s.mu.Lock()
	c.s.done++
	c.s.mu.Unlock()
	block := []byte{0x88} // :status 200
	for _, h := range [][2]string{{"content-type", cborType}, {"x-amzn-requestid", "1"}} {
		block = append(block, 0, byte(len(h[0])))
		block = append(append(block, h[0]...), byte(len(h[1])))
		block = append(block, h[1]...)
	}
	if err := c.write(kindHeaders, flagEndHeaders, stream, block); err != nil {
		return err
	}
	body := "\xa2\x71FailedRecordCount\x00\x67Records\x81\xa2\x6eSequenceNumber\x611\x67ShardId\x69shardId-0"
	return c.write(kindData, flagEndStream, stream, []byte(body))
}

// refersBack reports whether a block of headers uses the table that both ends keep.
func refersBack(block []byte) bool {
	for len(block) > 0 {
		bits, text := uint(7), 0
		switch b := block[0]; {
		case b&0x80 != 0:
		case b&0x40 != 0:
			bits, text = 6, 1
		case b&0x20 != 0:
			bits = 5
		default:
			bits, text = 4, 1
		}
		i, n := readInt(block, bits)
		block = block[n:]
		if bits != 5 && i > staticEntries {
			return true
		}
		if text > 0 && i == 0 {
			text++
		}
		for range text {
			block = block[stringLen(block):]
		}
	}
	return false
}
