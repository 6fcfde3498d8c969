package producer_test

import (
	"context"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
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

	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
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
	w.newStream(round)
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

// newStream makes the next round's stream. Its shards' ids are not those of the round before:
// a producer that knows ids of a stream that was deleted would not notice.
func (w *world) newStream(round int) {
	require.NoError(w.t, w.srv.CreateStream("s", w.shards, kinesistest.StreamOptions{}))
	for id, i := "shardId-000000000000", 0; round%2 == 0 && i < 100; i++ {
		a, b, err := w.srv.SplitShard("s", id)
		require.NoError(w.t, err)
		id, err = w.srv.MergeShards("s", a, b)
		require.NoError(w.t, err)
	}
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
