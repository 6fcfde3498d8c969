package retry

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func openMemory(t testing.TB, o Options) Buffer {
	m, err := NewMemory(o)
	require.NoError(t, err)
	return m
}

func TestMemory(t *testing.T) { testBuffer(t, form{openMemory, 64 << 10, 60, false}) }

func TestMemoryBoots(t *testing.T) {
	a, b := openMemory(t, Options{}), openMemory(t, Options{})
	require.NotEqual(t, bootOf(a), bootOf(b))
	require.ErrorIs(t, a.Sync(context.Background()), ErrVolatile)
}

func TestMemoryCloseGivesUpWhatIsPending(t *testing.T) {
	m := openMemory(t, Options{})
	for range 10 {
		_, _, err := m.Append(context.Background(), "d", []byte("x"))
		require.NoError(t, err)
	}
	m.Next(1 << 20)
	m.Ack(3, 4, Delivered)
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	l := m.Ledger()
	require.True(t, l.Balanced())
	require.EqualValues(t, []uint64{0, 8, 2}, []uint64{l.Pending, l.Evicted, l.Delivered})
	require.Equal(t, []Loss{{Evicted, "d", bootOf(m), 1, 2}, {Evicted, "d", bootOf(m), 5, 10}}, m.Sweep())
	_, _, err := m.Append(context.Background(), "d", nil)
	require.ErrorIs(t, err, ErrClosed)
}

func TestMemoryOptions(t *testing.T) {
	for _, o := range []Options{{MaxBytes: 100}, {MaxBytes: -1}, {MaxAge: -1}, {Overflow: 9}} {
		_, err := NewMemory(o)
		require.Error(t, err, "%+v", o)
	}
}

func TestMemoryAppendDoesNotAllocate(t *testing.T) {
	m := openMemory(t, Options{MaxBytes: 256 << 10})
	data := make([]byte, 80)
	ctx := context.Background()
	for range 10_000 { // into the steady state, evicting
		_, _, err := m.Append(ctx, "d", data)
		require.NoError(t, err)
	}
	require.Zero(t, testing.AllocsPerRun(10_000, func() { _, _, _ = m.Append(ctx, "d", data) }))
}

func BenchmarkMemoryAppend(b *testing.B) {
	m := openMemory(b, Options{})
	data := make([]byte, 80)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = m.Append(ctx, "d", data)
	}
}
