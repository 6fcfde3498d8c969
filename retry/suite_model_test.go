package retry

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// model is what a buffer with DropOldest must be like, seen from outside.
type model struct {
	t      *testing.T
	rng    *rand.Rand
	b      Buffer
	live   map[uint64]modelEntry // pending, by index
	leased map[uint64]bool
	seqs   map[string]uint64
	index  uint64 // of the last entry
	read   uint64 // the read place
	ledger Ledger
}

type modelEntry struct {
	dev  string
	boot uint64
	seq  uint64
	data string
}

// againstModel runs random operations on a buffer and on a model beside it.
func againstModel(t *testing.T, f form, seed uint64) {
	limit := f.small / 2
	m := &model{t: t, rng: rand.New(rand.NewPCG(seed, 1)), b: f.open(t, Options{MaxBytes: limit}), live: map[uint64]modelEntry{},
		leased: map[uint64]bool{}, seqs: map[string]uint64{}, read: 1}
	ops := []func(){m.append, m.append, m.append, m.append, m.append, m.next, m.next, m.next, m.ack, m.ack, m.giveBack, m.seek, m.rewind}
	for range 400 {
		ops[m.rng.IntN(len(ops))]()
		l := m.b.Ledger()
		require.True(t, l.Balanced())
		m.ledger.Pending, m.ledger.Bytes, m.ledger.Limit = uint64(len(m.live)), l.Bytes, limit
		require.Equal(t, m.ledger, l, "seed %d", seed)
		require.LessOrEqual(t, l.Bytes, limit)
		first, next := m.b.Span()
		require.Equal(t, m.index+1, next)
		lowest := next
		for i := range m.live {
			lowest = min(lowest, i)
		}
		require.Equal(t, lowest, first)
	}
}

func (m *model) append() {
	for range m.rng.IntN(40) {
		size := m.rng.IntN(900)
		if m.rng.IntN(100) == 0 {
			size = m.rng.IntN(8000)
		}
		dev, data := fmt.Sprint(m.rng.IntN(3)), fmt.Sprint(m.index, string(noise[:size]))
		boot, seq, err := m.b.Append(context.Background(), dev, []byte(data))
		require.NoError(m.t, err, "whatever is leased, there is room for one more: %d", len(m.leased))
		m.seqs[dev]++
		m.index++
		m.ledger.Put++
		require.Equal(m.t, []uint64{bootOf(m.b), m.seqs[dev]}, []uint64{boot, seq})
		m.live[m.index] = modelEntry{dev, boot, seq, data}
	}
	settle(m.b)
	for _, l := range m.b.Sweep() { // the model learns what was evicted
		require.Equal(m.t, Evicted, l.Outcome)
		for seq := l.First; seq <= l.Last; seq++ {
			i, found := m.find(l.Device, l.Boot, seq)
			require.True(m.t, found, "%v was not pending", l)
			require.False(m.t, m.leased[i], "a leased entry was evicted")
			delete(m.live, i)
			m.ledger.Evicted++
		}
	}
}

func (m *model) find(dev string, boot, seq uint64) (uint64, bool) {
	for i, e := range m.live {
		if e.dev == dev && e.boot == boot && e.seq == seq {
			return i, true
		}
	}
	return 0, false
}

func (m *model) next() {
	var want []uint64
	for _, i := range slices.Sorted(maps.Keys(m.live)) {
		if i >= m.read && !m.leased[i] {
			want = append(want, i)
		}
	}
	got := m.b.Next(1 + m.rng.IntN(4000))
	if len(m.leased) == 0 {
		require.Equal(m.t, len(want) == 0, len(got) == 0)
	}
	require.LessOrEqual(m.t, len(got), len(want))
	for n, e := range got {
		require.Equal(m.t, want[n], e.Index)
		require.Equal(m.t, m.live[e.Index], modelEntry{e.Device, e.Boot, e.Seq, string(e.Data)})
		m.leased[e.Index] = true
		m.read = e.Index + 1
	}
}

// some returns some of the leased entries, in any order.
func (m *model) some() []uint64 {
	some := slices.Sorted(maps.Keys(m.leased))
	m.rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	return some[:m.rng.IntN(len(some)+1)]
}

func (m *model) ack() {
	for _, i := range m.some() {
		delete(m.live, i)
		delete(m.leased, i)
		if m.rng.IntN(5) == 0 {
			m.b.Ack(i, i, Rejected)
			m.ledger.Rejected++
		} else {
			m.b.Ack(i, i, Delivered)
			m.ledger.Delivered++
		}
	}
}

func (m *model) giveBack() {
	for _, i := range m.some() {
		delete(m.leased, i)
		m.b.Return(i, i)
		if i >= m.read { // Next may have passed over it
			m.b.Seek(i)
			m.read = i
		}
	}
}

func (m *model) seek() {
	m.read = m.rng.Uint64N(m.index + 2)
	m.b.Seek(m.read)
}

func (m *model) rewind() {
	rewind(m.b)
	clear(m.leased)
	m.read = 0
}
