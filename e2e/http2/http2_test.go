//go:build unix

package http2

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

// TestEndsOfOthers sends through each of them, by headers and bodies in the sparing
// form and in the plain one, with tables for headers of every size. Signatures are
// checked behind them. Nothing fails, and nothing arrives twice.
func TestEndsOfOthers(t *testing.T) {
	for _, c := range []struct {
		name     string
		end      end
		settings string
		protocol wire.Protocol
		every    time.Duration // it is reloaded
	}{
		{"nginx", nginx, "", wire.CBOR, 0},
		{"nginx, JSON", nginx, "", wire.JSON, 0},
		{"nginx, 5 requests a connection", nginx, "keepalive_requests 5;", wire.CBOR, 0},
		{"nginx, a second of idleness", nginx, "keepalive_timeout 1s;", wire.CBOR, 0},
		{"nginx, reloaded", nginx, "", wire.CBOR, 300 * time.Millisecond},
		{"nginx, bodies of 1 KB", nginx, "client_max_body_size 1k;", wire.CBOR, 0},
		{"HAProxy", haproxy, "", wire.CBOR, 0},
		{"HAProxy, a large table", haproxy, "tune.h2.header-table-size 65535", wire.CBOR, 0},
		{"HAProxy, reloaded", haproxy, "", wire.CBOR, 500 * time.Millisecond},
		{"nghttpx", nghttpx, "", wire.CBOR, 0},
		{"nghttpx, no table", nghttpx, "--frontend-http2-decoder-dynamic-table-size=0", wire.CBOR, 0},
		{"nghttpx, a large table", nghttpx, "--frontend-http2-decoder-dynamic-table-size=65536", wire.CBOR, 0},
		{"nghttpx, JSON", nghttpx, "", wire.JSON, 0},
		{"nghttpx, reloaded", nghttpx, "", wire.CBOR, 500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, err := kinesistest.Start(kinesistest.Config{Plain: true, Unlimited: true})
			require.NoError(t, err)
			defer srv.Close()
			// AUTO: nothing is aggregated, which would hide that a record came twice.
			require.NoError(t, srv.CreateStream("s", 4, kinesistest.StreamOptions{Auto: true}))
			url, pool, reload := c.end.start(t, strings.TrimPrefix(srv.URL(), "http://"), c.settings)
			client, err := wire.NewClient(wire.Config{Endpoint: url, RootCAs: pool, Credentials: session, Protocol: c.protocol})
			require.NoError(t, err)
			defer client.Close()

			srv.Inject(kinesistest.Fault{Rate: 0.3, Effect: kinesistest.Delay(10 * time.Millisecond)}) // so that some are under way
			limited := strings.Contains(c.settings, "client_max_body_size")
			size, idle := 20, time.Duration(0)
			if limited {
				size = 400 // three records are too many for one request
			}
			if strings.Contains(c.settings, "keepalive_timeout") {
				idle = 1200 * time.Millisecond
			}
			stats := send(t, client, size, idle, c.every, reload)
			require.Equal(t, stats.Put, stats.Delivered, "%+v", stats)
			require.Zero(t, stats.Rejected+stats.Unknown+stats.DuplicatesSent, "%+v", stats)
			require.Equal(t, limited, stats.Failed > 0, "%+v", stats)
			stored := map[string]int{}
			records, err := srv.Records("s")
			require.NoError(t, err)
			for _, r := range records {
				stored[string(r.Data)]++
			}
			require.Len(t, stored, int(stats.Put), "each once, by what it holds")
			require.Len(t, records, int(stats.Put))
			t.Logf("%d records in %d requests", stats.Delivered, stats.Requests)
		})
	}
}

// session gives credentials with a token, as a device has.
var session = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: kinesistest.AccessKeyID, SecretAccessKey: kinesistest.SecretAccessKey, SessionToken: strings.Repeat("IQoJb3JpZ2luX2VjE+/", 50)}, nil
})

// send puts records, none like another, in some three hundred requests.
func send(t *testing.T, client *wire.Client, size int, idle, every time.Duration, reload func()) producer.Stats {
	p, err := producer.New(client, producer.Config{Stream: "s", Device: "pi", FlushInterval: 5 * time.Millisecond, RequestTimeout: 20 * time.Second})
	require.NoError(t, err)
	next := time.Now().Add(every)
	for i := range 1500 {
		key := "key-" + string(rune('a'+i%5))
		_, err := p.PutBytes(context.Background(), key, "", fmt.Appendf(nil, "%-*d", size, i))
		require.NoError(t, err)
		if i%5 == 4 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			require.NoError(t, p.Flush(ctx), "%+v", p.Stats())
			cancel()
		}
		if every > 0 && time.Now().After(next) {
			reload()
			next = time.Now().Add(every)
		}
		if i%500 == 250 {
			time.Sleep(idle)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, p.Close(ctx))
	return p.Stats()
}
