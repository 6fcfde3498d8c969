package retry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

func openDisk(t testing.TB, fsys vfs.FS, dir string, o Options) *Disk {
	d, err := open(fsys, dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDisk(t *testing.T) {
	seeds := 20
	if raceEnabled {
		seeds = 3
	}
	for name, mode := range map[string]SyncMode{"group": SyncGroup, "spill": SyncSpill, "never": SyncNever} {
		t.Run(name, func(t *testing.T) {
			testBuffer(t, form{func(t testing.TB, o Options) Buffer {
				o.Sync, o.SyncBytes = mode, 4<<10
				o.SyncDelay = time.Second
				if o.MaxBytes > 0 && o.MaxBytes < 4<<20 {
					o.MaxMemory = minWaiting
				}
				return openDisk(t, vfs.NewCrash(), "spool", o)
			}, 512 << 10, seeds, true})
		})
	}
}

func TestDiskComesBack(t *testing.T) {
	fsys := vfs.NewCrash()
	d := openDisk(t, fsys, "spool", Options{SyncDelay: time.Hour})
	boot := d.m.boot
	for range 10 {
		_, _, err := d.Append(t.Context(), "d", []byte("data"))
		require.NoError(t, err)
	}
	require.NoError(t, d.Sync(t.Context()))
	require.NoError(t, d.Close())
	d = openDisk(t, fsys, "spool", Options{})
	require.NotEqual(t, boot, d.m.boot)
	es := d.Next(1 << 20)
	require.Len(t, es, 10)
	require.Equal(t, boot, es[0].Boot)
}

func TestDiskAppendDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	d := openDisk(t, vfs.OS{}, t.TempDir(), Options{SyncDelay: time.Hour, SyncBytes: 1 << 30})
	data := make([]byte, 80)
	put := func() {
		if _, _, err := d.Append(t.Context(), "d", data); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		put()
	}
	require.Less(t, testing.AllocsPerRun(5000, put), 0.01)
}

func BenchmarkDiskAppend(b *testing.B) {
	for _, mode := range []SyncMode{SyncGroup, SyncSpill} {
		b.Run(mode.String(), func(b *testing.B) {
			d := openDisk(b, vfs.OS{}, b.TempDir(), Options{Sync: mode})
			data := noise[:80]
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := d.Append(b.Context(), "d", data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(d.Health().FlashBytes)/float64(b.N), "flash-B/op")
		})
	}
}
