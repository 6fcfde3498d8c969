package wire

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mirror is an HTTP/2 server that answers with what it got.
func mirror(t *testing.T, table int) (url string, client *http.Client, s *sockets) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		_, _ = io.Copy(hash, r.Body)
		r.Header.Del("Content-Length")
		fmt.Fprintf(w, "%s %v %x %d", r.Proto, r.Header, hash.Sum(nil), r.ContentLength)
	}))
	srv.EnableHTTP2 = true
	srv.Config.HTTP2 = &http.HTTP2Config{MaxDecoderHeaderTableSize: table}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c := &Client{}
	tr := newTransport(Config{Insecure: true}, c, true)
	t.Cleanup(tr.CloseIdleConnections)
	return srv.URL, &http.Client{Transport: tr}, &c.sockets
}

// TestHeadersArriveAsSent: whatever repeats, changes, grows or does not fit into
// the table, the server, whose decoder is Go's own, reads what was meant.
func TestHeadersArriveAsSent(t *testing.T) {
	for _, table := range []int{0, 1, 200, 1500, 4096, 1 << 20} { // 0: the default; 1<<20: as large, 4096
		t.Run(fmt.Sprint(table), func(t *testing.T) {
			url, client, s := mirror(t, table)
			rng := rand.New(rand.NewPCG(1, uint64(table)))
			text := func(n int) string {
				const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/= ;,~^|"
				b := make([]byte, n)
				for i := range b {
					b[i] = letters[rng.IntN(len(letters))]
				}
				return strings.Trim(string(b), " ")
			}
			token := text(900)
			for i := range 300 {
				if rng.IntN(20) == 0 {
					token = text(100 + rng.IntN(6000))
				}
				body := make([]byte, 1+rng.IntN(50))
				if rng.IntN(30) == 0 {
					body = make([]byte, 200_000) // beyond the frames' and the windows' size
				}
				want := http.Header{"X-Amz-Security-Token": {token}, "Authorization": {text(250)}, "X-Amz-Date": {text(16)}, "User-Agent": {"x"},
					"Content-Type": {"application/x-amz-cbor-1.1"}, "X-Amz-Target": {text(rng.IntN(2)) + "target"}, "Accept-Encoding": {"identity"}}
				if rng.IntN(5) == 0 {
					want.Set("X-"+string("ABCDEF"[rng.IntN(6)]), text(rng.IntN(100)))
				}
				r, err := http.NewRequest("POST", url, bytes.NewReader(body))
				require.NoError(t, err)
				r.Header = want.Clone()
				resp, err := client.Do(r)
				require.NoError(t, err, "request %d", i)
				got, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				require.Equal(t, fmt.Sprintf("HTTP/2.0 %v %x %d", want, sha256.Sum256(body), len(body)), string(got), "request %d", i)
			}
			require.Len(t, s.open, 1, "one connection served all")
		})
	}
}

// TestHeadersBeyondAFrame: what the compression cannot do, net/http does; it costs
// one connection to find out.
func TestHeadersBeyondAFrame(t *testing.T) {
	url, client, s := mirror(t, 0)
	try := func() error {
		r, err := http.NewRequest("POST", url, nil)
		require.NoError(t, err)
		r.Header.Set("X-Amz-Security-Token", strings.Repeat("~", 20_000))
		resp, err := client.Do(r)
		if err == nil {
			require.NoError(t, resp.Body.Close())
		}
		return err
	}
	tries := 0
	for err := try(); err != nil; err = try() { // until net/http has noticed that the connection is gone
		require.ErrorIs(t, err, errHPACK)
		tries++
		require.Less(t, tries, 10_000)
		s.closeAll()
	}
	require.NoError(t, try())
}

// TestBlocksOfAnotherEncoder: nothing but an error comes of bytes that net/http
// does not write, cut anywhere.
func TestBlocksOfAnotherEncoder(t *testing.T) {
	good := []byte{0x20, 0x83, 0x0f, 0x08, 0x03, 'a', 'b', 'c', 0x00, 0x01, 'n', 0x85, 1, 2, 3, 4, 5}
	table := newHeaderTable(tableSize)
	out, err := table.compress(nil, good)
	require.NoError(t, err)
	require.Equal(t, []byte{0x83, 0x0f, 0x08, 0x03, 'a', 'b', 'c', 0x40, 0x01, 'n', 0x85, 1, 2, 3, 4, 5}, out)
	out, err = table.compress(nil, good)
	require.NoError(t, err)
	require.Equal(t, []byte{0x83, 0x0f, 0x08, 0x03, 'a', 'b', 'c', 0xbe}, out)

	table.resize(1 << 20) // what it is anyway
	table.resize(tableSize)
	out, err = table.compress(nil, good)
	require.NoError(t, err)
	require.Equal(t, byte(0xbe), out[len(out)-1])
	table.resize(512)
	out, err = table.compress(nil, good)
	require.NoError(t, err)
	require.Equal(t, []byte{0x3f, 0xe1, 0x03, 0x83}, out[:4], "the peer waits to be told, RFC 7541 section 4.2")

	table = newHeaderTable(tableSize)
	require.False(t, table.add(header{"\x02ab", strings.Repeat("x", 3100)}), "it would leave no room for others")
	require.True(t, table.add(header{"\x02ab", strings.Repeat("x", 2900)}))

	for _, bad := range [][]byte{{0x80}, {0xff, 0}, {0xbe}, {0x40, 1, 'a', 1, 'b'}, {0x10, 1, 'a', 1, 'b'}, {0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, {0x0f, 0x2f, 1, 'a'}} {
		table := newHeaderTable(tableSize)
		_, err := table.compress(nil, bad)
		require.ErrorIs(t, err, errHPACK, "%x", bad)
	}
	for n := range good {
		table := newHeaderTable(tableSize)
		_, err := table.compress(nil, good[:n])
		if n != 0 && n != 1 && n != 2 && n != 8 {
			require.ErrorIs(t, err, errHPACK, "%x", good[:n])
		}
	}
}

func TestFramesAreFollowed(t *testing.T) {
	in := []byte{0, 0, 12, 4, 0, 0, 0, 0, 0 /**/, 0, 3, 0, 0, 0, 100, 0, 1, 0, 0, 2, 0, // 512
		0, 0, 0, 4, 1, 0, 0, 0, 0, // acknowledged
		0, 0, 6, 0, 0, 0, 0, 0, 1 /**/, 0, 1, 0, 0, 0, 9, // the same bytes as data
		0, 0, 4, 4, 0, 0, 0, 0, 0 /**/, 0, 1, 0, 0, // too short
		0, 0, 10, 7, 0, 0, 0, 0, 0 /**/, 0, 0, 0, 3, 0, 0, 0, 9, 0, 1, // refused, and text
		0, 0, 3, 7, 0, 0, 0, 0, 0 /**/, 0, 0, 0, // too short
		0, 0, 6, 4, 0, 0, 0, 0, 0 /**/, 0, 1, 0xff, 0xff, 0xff, 0xff}
	for size := range len(in) {
		var r frameReader
		var got []int
		for b := in; len(b) > 0; {
			n := min(size+1, len(b))
			r.read(b[:n], func(v int) { got = append(got, v) }, func(code uint32) { got = append(got, -int(code)) })
			b = b[n:]
		}
		require.Equal(t, []int{512, -9, 1 << 20}, got, "%d bytes at a time", size+1)
	}
}
