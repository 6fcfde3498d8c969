package producer_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

// TestAnEndpointThatTakesNoCBOR: it refuses the producer's first request, which is
// not of PutRecords, and no more; nothing fails, waits, or goes unaggregated for it.
func TestAnEndpointThatTakesNoCBOR(t *testing.T) {
	srv, err := kinesistest.Start(kinesistest.Config{Plain: true})
	require.NoError(t, err)
	defer srv.Close()
	require.NoError(t, srv.CreateStream("s", 1, kinesistest.StreamOptions{}))
	to, err := url.Parse(srv.URL())
	require.NoError(t, err)
	pass := httputil.NewSingleHostReverseProxy(to)
	var mu sync.Mutex
	var seen []string
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := r.Header.Get("Content-Type")
		mu.Lock()
		seen = append(seen, strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Kinesis_20131202.")+" "+strings.TrimPrefix(kind, "application/x-amz-"))
		mu.Unlock()
		if strings.Contains(kind, "json") {
			pass.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"SerializationException"}`) // of Bisect, were it a failure
	}))
	defer front.Close()

	c, err := wire.NewClient(wire.Config{Endpoint: front.URL, Credentials: srv.Credentials()})
	require.NoError(t, err)
	defer c.Close()
	p := newProducer(t, c, producer.Config{FlushInterval: time.Hour})
	for _, device := range []string{"a", "b", "c"} {
		putAs(t, p, device, 1)
	}
	began := time.Now()
	require.NoError(t, p.Flush(context.Background()))
	require.Less(t, time.Since(began), time.Second, "no backing off, which would be seconds")
	require.NoError(t, p.Close(context.Background()))

	require.Equal(t, []string{"DescribeStreamSummary cbor-1.1", "DescribeStreamSummary json-1.1", "ListShards json-1.1", "PutRecords json-1.1"}, seen)
	st := p.Stats()
	require.Equal(t, uint64(3), st.Delivered)
	require.Equal(t, uint64(1), st.KinesisRecords, "aggregated")
	require.Zero(t, st.Failed+st.Unknown+st.DuplicatesSent)
	require.Empty(t, st.Code)
}

// TestSocketBytes: a client that counts is asked, from New on, and one that does
// not is no matter.
func TestSocketBytes(t *testing.T) {
	srv, err := kinesistest.Start(kinesistest.Config{})
	require.NoError(t, err)
	defer srv.Close()
	require.NoError(t, srv.CreateStream("s", 1, kinesistest.StreamOptions{}))
	c, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: srv.CertPool(), Credentials: srv.Credentials()})
	require.NoError(t, err)
	defer c.Close()
	run := func(api producer.API) producer.Stats {
		p := newProducer(t, api, producer.Config{FlushInterval: time.Hour})
		require.Zero(t, p.Stats().SocketBytesUp+p.Stats().SocketBytesDown)
		put(t, p, 10)
		require.NoError(t, p.Close(context.Background()))
		return p.Stats()
	}
	first := run(c)
	require.Greater(t, first.SocketBytesUp, first.PayloadBytes+1500, "a handshake and headers too")
	require.Greater(t, first.SocketBytesDown, uint64(1500))
	again := run(c)
	require.Less(t, again.SocketBytesUp, first.SocketBytesUp-1500, "since New")
	require.Greater(t, again.SocketBytesUp, again.PayloadBytes)
	require.LessOrEqual(t, first.SocketBytesUp+again.SocketBytesUp, c.BytesUp())

	none := run(srv.Client())
	require.NotZero(t, none.Delivered)
	require.Zero(t, none.SocketBytesUp+none.SocketBytesDown)
}
