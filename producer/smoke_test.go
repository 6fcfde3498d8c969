package producer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
)

type env struct {
	Temperature float64 `rivulet:"temperature,unit=Cel,min=-40,max=85"`
	Motion      bool    `rivulet:"motion"`
}

func TestSmoke(t *testing.T) {
	srv, err := kinesistest.Start(kinesistest.Config{})
	require.NoError(t, err)
	defer srv.Close()
	require.NoError(t, srv.CreateStream("telemetry", 4, kinesistest.StreamOptions{}))
	c, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: srv.CertPool(), Credentials: srv.Credentials()})
	require.NoError(t, err)
	defer c.Close()
	s, err := record.SchemaOf[env]("env", 1)
	require.NoError(t, err)
	p, err := producer.New(c, producer.Config{Stream: "telemetry", Device: "pi", Schema: s, FlushInterval: 100 * time.Millisecond})
	require.NoError(t, err)
	ctx := context.Background()
	for i := range 1000 {
		_, err := p.Put(ctx, env{Temperature: float64(i % 80)})
		require.NoError(t, err)
		_, err = p.PutRecord(ctx, &record.Record{ID: record.ID{Device: fmt.Sprint("d", i%20)}, Schema: "x/1", Readings: []record.Reading{{Name: "a", Value: record.IntValue(1)}}})
		require.NoError(t, err)
		_, err = p.PutBytes(ctx, fmt.Sprint("k", i%3), "", []byte("opaque"))
		require.NoError(t, err)
	}
	require.NoError(t, p.Flush(ctx))
	t.Logf("%+v up %d down %d", p.Stats(), c.BytesUp(), c.BytesDown())
	require.NoError(t, p.Close(ctx))
	require.EqualValues(t, 3000, p.Stats().Delivered)
}
