package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
)

// TestTailSchema: the error for frames of an unknown schema says what to do, once;
// with the document they are records.
func TestTailSchema(t *testing.T) {
	srv, flags := serve(t, 1)
	schema, err := record.NewSchema("x", 1, record.Field{Name: "t", Kind: record.Float}, record.Field{Name: "n", Kind: record.Int})
	require.NoError(t, err)
	c, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: srv.CertPool(), Credentials: srv.Credentials()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	p, err := producer.New(c, producer.Config{Stream: "telemetry", Device: "gateway", Schema: schema})
	require.NoError(t, err)
	want := map[string][]string{}
	put(t, p, 5, want)
	require.NoError(t, p.Close(context.Background()))

	code, out, stderr := cli(flags...)
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Regexp(t, `(?s)^rivulet tail: shardId-000000000000 \d+: user record 0 with key "dev\d+": compress: the frame's schema is not known: its fingerprint begins with [0-9a-f]{8}\n`+
		`rivulet tail: 0 records, 12 undecodable, 1 shard\n`+
		`rivulet tail: 12 user records of schemas that are not known here; give their documents with -schema\n$`, stderr)

	file := filepath.Join(t.TempDir(), "x.json")
	code, _, stderr = cli(append(flags, "-schema", file)...)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "-schema: open "+file)
	require.NoError(t, os.WriteFile(file, []byte(`{"name":"x"}`), 0o600))
	code, _, stderr = cli(append(flags, "-schema", file)...)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "-schema "+file+": record: ")

	doc, err := schema.MarshalJSON()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, doc, 0o600))
	code, out, stderr = cli(append(flags, "-schema", file)...)
	require.Zero(t, code, stderr)
	require.Equal(t, want, perDevice(t, out))
}
