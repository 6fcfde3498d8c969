package retry

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// A directory is removed while the buffer is open: of what is lost the ids are
// reported, exactly, whatever was delivered of it before and in whatever order the
// devices put.
func TestDiskLossesHaveIDs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed here")
	}
	for _, c := range []struct {
		name          string
		devices       int
		order         string
		again, finish bool // it was opened again; what was before it is finished in whole blocks
	}{
		{"one device", 1, "random", false, false},
		{"a few devices in turn", 3, "turns", false, false},
		{"a few devices", 5, "random", false, false},
		{"many devices", 2000, "random", false, false},
		{"one device, found at start", 1, "turns", true, false},
		{"a few devices, found at start", 3, "random", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			synctest.Test(t, func(t *testing.T) { vanish(t, dir, c.devices, c.order == "random", c.again, c.finish) })
		})
	}
}

func vanish(t *testing.T, dir string, devices int, random, again, finish bool) {
	rng := rand.New(rand.NewPCG(1, 1))
	o := Options{MaxBytes: 2 << 20, SyncDelay: time.Hour, SyncBytes: 8 << 10}
	d, err := Open(dir, o)
	require.NoError(t, err)
	put := map[entryID]bool{}
	for i := range 5000 {
		n := i % devices
		if random {
			n = rng.IntN(devices)
		}
		dev := fmt.Sprint("device-", n)
		boot, seq, err := d.Append(t.Context(), dev, noise[i:i+20])
		require.NoError(t, err)
		put[entryID{dev, boot, seq}] = true
		if i%500 == 0 {
			require.NoError(t, d.Sync(t.Context()))
		}
	}
	require.NoError(t, d.Sync(t.Context()))
	if again {
		require.NoError(t, d.Close())
		d, err = Open(dir, o)
		require.NoError(t, err)
	}
	ack := func(e Entry) {
		d.Ack(e.Index, e.Index, Delivered)
		delete(put, entryID{e.Device, e.Boot, e.Seq})
	}
	for _, e := range d.Next(40_000) {
		if finish || rng.IntN(3) > 0 {
			ack(e)
		}
	}
	rewind(d)
	require.NoError(t, os.RemoveAll(dir))
	d.m.mu.Lock()
	reader := d.stopReading() // what is open could still be read
	d.m.mu.Unlock()
	require.NoError(t, reader.Close())
	for tries := 0; d.Ledger().Pending > 0; tries++ {
		require.Less(t, tries, 10_000)
		for _, e := range d.Next(1 << 20) {
			ack(e)
		}
		time.Sleep(time.Second)
		synctest.Wait()
	}
	unnamed := uint64(0)
	for _, l := range d.Sweep() {
		require.Equal(t, Corrupt, l.Outcome)
		if l.Device == "" {
			require.Zero(t, l.Boot)
			unnamed += l.Last
			continue
		}
		for seq := l.First; seq <= l.Last; seq++ {
			id := entryID{l.Device, l.Boot, seq}
			require.True(t, put[id], "%v was not lost", id)
			delete(put, id)
		}
	}
	require.Len(t, put, int(unnamed))
	if again && devices > 1 { // of the block that was begun only the number is known
		require.Less(t, unnamed, uint64(500))
	} else {
		require.Zero(t, unnamed)
	}
	require.NoError(t, d.Close())
}

// What is remembered of the ids is bounded, and goes with the segments.
func TestDiskIDsAreBounded(t *testing.T) {
	d := idleDisk(t, newCrash(), Options{MaxBytes: 8 << 20, MaxMemory: 1 << 20})
	rng := rand.New(rand.NewPCG(1, 1))
	most := 0
	for range 400 {
		for range 200 {
			_, _, err := d.Append(t.Context(), fmt.Sprint("device-", rng.IntN(3000)), noise[:rng.IntN(30)])
			require.NoError(t, err)
		}
		workNow(d)
		most = max(most, d.ids)
	}
	require.Greater(t, most, 100<<10)
	require.Less(t, most, 128<<10+64<<10, "an eighth of the memory, and a block")
	deliverAll(d)
	workNow(d)
	if d.w.seg != nil {
		require.Equal(t, d.w.seg.ids.Cost(), d.ids)
	}
}

// A segment is evicted by its ids, without being read.
func TestDiskEvictsWithoutReading(t *testing.T) {
	reads := 0
	fault := vfs.NewFault(newCrash(), vfs.Plan{Match: func(c vfs.Call) bool {
		if c.Op == vfs.OpRead && strings.HasSuffix(c.Name, spool.SegmentExt) {
			reads++
		}
		return false
	}})
	d := idleDisk(t, fault, Options{})
	for range 200 {
		putSome(t, d, "d", 1, 3000)
		workNow(d)
	}
	l := d.Ledger()
	require.NotZero(t, l.Evicted)
	require.Zero(t, reads)
	require.Equal(t, []Loss{{Evicted, "d", d.m.boot, 1, l.Evicted}}, d.Sweep())
}
