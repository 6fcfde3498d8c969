package producer_test

import (
	"context"
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/retry"
)

// TestUnderFIPS runs all that is between Put and Kinesis in a process in which what
// FIPS 140-3 does not approve panics: MD5, X25519, short keys.
func TestUnderFIPS(t *testing.T) {
	if os.Getenv("FIPS_CHILD") == "" {
		for _, mode := range []string{"on", "only"} {
			cmd := exec.Command(os.Args[0], "-test.run=^TestUnderFIPS$", "-test.v")
			cmd.Env = append(os.Environ(), "FIPS_CHILD=1", "GODEBUG=fips140="+mode)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "fips140=%s\n%s", mode, out)
			require.True(t, strings.Contains(string(out), "--- PASS: TestUnderFIPS"), "%s", out)
		}
		return
	}
	require.True(t, fips140.Enabled())
	for _, tls := range []wire.TLS{wire.PostQuantum, wire.Compact} {
		for _, protocol := range []wire.Protocol{wire.CBOR, wire.JSON} {
			srv, err := kinesistest.Start(kinesistest.Config{})
			require.NoError(t, err)
			defer srv.Close()
			require.NoError(t, srv.CreateStream("s", 2, kinesistest.StreamOptions{}))
			c, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: srv.CertPool(), Credentials: srv.Credentials(), TLS: tls, Protocol: protocol})
			require.NoError(t, err)
			defer c.Close()
			buf, err := retry.Open(t.TempDir(), retry.Options{})
			require.NoError(t, err)
			p := newProducer(t, c, producer.Config{FlushInterval: time.Hour, Buffer: buf})
			put(t, p, 100)
			for _, device := range []string{"a", "b", "c"} {
				putAs(t, p, device, 1)
			}
			require.NoError(t, p.Close(context.Background()))
			require.EqualValues(t, 103, p.Stats().Delivered)
			require.Len(t, userRecords(t, srv), 4)
		}
	}
	// Keys that are too short to sign with are refused, and nothing panics.
	c, err := wire.NewClient(wire.Config{Endpoint: "https://127.0.0.1:1", Credentials: wire.EmulatorCredentials()})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Options().Credentials.Retrieve(context.Background())
	require.NoError(t, err)
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "short")
	c, err = wire.NewClient(wire.Config{Endpoint: "https://127.0.0.1:1", Credentials: wire.EnvCredentials()})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Options().Credentials.Retrieve(context.Background())
	require.Equal(t, strings.Contains(os.Getenv("GODEBUG"), "only"), err != nil, "%v", err)
}
