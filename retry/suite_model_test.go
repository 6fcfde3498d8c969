package retry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// againstModel runs random operations on a buffer and on a plain map beside it.
func againstModel(t *testing.T, f form, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	limit := f.small / 2
	b := f.open(t, Options{MaxBytes: limit})
	type entry struct {
		dev  string
		seq  uint64
		data string
	}
	live := map[uint64]entry{} // by index
	seqs := map[string]uint64{}
	leased := []uint64{}
	index := uint64(0)
	var delivered, rejected, evicted uint64
	for range 400 {
		switch op := rng.IntN(10); {
		case op < 5:
			for range rng.IntN(40) {
				dev, data := fmt.Sprint(rng.IntN(3)), fmt.Sprint(index, string(noise[:rng.IntN(900)]))
				seq, err := b.Append(context.Background(), dev, []byte(data))
				if err != nil { // all but a little is leased
					require.ErrorIs(t, err, ErrFull)
					require.Greater(t, len(leased), 10)
					break
				}
				seqs[dev]++
				index++
				require.Equal(t, seqs[dev], seq)
				live[index] = entry{dev, seq, data}
			}
			settle(b)
			for _, l := range b.Sweep() { // the model learns what was evicted
				require.Equal(t, Evicted, l.Outcome)
				for seq := l.First; seq <= l.Last; seq++ {
					found := false
					for i, e := range live {
						if e.dev == l.Device && e.seq == seq {
							require.NotContains(t, leased, i, "a leased entry was evicted")
							delete(live, i)
							evicted++
							found = true
						}
					}
					require.True(t, found, "seed %d: %v was not pending", seed, l)
				}
			}
		case op < 8:
			want := slices.Sorted(func(yield func(uint64) bool) {
				for i := range live {
					if !slices.Contains(leased, i) && !yield(i) {
						return
					}
				}
			})
			got := b.Next(1 + rng.IntN(4000))
			require.Equal(t, len(want) == 0, len(got) == 0)
			for n, e := range got {
				require.Equal(t, want[n], e.Index)
				require.Equal(t, live[e.Index], entry{e.Device, e.Seq, string(e.Data)})
				leased = append(leased, e.Index)
			}
		case op < 9 && len(leased) > 0:
			rng.Shuffle(len(leased), func(i, j int) { leased[i], leased[j] = leased[j], leased[i] })
			for range rng.IntN(len(leased) + 1) {
				i := leased[0]
				leased = leased[1:]
				delete(live, i)
				o := Delivered
				if rng.IntN(5) == 0 {
					o = Rejected
					rejected++
				} else {
					delivered++
				}
				b.Ack(i, i, o)
			}
		default:
			b.Rewind()
			leased = leased[:0]
		}
		l := b.Ledger()
		require.True(t, l.Balanced())
		require.Equal(t, Ledger{Put: index, Pending: uint64(len(live)), Delivered: delivered, Rejected: rejected, Evicted: evicted, Bytes: l.Bytes, Limit: limit}, l, "seed %d", seed)
		require.LessOrEqual(t, l.Bytes, limit)
		first, next := b.Span()
		require.Equal(t, index+1, next)
		lowest := next
		for i := range live {
			lowest = min(lowest, i)
		}
		require.Equal(t, lowest, first)
	}
}
