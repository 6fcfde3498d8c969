package retry

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// form is a form of Buffer to be tested.
type form struct {
	open       func(testing.TB, Options) Buffer // returns an empty buffer
	small      int64                            // MaxBytes of a small one
	seeds      int                              // how often to compare it with the model
	anyDevices bool                             // it takes any number of devices
}

// settle waits until a buffer that works on its own has nothing to do.
func settle(b Buffer) { _ = b.Sync(context.Background()) }

// rewind takes back all leases and starts over.
func rewind(b Buffer) {
	b.Return(0, math.MaxUint64)
	b.Seek(0)
}

// deliverAll delivers all there is.
func deliverAll(b Buffer) {
	for es := b.Next(1 << 20); len(es) > 0; es = b.Next(1 << 20) {
		b.Ack(es[0].Index, es[len(es)-1].Index, Delivered)
	}
}

// bootOf returns the boot that entries get first.
func bootOf(b Buffer) uint64 {
	if d, ok := b.(*Disk); ok {
		return d.m.boot
	}
	return b.(*Memory).boot
}

// noise is bytes that cannot be compressed.
var noise = func() []byte {
	b := make([]byte, 16<<10)
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}()

// testBuffer is the behaviour that every form of Buffer has.
func testBuffer(t *testing.T, f form) {
	ctx := context.Background()
	open, small := f.open, f.small
	put := func(t testing.TB, b Buffer, device string, n int) {
		for i := range n {
			_, _, err := b.Append(ctx, device, fmt.Appendf(nil, "%s data %x", device, noise[i%4000:i%4000+8]))
			require.NoError(t, err)
		}
	}
	many := int(small / 8) // entries of each of two devices that do not fit it
	balanced := func(t testing.TB, b Buffer) Ledger {
		l := b.Ledger()
		require.True(t, l.Balanced(), "%+v", l)
		return l
	}

	t.Run("entries come back in order, numbered per device", func(t *testing.T) {
		b := open(t, Options{})
		for i := range 1000 {
			dev := fmt.Sprintf("d%d", i%3)
			_, seq, err := b.Append(ctx, dev, []byte(fmt.Sprint(i)))
			require.NoError(t, err)
			require.EqualValues(t, i/3+1, seq)
		}
		for i := 0; i < 1000; {
			for _, e := range b.Next(100) {
				require.Equal(t, Entry{Index: uint64(i + 1), Device: fmt.Sprintf("d%d", i%3), Boot: bootOf(b), Seq: uint64(i/3 + 1), Data: e.Data}, e)
				require.Equal(t, fmt.Sprint(i), string(e.Data))
				i++
			}
		}
		require.Empty(t, b.Next(100))
		require.EqualValues(t, 1000, balanced(t, b).Pending)
		first, next := b.Span()
		require.Equal(t, []uint64{1, 1001}, []uint64{first, next})
	})

	t.Run("Next keeps to its bytes but always gives one", func(t *testing.T) {
		b := open(t, Options{})
		for range 5 {
			_, _, err := b.Append(ctx, "d", make([]byte, 100))
			require.NoError(t, err)
		}
		require.Len(t, b.Next(400), 2)
		require.Len(t, b.Next(1), 1)
		require.Len(t, b.Next(1000), 2)
	})

	t.Run("acks in any order move the span", func(t *testing.T) {
		b := open(t, Options{})
		put(t, b, "d", 10)
		require.Len(t, b.Next(1<<20), 10)
		span := func() uint64 { f, _ := b.Span(); return f }
		b.Ack(4, 6, Delivered)
		require.EqualValues(t, 1, span())
		b.Ack(1, 3, Rejected)
		require.EqualValues(t, 7, span())
		b.Ack(1, 10, Delivered) // the finished ones keep their outcome
		require.EqualValues(t, 11, span())
		b.Ack(1, 10, Corrupt)
		b.Ack(50, 60, Corrupt)
		l := balanced(t, b)
		require.Equal(t, []uint64{10, 0, 7, 3, 0}, []uint64{l.Put, l.Pending, l.Delivered, l.Rejected, l.Corrupt})
		put(t, b, "d", 1)
		require.Len(t, b.Next(1<<20), 1)
	})

	t.Run("what is not leased cannot be acked", func(t *testing.T) {
		b := open(t, Options{})
		put(t, b, "d", 4)
		b.Ack(1, 4, Delivered)
		require.EqualValues(t, 4, balanced(t, b).Pending)
		require.Len(t, b.Next(1), 1)
		b.Ack(1, 4, Delivered)
		require.EqualValues(t, 3, balanced(t, b).Pending)
		settle(b)
		require.Len(t, b.Next(1000), 3)
		b.Return(3, 3)
		b.Ack(1, 4, Delivered)
		require.EqualValues(t, 1, balanced(t, b).Pending)
	})

	t.Run("Return and Seek give back all that is unfinished", func(t *testing.T) {
		b := open(t, Options{})
		put(t, b, "d", 6)
		b.Next(1 << 20)
		b.Ack(2, 3, Delivered)
		rewind(b)
		var seqs []uint64
		for _, e := range b.Next(1 << 20) {
			seqs = append(seqs, e.Seq)
		}
		require.Equal(t, []uint64{1, 4, 5, 6}, seqs)
		balanced(t, b)
	})

	t.Run("drop-oldest loses the oldest, and says which", func(t *testing.T) {
		b := open(t, Options{MaxBytes: small})
		for range many {
			put(t, b, "a", 1)
			put(t, b, "b", 1)
			require.LessOrEqual(t, b.Ledger().Bytes, small)
		}
		settle(b)
		l := balanced(t, b)
		require.NotZero(t, l.Evicted)
		losses := b.Sweep()
		require.Len(t, losses, 2, "neighbours are joined: %v", losses)
		var kept []uint64
		for es := b.Next(1 << 20); len(es) > 0; es = b.Next(1 << 20) {
			for _, e := range es {
				if e.Device == "a" {
					kept = append(kept, e.Seq)
				}
			}
			b.Return(es[0].Index, es[len(es)-1].Index)
		}
		require.Equal(t, Loss{Evicted, "a", bootOf(b), 1, kept[0] - 1}, losses[0])
		require.EqualValues(t, many, kept[len(kept)-1], "the newest are kept")
		require.Len(t, kept, many-int(losses[0].Last))
		require.Equal(t, l.Evicted, losses[0].Last+losses[1].Last)
		require.Greater(t, l.Pending, uint64(1000), "the room is used")
		require.Empty(t, b.Sweep())
	})

	t.Run("drop-oldest spares what is leased", func(t *testing.T) {
		b := open(t, Options{MaxBytes: small})
		put(t, b, "d", 100)
		leased := slices.Clone(b.Next(1 << 20))
		put(t, b, "d", many)
		for i, e := range leased {
			require.Equal(t, fmt.Sprintf("d data %x", noise[i:i+8]), string(e.Data), i)
		}
		b.Ack(1, 100, Delivered)
		settle(b)
		l := balanced(t, b)
		require.EqualValues(t, 100, l.Delivered)
		lost := uint64(0)
		for _, x := range b.Sweep() {
			require.Greater(t, x.First, uint64(100))
			lost += x.Last - x.First + 1
		}
		require.NotZero(t, lost)
		require.Equal(t, l.Evicted, lost)
	})

	t.Run("reject", func(t *testing.T) {
		b := open(t, Options{MaxBytes: small, Overflow: Reject})
		var err error
		n := uint64(0)
		for ; err == nil; n++ {
			_, _, err = b.Append(ctx, "d", noise[n%3000:n%3000+100])
		}
		require.ErrorIs(t, err, ErrFull)
		l := balanced(t, b)
		require.EqualValues(t, n-1, l.Put)
		require.Zero(t, l.Evicted)
		b.Next(1 << 30)
		b.Ack(1, n, Delivered)
		_, seq, err := b.Append(ctx, "d", nil)
		require.NoError(t, err)
		require.Equal(t, n, seq, "a refused entry takes no number")
	})

	t.Run("block waits for room, its context or Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := open(t, Options{MaxBytes: small, Overflow: Block})
			fill := func() (n uint64) {
				for {
					c, cancel := context.WithTimeout(ctx, time.Second)
					_, _, err := b.Append(c, "d", noise[n%3000:n%3000+100])
					cancel()
					if err != nil {
						require.ErrorIs(t, err, context.DeadlineExceeded)
						return n
					}
					n++
				}
			}
			require.NotZero(t, fill())
			var wg sync.WaitGroup
			errs := make([]error, 2)
			wg.Go(func() { _, _, errs[0] = b.Append(ctx, "d", make([]byte, 100)) })
			synctest.Wait()
			deliverAll(b)
			wg.Wait()
			require.NoError(t, errs[0])
			fill()
			wg.Go(func() { _, _, errs[1] = b.Append(ctx, "d", make([]byte, 100)) })
			synctest.Wait()
			require.NoError(t, b.Close())
			wg.Wait()
			require.ErrorIs(t, errs[1], ErrClosed)
		})
	})

	t.Run("entries expire by their age", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := open(t, Options{MaxAge: time.Minute})
			put(t, b, "d", 5)
			time.Sleep(40 * time.Second)
			put(t, b, "d", 5)
			require.Empty(t, b.Sweep())
			time.Sleep(30 * time.Second)
			require.Equal(t, []Loss{{Expired, "d", bootOf(b), 1, 5}}, b.Sweep())
			require.EqualValues(t, 5, balanced(t, b).Expired)
			es := b.Next(1 << 20)
			require.EqualValues(t, 6, es[0].Seq)
			time.Sleep(time.Hour)
			require.Empty(t, b.Sweep(), "leased entries do not expire")
			rewind(b)
			require.Equal(t, []Loss{{Expired, "d", bootOf(b), 6, 10}}, b.Sweep())
			require.Zero(t, balanced(t, b).Pending)
			put(t, b, "d", 1)
			require.EqualValues(t, 11, b.Next(1)[0].Seq)
			require.NoError(t, b.Close())
		})
	})

	t.Run("limits", func(t *testing.T) {
		b := open(t, Options{MaxBytes: 8 << 20})
		_, _, err := b.Append(ctx, "d", make([]byte, 3<<20))
		require.ErrorIs(t, err, ErrTooLarge)
		_, _, err = b.Append(ctx, "d", make([]byte, 1<<20))
		require.NoError(t, err)
		for i := range MaxDevices - 1 {
			_, _, err = b.Append(ctx, fmt.Sprint("device", i), nil)
			require.NoError(t, err)
		}
		if _, _, err = b.Append(ctx, "one more", nil); f.anyDevices {
			require.NoError(t, err, "they were written")
		} else {
			require.ErrorIs(t, err, ErrTooManyDevices)
		}
		_, _, err = b.Append(ctx, "device0", nil)
		require.NoError(t, err, "those it knows go on")
		l := balanced(t, b)
		require.Zero(t, l.Evicted)
		require.LessOrEqual(t, l.Bytes, l.Limit)
		require.Len(t, b.Next(1)[0].Data, 1<<20)
	})

	t.Run("definitions", func(t *testing.T) {
		b := open(t, Options{})
		doc := []byte("doc")
		require.NoError(t, b.Define(7, doc))
		doc[0] = 'x'
		require.Equal(t, map[uint64][]byte{7: []byte("doc")}, b.Definitions())
	})

	t.Run("against a model, at random", func(t *testing.T) {
		for seed := range uint64(f.seeds) {
			againstModel(t, f, seed)
		}
	})

	t.Run("appends are safe beside the consumer", func(t *testing.T) {
		b := open(t, Options{MaxBytes: 256 << 10})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() { put(t, b, fmt.Sprint(g), 5000) })
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		seen := map[string]uint64{}
		for running := true; running; {
			select {
			case <-done:
				running = false
			default:
			}
			for _, e := range b.Next(4000) {
				require.Greater(t, e.Seq, seen[e.Device])
				seen[e.Device] = e.Seq
				b.Ack(e.Index, e.Index, Delivered)
			}
			balanced(t, b)
		}
		require.EqualValues(t, 20_000, balanced(t, b).Put)
	})
}
