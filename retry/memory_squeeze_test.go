package retry

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// hotKey puts n entries of that size, one in a hundred of a key that cannot be
// sent: what Next gives of it, now and then, is given back. It returns how many of
// that key there were.
func hotKey(t *testing.T, b Buffer, n, size, often int) (hot int) {
	for i := range n {
		dev := fmt.Sprint("key", i%100)
		_, _, err := b.Append(t.Context(), dev, noise[i%3000:i%3000+size])
		require.NoError(t, err, "after %d entries: %+v", i, b.Ledger())
		if dev == "key7" {
			hot++
		}
		if i%often < often-1 {
			continue
		}
		settle(b)
		for es := b.Next(64 << 10); len(es) > 0; es = b.Next(64 << 10) {
			for _, e := range es {
				if e.Device == "key7" {
					b.Return(e.Index, e.Index)
				} else {
					b.Ack(e.Index, e.Index, Delivered)
				}
			}
		}
	}
	return hot
}

// A key in trouble holds its own room and no more: chunks that are finished but for
// it are squeezed.
func TestMemoryKeyInTrouble(t *testing.T) {
	for _, n := range []int{60_000, 300_000} { // 100 a second, for 10 and 50 minutes
		b := openMemory(t, Options{})
		hot := hotKey(t, b, n, 1000, 500)
		l := b.Ledger()
		require.True(t, l.Balanced())
		require.Zero(t, l.Evicted, "of %d entries", n)
		require.EqualValues(t, hot, l.Pending)
		require.LessOrEqual(t, l.Bytes, l.Limit)
		b.Seek(0) // it is well again
		seq := uint64(0)
		for es := b.Next(64 << 10); len(es) > 0; es = b.Next(64 << 10) {
			for _, e := range es {
				seq++
				require.Equal(t, seq, e.Seq)
				at := (int(seq-1)*100 + 7) % 3000
				require.Equal(t, noise[at:at+1000], e.Data)
				b.Ack(e.Index, e.Index, Delivered)
			}
		}
		require.EqualValues(t, hot, seq)
		require.Zero(t, b.Ledger().Pending)
	}
}

// On disk it is the key in trouble that loses its oldest when the quota is full, and
// no other: none is refused.
func TestDiskKeyInTrouble(t *testing.T) {
	d := idleDisk(t, newCrash(), Options{MaxBytes: 1 << 20, MaxMemory: 1 << 20, SyncBytes: 64 << 10})
	go d.run()
	defer d.Close()
	hotKey(t, d, 20_000, 1000, 500)
	require.NotZero(t, d.Ledger().Evicted)
	for _, l := range d.Sweep() {
		require.Equal(t, "key7", l.Device)
		require.Equal(t, Evicted, l.Outcome)
	}
}

// What is squeezed is read as it was, is expired, evicted and given up by its ids.
func TestMemorySqueezed(t *testing.T) {
	b := openMemory(t, Options{MaxBytes: 64 << 10, MaxAge: 1 << 50}).(*Memory)
	hotKey(t, b, 3000, 50, 50)
	squeezed := 0
	for _, c := range b.chunks {
		if len(c.holes) > 0 {
			squeezed++
			require.Less(t, c.size, int64(b.chunk))
		}
	}
	require.Greater(t, squeezed, 5)
	pending := b.Ledger().Pending
	b.Seek(0)
	got := b.Next(1)
	require.Len(t, got, 1)
	b.mu.Lock()
	b.expire(1 << 60)
	b.mu.Unlock()
	l := b.Ledger()
	require.True(t, l.Balanced())
	require.EqualValues(t, 1, l.Pending, "what is leased does not expire")
	require.Equal(t, pending-1, l.Expired)
	lost := uint64(0)
	for _, x := range b.Sweep() {
		require.Equal(t, "key7", x.Device)
		lost += x.Last - x.First + 1
	}
	require.Equal(t, l.Expired+l.Evicted, lost)
	require.NoError(t, b.Close())
	require.Equal(t, []Loss{{Evicted, "key7", got[0].Boot, got[0].Seq, got[0].Seq}}, b.Sweep())
}
