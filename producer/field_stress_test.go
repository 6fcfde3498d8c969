package producer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// TestFieldStress sends through the client for metered links, over TLS and a proxy, to a
// Kinesis in this process, while a hostile network does to it all that
// field_faults_test.go can, several things at once. Two producers work side by side, with
// a buffer in memory and on disk, in rounds: a time with faults, then a time without, in
// which all that is pending must arrive. Every few milliseconds the ledger has to add up.
// After each round each id was reported exactly once, only bad records are rejected, and
// of each key no more records than Stats.Late says first came behind a later one.
//
// It takes 8 seconds; STRESS=30m, or TORTURE=1 (5 minutes), makes it longer, and then what
// is on the heap between rounds must not grow. SEED repeats the choices, not their timing.
func TestFieldStress(t *testing.T) {
	long, sustained := 8*time.Second, true
	if os.Getenv("TORTURE") != "" {
		long = 5 * time.Minute
	} else if d, err := time.ParseDuration(os.Getenv("STRESS")); err == nil {
		long = d
	} else {
		sustained = false
	}
	seed, start := start64(), time.Now()
	t.Logf("SEED=%d", seed)
	var elsewhere atomic.Int64
	second := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer second.Close()
	worlds := []*world{newWorld(t, seed, second.URL, "memory"), newWorld(t, seed+1, second.URL, "disk")}
	var heap []float64
	for round := 0; time.Since(start) < long && !t.Failed(); round++ {
		var all sync.WaitGroup
		for _, w := range worlds {
			all.Go(func() { w.round(round, sustained) })
		}
		all.Wait()
		heap = append(heap, float64(heapInUse()))
		if sustained && round%20 == 0 {
			t.Logf("%v: round %d, %.0f KiB of heap", time.Since(start).Round(time.Second), round, heap[round]/1024)
		}
	}
	for _, w := range worlds {
		w.end()
	}
	require.Zero(t, elsewhere.Load(), "requests to a second host")
	if third := len(heap) / 3; third >= 10 {
		first, last := mean(heap[3:third]), mean(heap[2*third:])
		t.Logf("heap between rounds: %.0f KiB in the first third, %.0f KiB in the last", first/1024, last/1024)
		require.Less(t, last-first, 1024.0*1024)
	}
}

func mean(of []float64) (sum float64) {
	for _, x := range of {
		sum += x / float64(len(of))
	}
	return sum
}

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

// round puts records while all goes wrong, and then has everything arrive.
func (w *world) round(n int, sustained bool) {
	faults, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	over := make(chan struct{})
	var all, watch sync.WaitGroup
	watch.Go(func() { w.watch(over) })
	for i := range 2 {
		r := rand.New(rand.NewSource(w.seed + int64(n)*10 + int64(i)))
		all.Go(func() { w.putUntil(faults, r, "d"+strconv.Itoa(i)) })
	}
	all.Go(func() { w.net.direct(faults, w.rand, sustained) })
	all.Go(func() { w.kick(faults) })
	all.Wait()
	w.net.heal()
	began := time.Now()
	w.drain()
	w.slowest = max(w.slowest, time.Since(began))
	close(over)
	watch.Wait()
	w.check(n)
}

// watch samples the figures, which add up at each instant and hold no secret.
func (w *world) watch(over chan struct{}) {
	tick := time.NewTicker(7 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		st := w.p.Stats()
		if !st.Balanced() || strings.Contains(st.Message, token[:16]) || strings.Contains(st.Message, kinesistest.AccessKeyID) {
			w.t.Errorf("%s: SEED=%d: %+v", w.name, w.seed, st)
		}
	}
}

// kick has the producer try at once, now and then: pauses of minutes are tested elsewhere.
func (w *world) kick(ctx context.Context) {
	for ctx.Err() == nil {
		c, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		_ = w.p.Flush(c)
		cancel()
		time.Sleep(20 * time.Millisecond)
	}
}

