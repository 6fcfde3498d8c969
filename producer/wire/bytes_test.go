package wire

import (
	"context"
	"crypto/fips140"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// session returns credentials whose token has so many bytes.
func session(bytes int) aws.CredentialsProvider {
	rng := rand.New(rand.NewPCG(1, uint64(bytes)))
	var token strings.Builder
	for range bytes {
		token.WriteByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[rng.IntN(64)])
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: kinesistest.AccessKeyID, SecretAccessKey: kinesistest.SecretAccessKey, SessionToken: token.String()}, nil
	})
}

// pipes is a server in a bubble, and a client of it, whose bytes are exact but for
// a few of the signatures, which Huffman codes make longer or shorter.
type pipes struct {
	*Client
	dials int
}

func inPipes(t *testing.T, cfg Config, f func(*testing.T, *pipes)) {
	if fips140.Enabled() {
		t.Skip("the generator of FIPS 140-3 measures time, which stands still in a bubble")
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(builtAt)) // the bubble's 2000 is before any certificate that would be trusted
		l := kinesistest.NewPipeListener()
		srv, err := kinesistest.Start(kinesistest.Config{Listener: l})
		require.NoError(t, err)
		defer srv.Close()
		require.NoError(t, srv.CreateStream("telemetry", 1, kinesistest.StreamOptions{}))
		cfg.Endpoint, cfg.RootCAs = srv.URL(), srv.CertPool()
		c, err := NewClient(cfg)
		require.NoError(t, err)
		p := &pipes{Client: c}
		c.transport.sparing.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			p.dials++
			conn, err := l.Dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return c.sockets.add(conn), nil
		}
		defer c.Close()
		f(t, p)
	})
}

// put sends a record of n bytes and returns what that cost.
func (p *pipes) put(t *testing.T, n int) (up, down int) {
	u, d := p.BytesUp(), p.BytesDown()
	_, err := p.PutRecords(context.Background(), &kinesis.PutRecordsInput{StreamName: aws.String("telemetry"),
		Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("pi-7f3a"), Data: make([]byte, n)}}})
	require.NoError(t, err)
	time.Sleep(time.Second) // what comes after the answer counts too
	return int(p.BytesUp() - u), int(p.BytesDown() - d)
}

// TestBytesOnTheSocket is the budget of a request of 300 bytes of payload, TLS and
// all, and of connections. What comes down is mostly what the server chooses to say.
func TestBytesOnTheSocket(t *testing.T) {
	for _, c := range []struct {
		name                        string
		cfg                         Config
		full, resumed, kept         int // bytes up
		fullDown, resumedDown, down int
	}{
		{"CBOR, token of 900", Config{Credentials: session(900)}, 3145, 3295, 618, 2500, 1920, 285},
		{"CBOR, token of 1500", Config{Credentials: session(1500)}, 3655, 3780, 618, 2500, 1920, 285},
		{"CBOR, no token", Config{Credentials: session(0)}, 2402, 2530, 601, 2500, 1920, 285},
		{"JSON, token of 900", Config{Credentials: session(900), Protocol: JSON}, 3277, 3405, 729, 2520, 1935, 304},
		{"CBOR, token of 900, Compact", Config{Credentials: session(900), TLS: Compact}, 1940, 2070, 618, 1412, 830, 285},
	} {
		t.Run(c.name, func(t *testing.T) {
			inPipes(t, c.cfg, func(t *testing.T, p *pipes) {
				within := func(what string, got, budget int) {
					require.LessOrEqual(t, got, budget, what)
					require.Greater(t, got, budget*90/100, "%s: lower the budget", what)
				}
				up, down := p.put(t, 300)
				sum, downSum, most := 0, 0, 0
				const flushes = 200
				for range flushes {
					time.Sleep(29 * time.Second)
					u, d := p.put(t, 300)
					sum, downSum, most = sum+u, downSum+d, max(most, u)
				}
				require.Equal(t, 1, p.dials)
				p.Close()
				upAgain, downAgain := p.put(t, 300)
				require.Equal(t, 2, p.dials)
				t.Logf("new connection %d up %d down, resumed %d and %d, kept %d and %d, at most %d", up, down, upAgain, downAgain, sum/flushes, downSum/flushes, most)
				within("new connection", up, c.full)
				within("new connection, down", down, c.fullDown)
				within("resumed", upAgain, c.resumed)
				within("resumed, down", downAgain, c.resumedDown)
				within("kept", sum/flushes, c.kept)
				within("kept, down", downSum/flushes, c.down)
			})
		})
	}
}

// TestLargeRecordsCostLittleMore: TLS records and frames are as large as they may be.
func TestLargeRecordsCostLittleMore(t *testing.T) {
	inPipes(t, Config{Credentials: session(900)}, func(t *testing.T, p *pipes) {
		p.put(t, 300)
		up, _ := p.put(t, 500_000)
		t.Logf("%d bytes up", up)
		require.Less(t, up, 502_300, "32 frames and TLS records, 31 bytes each")
	})
}

// TestConnectionIsKept: nothing is sent in an hour, after which the connection is
// still there; later it is closed.
func TestConnectionIsKept(t *testing.T) {
	inPipes(t, Config{Credentials: session(900)}, func(t *testing.T, p *pipes) {
		p.put(t, 300)
		for _, c := range []struct {
			idle  time.Duration
			dials int
		}{{30 * time.Second, 1}, {10 * time.Minute, 1}, {59 * time.Minute, 1}, {61 * time.Minute, 2}, {59 * time.Minute, 2}} {
			u, d := p.BytesUp(), p.BytesDown()
			time.Sleep(c.idle)
			if c.dials == p.dials {
				require.Equal(t, []uint64{u, d}, []uint64{p.BytesUp(), p.BytesDown()}, "nothing is said in %v", c.idle)
			}
			p.put(t, 300)
			require.Equal(t, c.dials, p.dials, "after %v", c.idle)
		}
	})
}

// TestANewTokenIsSentOnce: a session token that is refreshed each hour is a
// kilobyte each hour, and not in every request.
func TestANewTokenIsSentOnce(t *testing.T) {
	tokens := 0
	creds := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := session(900 + tokens).Retrieve(ctx)
		tokens++
		c.CanExpire, c.Expires = true, time.Now().Add(time.Hour)
		return c, err
	})
	inPipes(t, Config{Credentials: creds}, func(t *testing.T, p *pipes) {
		large := 0
		for range 24 * 12 { // a day
			up, _ := p.put(t, 300)
			if up > 1000 {
				large++
			}
			time.Sleep(5*time.Minute - time.Second)
		}
		require.Equal(t, 1, p.dials)
		require.Equal(t, 24, tokens)
		require.Equal(t, tokens, large)
	})
}
