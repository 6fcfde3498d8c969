package retry

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

func newCrash() *vfs.Crash { return vfs.NewCrash() }

// counted checks that ids are given out once, and count from 1 without gaps for
// each device and boot.
type counted map[string]uint64

func (c counted) put(t *testing.T, b Buffer, device string) {
	t.Helper()
	boot, seq, err := b.Append(t.Context(), device, []byte("21.5"))
	require.NoError(t, err, "%s", device)
	key := fmt.Sprint(device, "/", boot)
	c[key]++
	require.Equal(t, c[key], seq, key)
}

// A gateway whose devices change their addresses all the time.
func TestDevicesRotate(t *testing.T) {
	for name, open := range map[string]func() Buffer{
		"memory":        func() Buffer { return openMemory(t, Options{}) },
		"little memory": func() Buffer { return openMemory(t, Options{MaxBytes: 256 << 10}) },
		"disk":          func() Buffer { return openDisk(t, newCrash(), crashDir, Options{}) },
		"disk, little room": func() Buffer {
			return openDisk(t, newCrash(), crashDir, Options{MaxBytes: minDisk, MaxMemory: minWaiting})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, ids := open(), counted{}
			const addresses, stays = 100_000, 50
			for i := range addresses {
				ids.put(t, b, fmt.Sprintf("%012x", i))
				ids.put(t, b, fmt.Sprintf("%012x", max(0, i-stays)))
				if i%20 == 0 {
					deliverAll(b)
				}
			}
			boots := map[uint64]bool{}
			for range 3 { // one that was there at the beginning comes back
				boot, _, err := b.Append(t.Context(), "000000000000", nil)
				require.NoError(t, err)
				boots[boot] = true
			}
			require.Len(t, boots, 1)
			require.Zero(t, b.Ledger().Evicted)
			require.True(t, b.Ledger().Balanced())
		})
	}
}

// As many devices as MaxDevices says have unfinished entries at once, with the
// default options, and one boot.
func TestDevicesAtOnce(t *testing.T) {
	for name, b := range map[string]Buffer{"memory": openMemory(t, Options{}), "disk": openDisk(t, newCrash(), crashDir, Options{})} {
		t.Run(name, func(t *testing.T) {
			device := func(i int) string { return fmt.Sprintf("dc:a6:32:%02x:%02x:%02x", i>>16, i>>8&255, i&255) }
			first := bootOf(b)
			for round := range 2 {
				for i := range MaxDevices {
					boot, seq, err := b.Append(t.Context(), device(i), []byte("21.5"))
					require.NoError(t, err)
					require.Equal(t, first, boot)
					require.EqualValues(t, round+1, seq)
				}
			}
			_, _, err := b.Append(t.Context(), device(MaxDevices), nil)
			if name == "memory" {
				require.ErrorIs(t, err, ErrTooManyDevices)
				require.ErrorContains(t, err, "10000")
				es := b.Next(1)
				b.Ack(es[0].Index, es[0].Index, Delivered)
				_, _, err = b.Append(t.Context(), device(MaxDevices), nil)
				require.ErrorIs(t, err, ErrTooManyDevices, "%s has another", es[0].Device)
				b.Seek(es[0].Index + MaxDevices) // its other one
				es = b.Next(1)
				b.Ack(es[0].Index, es[0].Index, Delivered)
				_, _, err = b.Append(t.Context(), device(MaxDevices), nil)
			}
			require.NoError(t, err)
			l := b.Ledger()
			require.Zero(t, l.Evicted)
			require.LessOrEqual(t, l.Bytes, l.Limit)
		})
	}
}

// A device counts while it has an unfinished entry, be it one in a chunk of others
// that are finished or leased, and the table takes no more than it may.
func TestDevicesLimitIsExact(t *testing.T) {
	for _, name := range []int{3, 40, 500} {
		b := openMemory(t, Options{MaxBytes: 64 << 10}).(*Memory)
		device := func(i int) string { return fmt.Sprintf("%0*d", name, i) }
		most := (16 << 10) / (deviceBytes + name)
		for i := 0; ; i++ {
			_, _, err := b.Append(t.Context(), device(i), nil)
			if errors.Is(err, ErrTooManyDevices) {
				require.Equal(t, most, i)
				break
			}
			require.NoError(t, err)
			require.LessOrEqual(t, b.Ledger().Bytes, b.Ledger().Limit)
		}
		es := b.Next(1 << 20)
		require.Len(t, es, most)
		for i := range most / 2 { // every second one: their neighbours are leased
			b.Ack(es[2*i].Index, es[2*i].Index, Delivered)
		}
		for i := range most / 2 {
			_, _, err := b.Append(t.Context(), device(500+i), nil)
			require.NoError(t, err)
		}
		_, _, err := b.Append(t.Context(), device(900), nil)
		require.ErrorIs(t, err, ErrTooManyDevices)
		for i, e := range es[:most/2*2] {
			if i%2 == 1 {
				require.Equal(t, device(i), e.Device)
			}
		}
		b.Return(0, 1<<60)
		b.Seek(0)
		seen := map[string]int{}
		for _, e := range b.Next(1 << 20) {
			seen[e.Device]++
		}
		require.Len(t, seen, most)
	}
}

// On a disk that cannot be written to the limit is that of the memory.
func TestDevicesWhileTheDiskIsAway(t *testing.T) {
	fault := vfs.NewFault(newCrash(), vfs.Plan{})
	d := openDisk(t, fault, crashDir, Options{MaxMemory: minWaiting})
	fault.Set(vfs.Plan{Call: 1, Sticky: true})
	var err error
	n := 0
	for ; err == nil; n++ {
		_, _, err = d.Append(t.Context(), fmt.Sprintf("%012d", n), nil)
	}
	require.ErrorIs(t, err, ErrTooManyDevices)
	require.Equal(t, minWaiting/2/(deviceBytes+12), n-1)
	fault.Set(vfs.Plan{})
	deliverAll(d)
	_, _, err = d.Append(t.Context(), "one more", nil)
	require.NoError(t, err)
}
