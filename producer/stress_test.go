package producer_test

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// TestStress runs producers of random shape against random faults, with random
// flushes and closes. At the end the ledger adds up, each id was reported exactly
// once, the first occurrences of each key are in order, and everything drained
// within an hour of the faults' end. TORTURE=1 makes it five minutes.
func TestStress(t *testing.T) {
	long := 4 * time.Second
	if os.Getenv("TORTURE") != "" {
		long = 5 * time.Minute
	}
	start, first := time.Now(), start64()
	for seed := first; time.Since(start) < long; seed++ {
		synctest.Test(t, func(t *testing.T) { oneStress(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d; SEED=%d runs it alone first", seed, seed)
		}
	}
}

// start64 is the first seed: that of the environment, or one of the clock's.
func start64() int64 {
	if n, err := strconv.ParseInt(os.Getenv("SEED"), 10, 64); err == nil {
		return n
	}
	return time.Now().UnixNano() % 1_000_000
}

func oneStress(t *testing.T, seed int64) {
	r := rand.New(rand.NewSource(seed))
	f := &stressFake{r: rand.New(rand.NewSource(seed + 1)), t: t, level: []int{0, 5, 20, 50, 80}[r.Intn(5)], nshards: []int{1, 4}[r.Intn(2)], poison: map[int64]bool{}, transientPoison: r.Intn(3) == 0, mayBeAuto: r.Intn(4) == 0}
	o := retry.Options{MaxBytes: []int64{16 << 10, 64 << 10, 256 << 10, 4 << 20}[r.Intn(4)], Overflow: retry.Overflow(r.Intn(3))}
	if r.Intn(3) == 0 {
		o.MaxAge = time.Duration(1+r.Intn(600)) * time.Second
	}
	m, err := retry.NewMemory(o)
	if err != nil {
		t.Fatal(err)
	}
	cfg := producer.Config{Buffer: m, FlushInterval: []time.Duration{1, time.Millisecond, time.Second, 30 * time.Second}[r.Intn(4)], MaxMemory: []int64{256 << 10, 1 << 20, 8 << 20}[r.Intn(3)]}
	switch r.Intn(3) {
	case 1:
		cfg.Codec = compress.None
	}
	var mu sync.Mutex
	ids := map[string]int{}
	var p *producer.Producer
	cfg.OnDelivery = func(d producer.Delivery) {
		mu.Lock()
		defer mu.Unlock()
		for _, x := range d.IDs {
			for s := x.First; s <= x.Last; s++ {
				id := fmt.Sprint(x.Device, "/", x.Boot, "/", s)
				ids[id]++
			}
		}
	}
	p = newProducer(t, f, cfg)
	total := r.Intn(3000)
	v := int64(0)
	accepted := map[string]bool{}
	nk := 1 + r.Intn(12)
	poisonRate := []int{0, 0, 100, 1000}[r.Intn(4)]
	for i := 0; i < total; i++ {
		v++
		if poisonRate > 0 && r.Intn(poisonRate) == 0 {
			f.mu.Lock()
			f.poison[v] = true
			f.mu.Unlock()
		}
		k := fmt.Sprint("k", r.Intn(nk))
		c, cancel := context.WithTimeout(ctx, time.Duration(r.Intn(5000))*time.Millisecond)
		var id record.ID
		var err error
		if r.Intn(3) == 0 {
			pad := 0
			if r.Intn(20) == 0 {
				pad = r.Intn(int(o.MaxBytes / 5))
			}
			ehk := ""
			if r.Intn(5) == 0 {
				ehk = "12345"
			}
			id, err = p.PutBytes(c, k, ehk, append([]byte(fmt.Sprintf("OPQ:%d;", v)), make([]byte, pad)...))
		} else {
			id, err = p.PutRecord(c, &record.Record{ID: record.ID{Device: k}, Schema: "free", Readings: []record.Reading{{Name: "v", Value: record.IntValue(v)}}})
		}
		cancel()
		if err == nil {
			s := fmt.Sprint(id.Device, "/", id.Boot, "/", id.Seq)
			accepted[s] = true
		}
		if r.Intn(10) == 0 {
			time.Sleep(time.Duration(r.Intn(3000)) * time.Millisecond)
		}
		if r.Intn(200) == 0 {
			time.Sleep(time.Duration(r.Intn(3600)) * time.Second)
		}
		if r.Intn(100) == 0 {
			c, cancel := context.WithTimeout(ctx, time.Duration(r.Intn(30000))*time.Millisecond)
			_ = p.Flush(c)
			cancel()
		}
		if st := p.Stats(); !st.Balanced() {
			t.Errorf("unbalanced %+v", st)
		}
	}
	early := r.Intn(4) == 0
	if !early {
		f.mu.Lock()
		f.good = true
		f.mu.Unlock()
		time.Sleep(time.Hour)
		st := p.Stats()
		if st.Pending > 0 {
			t.Errorf("seed %d not drained: %+v", seed, st)
		}
		_ = p.Flush(ctx)
	}
	c, cancel := context.WithTimeout(ctx, time.Duration(r.Intn(60))*time.Second)
	_ = p.Close(c)
	cancel()
	st := p.Stats()
	if !st.Balanced() || st.Pending > 0 {
		t.Errorf("end %+v", st)
	}
	mu.Lock()
	defer mu.Unlock()
	for id := range accepted {
		if ids[id] != 1 {
			t.Errorf("seed %d: %s reported %d times", seed, id, ids[id])
		}
	}
	for id := range ids {
		if !accepted[id] {
			t.Errorf("seed %d: %s reported, never accepted", seed, id)
		}
	}
	seen := map[int64]bool{}
	last := map[string]int64{}
	for _, x := range f.stored {
		if seen[x.v] {
			continue
		}
		seen[x.v] = true
		if x.v < last[x.key] {
			if !f.transientPoison && !f.mayBeAuto && len(f.poison) == 0 {
				t.Errorf("seed %d: order of %s: %d after %d", seed, x.key, x.v, last[x.key])
			}
		}
		last[x.key] = max(last[x.key], x.v)
	}
}
