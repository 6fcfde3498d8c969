package wire

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (s *h2server) client(t *testing.T) *Client {
	c, err := NewClient(Config{Endpoint: s.url, RootCAs: s.roots, Credentials: session(900)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// TestGoAwayLosesNoCall: a connection is going away while requests are under way on it,
// of which the server says that it has not looked at them.
func TestGoAwayLosesNoCall(t *testing.T) {
	s := newH2Server(t)
	heads := 0
	s.set(func(*h2conn, []byte) verdict {
		if heads++; heads%10 == 0 {
			return goAway
		}
		return process
	})
	c := s.client(t)
	const calls = 302
	var failed atomic.Int32
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for i := range calls / 2 {
				size := 300
				if i%7 == 0 {
					size = 60_000 // under way for longer
				}
				if err := putOne(c, size); err != nil {
					t.Log(err)
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.Zero(t, failed.Load())
	conns, done := s.counts()
	require.Equal(t, calls, done, "each was processed once")
	require.Greater(t, conns, 20)
	require.False(t, c.compression.stands(), "it was not about the headers")
}

// TestOurCompressionHasAWayBack: a server that cannot read headers which refer back
// says so in one of the ways that there are. The call goes through all the same, and
// for an hour net/http compresses.
func TestOurCompressionHasAWayBack(t *testing.T) {
	for name, judge := range map[string]func(c *h2conn, block []byte) verdict{
		"the connection, from the first request on": func(c *h2conn, _ []byte) verdict {
			if c.number == 1 {
				return refuse
			}
			return process
		},
		"the connection, once they refer back": func(c *h2conn, block []byte) verdict {
			if c.number == 1 && refersBack(block) {
				return refuse
			}
			return process
		},
		"the request": func(c *h2conn, block []byte) verdict {
			if c.number == 1 && refersBack(block) {
				return reset
			}
			return process
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newH2Server(t)
			s.set(judge)
			c := s.client(t)
			const calls = 20
			for i := range calls {
				require.NoError(t, putOne(c, 300), "call %d", i)
			}
			conns, done := s.counts()
			require.Equal(t, calls, done)
			require.LessOrEqual(t, conns, 3)
			require.True(t, c.compression.stands())
			require.WithinDuration(t, time.Now().Add(time.Hour), c.compression.until, time.Minute)
			c.Close()
			c.compression.set(0) // an hour later
			s.set(func(c *h2conn, block []byte) verdict {
				if refersBack(block) && c.number == conns+1 {
					return refuse
				}
				return process
			})
			for range 3 {
				require.NoError(t, putOne(c, 300))
			}
			require.True(t, c.compression.stands(), "it was tried again")
		})
	}
}

// TestASilentRefusalOfOurCompression: the connection just ends. What becomes of the
// request is not known, so the call fails; after two of them it is net/http's turn.
func TestASilentRefusalOfOurCompression(t *testing.T) {
	s := newH2Server(t)
	s.set(func(c *h2conn, block []byte) verdict {
		if c.number <= 2 && refersBack(block) {
			return vanish
		}
		return process
	})
	c := s.client(t)
	failed := 0
	for range 20 {
		if putOne(c, 300) != nil {
			failed++
		}
	}
	require.Equal(t, 2, failed)
	require.True(t, c.compression.stands())

	// Now and then is no refusal.
	s = newH2Server(t)
	n := 0
	s.set(func(*h2conn, []byte) verdict {
		if n++; n%5 == 0 {
			return vanish
		}
		return process
	})
	c = s.client(t)
	for range 50 {
		_ = putOne(c, 300)
	}
	require.False(t, c.compression.stands())
}
