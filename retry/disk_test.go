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
	for name, mode := range map[string]SyncMode{"group": SyncGroup, "spill": SyncSpill, "never": SyncNever} {
		t.Run(name, func(t *testing.T) {
			testBuffer(t, form{func(t testing.TB, o Options) Buffer {
				o.Sync, o.SyncBytes = mode, 4<<10
				o.SyncDelay = time.Second
				if o.MaxBytes > 0 && o.MaxBytes < 4<<20 {
					o.MaxMemory = minWaiting
				}
				return openDisk(t, vfs.NewCrash(), "spool", o)
			}, 512 << 10, 20})
		})
	}
}

func TestDiskComesBack(t *testing.T) {
	fsys := vfs.NewCrash()
	d := openDisk(t, fsys, "spool", Options{SyncDelay: time.Hour})
	require.EqualValues(t, 1, d.Boot())
	for range 10 {
		_, err := d.Append(t.Context(), "d", []byte("data"))
		require.NoError(t, err)
	}
	require.NoError(t, d.Sync(t.Context()))
	require.NoError(t, d.Close())
	d = openDisk(t, fsys, "spool", Options{})
	require.EqualValues(t, 2, d.Boot())
	es := d.Next(1 << 20)
	require.Len(t, es, 10)
	require.EqualValues(t, 1, es[0].Boot)
}
