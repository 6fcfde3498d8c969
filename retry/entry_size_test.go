package retry

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// An entry may have 10 MiB, what Kinesis takes, and what its owner needs beside,
// where there is room for it.
func TestLargeEntries(t *testing.T) {
	random := make([]byte, 10<<20+64<<10)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	fsys := vfs.NewCrash()
	for name, b := range map[string]Buffer{
		"memory": openMemory(t, Options{MaxBytes: 64 << 20}),
		"disk":   openDisk(t, fsys, crashDir, Options{MaxBytes: 64 << 20, MaxMemory: 24 << 20}),
	} {
		t.Run(name, func(t *testing.T) {
			want := [][]byte{[]byte("small"), random, make([]byte, len(random)), []byte("small again")}
			for _, data := range want {
				_, _, err := b.Append(t.Context(), "d", data)
				require.NoError(t, err)
				if name == "disk" {
					require.NoError(t, b.Sync(t.Context()))
				}
			}
			if name == "disk" {
				require.NoError(t, b.Close())
				d := openDisk(t, fsys, crashDir, Options{MaxBytes: 64 << 20, MaxMemory: 24 << 20})
				require.Zero(t, d.Ledger().Corrupt)
				b = d
			}
			var got [][]byte
			for es := b.Next(1 << 20); len(es) > 0; es = b.Next(1 << 20) {
				for _, e := range es {
					got = append(got, bytes.Clone(e.Data))
				}
				b.Ack(es[0].Index, es[len(es)-1].Index, Delivered)
			}
			require.Len(t, got, len(want))
			for i := range want {
				require.True(t, bytes.Equal(want[i], got[i]))
			}
			require.Zero(t, b.Ledger().Pending)
			require.NoError(t, b.Close())
		})
	}
}

// What is too large is refused with its size, the limit, and what to change.
func TestTooLargeSaysWhy(t *testing.T) {
	for _, c := range []struct {
		o    Options
		size int
		disk bool
		want string
	}{
		{Options{MaxBytes: 64 << 10}, 16 << 10, false, "16384 bytes; the limit is 16344, a quarter of Options.MaxBytes"},
		{Options{MaxBytes: 64 << 10}, 16344, false, ""},
		{Options{MaxBytes: 1 << 30}, 12 << 20, false, "12582912 bytes; the limit is 11534336, as much as any buffer takes"},
		{Options{MaxBytes: 1 << 20}, 300_000, true, "300000 bytes; the limit is 262104, a quarter of Options.MaxBytes"},
		{Options{MaxMemory: 1 << 20}, 600_000, true, "600000 bytes; the limit is 524248, half of Options.MaxMemory"},
		{Options{MaxMemory: 1 << 20}, 524248, true, ""},
	} {
		b := Buffer(nil)
		if c.disk {
			b = openDisk(t, vfs.NewCrash(), crashDir, c.o)
		} else {
			b = openMemory(t, c.o)
		}
		_, _, err := b.Append(t.Context(), "d", make([]byte, c.size))
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, ErrTooLarge)
		require.ErrorContains(t, err, c.want)
		require.Zero(t, b.Ledger().Put)
	}
}
