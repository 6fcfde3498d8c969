package retry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// TestDiskStress does everything at once, while calls of the file system fail.
func TestDiskStress(t *testing.T) {
	for seed := range uint64(8) {
		base := vfs.NewCrash()
		fault := vfs.NewFault(base, vfs.Plan{})
		o := Options{MaxBytes: minDisk, MaxMemory: minWaiting, SyncDelay: 2 * time.Millisecond, Sync: SyncMode(seed % 5), Overflow: Overflow(seed % 3), MaxAge: 40 * time.Millisecond}
		if seed%2 == 0 {
			o.MaxAge = 0
		}
		d, err := open(fault, "spool", o)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		var wg sync.WaitGroup
		var mu sync.Mutex
		put := map[entryID]string{}
		lost := map[entryID]bool{}
		sweep := func() {
			for _, l := range d.Sweep() {
				for s := l.First; s <= l.Last; s++ {
					mu.Lock()
					lost[entryID{l.Device, l.Boot, s}] = true
					mu.Unlock()
				}
			}
		}
		for w := range 3 {
			wg.Go(func() {
				dev := fmt.Sprint("w", w)
				rng := rand.New(rand.NewPCG(seed, uint64(w)))
				for ctx.Err() == nil {
					n := rng.IntN(200)
					if rng.IntN(20) == 0 {
						n = 3000
					}
					at := rng.IntN(1000)
					data := noise[at : at+n]
					_, seq, err := d.Append(ctx, dev, data)
					if err == nil {
						mu.Lock()
						put[entryID{dev, d.m.boot, seq}] = string(data)
						mu.Unlock()
					}
					if rng.IntN(50) == 0 {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				if l := d.Ledger(); !l.Balanced() || l.Pending > 1<<40 || l.Bytes > l.Limit {
					t.Errorf("ledger %+v", l)
					return
				}
				d.Span()
				sweep()
				d.Health()
				time.Sleep(100 * time.Microsecond)
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				c, cc := context.WithTimeout(ctx, 20*time.Millisecond)
				_ = d.Sync(c)
				cc()
				time.Sleep(3 * time.Millisecond)
			}
		})
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 99))
			for ctx.Err() == nil {
				p := vfs.Plan{Call: 1 + rng.IntN(20)}
				if rng.IntN(3) == 0 {
					p.Match = func(vfs.Call) bool { return true }
				}
				fault.Set(p)
				time.Sleep(20 * time.Millisecond)
			}
		})
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 98))
			last := map[string]uint64{}
			type copied struct {
				e    Entry
				data string
			}
			var held []copied
			for ctx.Err() == nil {
				es := d.Next(rng.IntN(20000))
				for _, e := range es {
					if e.Seq <= last[e.Device] {
						t.Errorf("order %s %d after %d", e.Device, e.Seq, last[e.Device])
					}
					last[e.Device] = e.Seq
					held = append(held, copied{e, string(e.Data)})
				}
				time.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond)
				for _, h := range held[max(0, len(held)-len(es)):] {
					if string(h.e.Data) != h.data {
						t.Errorf("data of %v changed while leased", h.e.Index)
					}
				}
				rng.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
				n := rng.IntN(len(held) + 1)
				for _, h := range held[:n] {
					mu.Lock()
					want, ok := put[entryID{h.e.Device, h.e.Boot, h.e.Seq}]
					mu.Unlock()
					if ok && want != h.data {
						t.Errorf("wrong data")
					}
					d.Ack(h.e.Index, h.e.Index, Delivered)
				}
				held = held[n:]
				if rng.IntN(10) == 0 {
					rewind(d)
					held, last = nil, map[string]uint64{}
				}
			}
		})
		wg.Wait()
		cancel()
		fault.Set(vfs.Plan{})
		cerr := d.Close()
		sweep()
		l := d.Ledger()
		h := d.Health()
		t.Logf("seed %d %v close %v ledger %+v spooled %d degraded %v", seed, o.Sync, cerr, l, h.Spooled, h.Degraded)
		if !l.Balanced() {
			t.Errorf("ledger %+v", l)
		}
	}
}