// putUntil puts records of some devices, of which nobody else's are.
func (w *world) putUntil(ctx context.Context, r *rand.Rand, prefix string) {
	for ctx.Err() == nil {
		for range r.Intn(40) {
			w.put(ctx, r, prefix+"-"+strconv.Itoa(r.Intn(5)))
		}
		time.Sleep(time.Duration(r.Intn(20)) * time.Millisecond)
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

// drain waits until nothing is pending. Bad records are found when others follow them.
func (w *world) drain() {
	r := rand.New(rand.NewSource(1))
	for start := time.Now(); w.p.Stats().Pending > 0; {
		c, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		if w.p.Flush(c) != nil && time.Since(start) > time.Second {
			w.put(c, r, "good")
		}
		cancel()
		if time.Since(start) > time.Minute {
			w.t.Errorf("%s: SEED=%d: not drained a minute after the last fault: %+v", w.name, w.seed, w.p.Stats())
			return
		}
	}
}

// check compares what was put, what was reported, and what is in the stream, and forgets
// all of it.
func (w *world) check(round int) {
	recs, err := w.srv.Records("s")
	require.NoError(w.t, err)
	slices.SortFunc(recs, func(a, b kinesistest.Record) int { // decimal numbers
		return cmpNumbers(a.SequenceNumber, b.SequenceNumber)
	})
	shards, err := w.srv.Shards("s")
	require.NoError(w.t, err)
	ranges := map[string]partition.Range{}
	for _, s := range shards {
		ranges[s.ID] = s.Range
	}
	_, err = w.srv.Client().DeleteStream(context.Background(), &kinesis.DeleteStreamInput{StreamName: aws.String("s")})
	require.NoError(w.t, err)
	require.NoError(w.t, w.srv.CreateStream("s", w.shards, kinesistest.StreamOptions{}))
	w.mu.Lock()
	defer w.mu.Unlock()
	found, last := map[int64]bool{}, map[string]int64{}
	for _, k := range recs {
		users, whole := kclUsers(w.t, k, ranges[k.ShardID])
		if !whole { // a consumer drops it, so all of it has to come again
			w.sum.dropped++
			continue
		}
		all, err := decodeStored(users, w.schemas)
		if err != nil {
			w.t.Errorf("%s: %v", w.name, err)
		}
		for _, x := range all {
			if found[x.v] {
				w.dups++
				continue
			}
			found[x.v] = true
			if x.v < last[x.key] {
				w.late++
			}
			last[x.key] = max(last[x.key], x.v)
		}
	}
	st := w.p.Stats()
	fail := func(format string, a ...any) {
		w.t.Errorf("%s: SEED=%d, round %d: "+format, append([]any{w.name, w.seed, round}, a...)...)
	}
	for id, x := range w.sent {
		how := w.ends[id]
		switch {
		case len(how) != 1:
			fail("%s, number %d, bad %v: reported %d times: %q", id, x.v, x.bad, len(how), how)
		case how[0] != "delivered" && !(x.bad && strings.HasPrefix(how[0], "rejected")):
			fail("%s, number %d, bad %v: %s", id, x.v, x.bad, how[0])
		case how[0] == "delivered" && !found[x.v]:
			fail("%s, number %d: delivered, and not in the stream", id, x.v)
		}
		delete(w.ends, id)
		delete(found, x.v)
		w.sum.records++
		if x.bad {
			w.sum.bad++
		}
	}
	for id, how := range w.ends {
		fail("%s: reported %q, and was not accepted", id, how)
	}
	w.dups += uint64(len(found)) // of earlier rounds: calls that were under way
	if w.dups > st.DuplicatesSent {
		fail("the stream has %d duplicates, Stats say %d", w.dups, st.DuplicatesSent)
	}
	if w.late > st.Late {
		fail("%d records came behind later ones of their key, Stats say %d", w.late, st.Late)
	}
	w.sent, w.ends = map[string]putRecord{}, map[string][]string{}
}

func cmpNumbers(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// end closes everything.
func (w *world) end() {
	st := w.p.Stats()
	w.t.Logf("%s: %d records, %d bad, %d aggregates on a wrong shard; %d calls, %d of unknown outcome, %d duplicates of %d said, %d late of %d said, %d rejected; drained within %v; faults: %s", w.name,
		w.sum.records, w.sum.bad, w.sum.dropped, st.Requests, st.Unknown, w.dups, st.DuplicatesSent, w.late, st.Late, st.Rejected, w.slowest.Round(time.Millisecond), w.net.counts())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.p.Close(ctx); err != nil {
		w.t.Errorf("%s: close: %v", w.name, err)
	}
	w.net.close()
	w.srv.Close()
}
