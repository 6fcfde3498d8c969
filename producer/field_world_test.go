package producer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// Kinds of records. V is the number of a record within its world, by which it is found again.
type (
	climate struct {
		Device string  `rivulet:",device"`
		V      int     `rivulet:"v"`
		T      float64 `rivulet:"t,unit=Cel"`
	}
	place struct {
		Device string   `rivulet:",device"`
		V      int      `rivulet:"v"`
		Lat    *float64 `rivulet:"lat,unit=deg"`
	}
	alert struct {
		Device string `rivulet:",device"`
		V      int    `rivulet:"v"`
		Text   string `rivulet:"text"`
	}
)

// world is a producer, its stream, and the network between.
type world struct {
	t       *testing.T
	name    string
	seed    int64
	rand    *rand.Rand // of the director of faults
	srv     *kinesistest.Server
	net     *hostileNet
	p       *producer.Producer
	schemas []*record.Schema
	shards  int

	v    atomic.Int64 // numbers given out
	mu   sync.Mutex
	sent map[string]putRecord // by id, of this round
	ends map[string][]string  // how each id ended
	dups uint64               // records that the stream has more than once, of all rounds
	late uint64               // records that came behind later ones of their key, of all rounds
	sum  struct{ records, bad, dropped int }
	// slowest is the longest that it took until all had arrived after the last fault.
	slowest time.Duration
}

type putRecord struct {
	v   int64
	key string
	bad bool
}

func newWorld(t *testing.T, seed int64, elsewhere, buffer string) *world {
	r := rand.New(rand.NewSource(seed))
	w := &world{t: t, name: buffer, seed: seed, rand: r, shards: 1 + r.Intn(4), sent: map[string]putRecord{}, ends: map[string][]string{}}
	var err error
	w.srv, err = kinesistest.Start(kinesistest.Config{Seed: uint64(seed), Unlimited: r.Intn(2) == 0})
	require.NoError(t, err)
	w.net = newHostileNet(t, w.srv, elsewhere)
	for i, of := range []func(string, int) (*record.Schema, error){record.SchemaOf[climate], record.SchemaOf[place], record.SchemaOf[alert]} {
		s, err := of("kind"+strconv.Itoa(i), 1)
		require.NoError(t, err)
		w.schemas = append(w.schemas, s)
	}
	w.net.schemas = w.schemas
	require.NoError(t, w.srv.CreateStream("s", w.shards, kinesistest.StreamOptions{}))
	c, err := wire.NewClient(wire.Config{Endpoint: w.srv.URL(), RootCAs: w.srv.CertPool(), Credentials: w.net, Proxy: w.net.proxyURL(),
		Protocol: []wire.Protocol{wire.CBOR, wire.CBOR, wire.JSON}[r.Intn(3)]})
	require.NoError(t, err)
	w.net.Client = c
	o := retry.Options{MaxBytes: []int64{512 << 10, 1 << 20, 4 << 20}[r.Intn(3)], Overflow: []retry.Overflow{retry.Block, retry.Reject}[r.Intn(2)]}
	cfg := producer.Config{Stream: "s", Device: "pi", Schema: w.schemas[0], Schemas: w.schemas[1:], FlushInterval: []time.Duration{1, 20 * time.Millisecond, 200 * time.Millisecond}[r.Intn(3)],
		RequestTimeout: time.Second, MaxMemory: 2 << 20, OnDelivery: w.on, Codec: []compress.Codec{compress.Columnar, compress.Columnar, compress.Zstd}[r.Intn(3)]}
	if buffer == "disk" {
		o.Sync = []retry.SyncMode{retry.SyncGroup, retry.SyncSpill, retry.SyncNever}[r.Intn(3)]
		cfg.Buffer, err = retry.Open(filepath.Join(t.TempDir(), "spool"), o)
	} else {
		cfg.Buffer, err = retry.NewMemory(o)
	}
	require.NoError(t, err)
	w.p, err = producer.New(w.net, cfg)
	require.NoError(t, err)
	return w
}

// on is the producer's OnDelivery.
func (w *world) on(d producer.Delivery) {
	how := "delivered"
	var lost *producer.LostError
	if errors.As(d.Err, &lost) {
		how = fmt.Sprint(lost.Outcome, ": ", lost.Reason)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range d.IDs {
		for s := x.First; s <= x.Last; s++ {
			id := record.ID{Device: x.Device, Boot: x.Boot, Seq: s}.String()
			w.ends[id] = append(w.ends[id], how)
		}
	}
}

// put puts one record of any kind.
func (w *world) put(ctx context.Context, r *rand.Rand, key string) {
	v := w.v.Add(1)
	x := putRecord{v: v, key: key, bad: r.Intn(1500) == 0}
	text := strings.Repeat("x", r.Intn(60))
	if x.bad {
		text = "POISON"
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var id record.ID
	var err error
	kind := r.Intn(6)
	if x.bad {
		kind = 2 + r.Intn(4)
	}
	switch kind {
	case 0:
		id, err = w.p.Put(ctx, climate{key, int(v), float64(v) / 7})
	case 1:
		lat := float64(v) / 11
		id, err = w.p.Put(ctx, &place{key, int(v), &lat})
	case 2:
		id, err = w.p.Put(ctx, &alert{key, int(v), text})
	case 3: // dynamic, of a schema
		id, err = w.p.PutRecord(ctx, &record.Record{ID: record.ID{Device: key}, Schema: w.schemas[2].Ref(),
			Readings: []record.Reading{{Name: "v", Value: record.IntValue(v)}, {Name: "text", Value: record.StringValue(text)}}})
	case 4: // free
		id, err = w.p.PutRecord(ctx, &record.Record{ID: record.ID{Device: key}, Schema: "free",
			Readings: []record.Reading{{Name: "v", Value: record.IntValue(v)}, {Name: "note", Value: record.StringValue(text)}}})
	default:
		id, err = w.p.PutBytes(ctx, key, "", fmt.Appendf(nil, "OPQ:%d;%s%s", v, text, make([]byte, r.Intn(4000))))
	}
	if err == nil {
		w.mu.Lock()
		w.sent[id.String()] = x
		w.mu.Unlock()
	} else if !errors.Is(err, retry.ErrFull) && !errors.Is(err, ctx.Err()) {
		w.t.Errorf("%s: put: %v", w.name, err)
	}
}
