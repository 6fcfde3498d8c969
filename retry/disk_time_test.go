package retry

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// The time that somebody vouched for only rises, survives, and costs a write a day.
func TestDiskKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writes := 0
		crash := vfs.NewCrash()
		fault := vfs.NewFault(crash, vfs.Plan{Match: func(c vfs.Call) bool {
			if c.Op == vfs.OpWrite && strings.HasSuffix(c.Name, spool.CursorName) {
				writes++
			}
			return false
		}})
		d, err := open(fault, crashDir, Options{})
		require.NoError(t, err)
		require.True(t, d.TrustedTime().IsZero())
		at := time.Date(2026, 11, 27, 12, 0, 0, 123e6, time.UTC)
		keep := func(x time.Time) {
			d.KeepTime(x)
			synctest.Wait()
		}
		keep(at)
		require.Equal(t, 1, writes, "the first is worth a write")
		keep(at.Add(-time.Hour))
		keep(time.Unix(0, 0))
		keep(time.Time{})
		require.True(t, at.Equal(d.TrustedTime()), "%v", d.TrustedTime())

		killed := func() time.Time {
			again := still(t, crash.Point().Killed(), Options{})
			return again.TrustedTime()
		}
		require.True(t, at.Equal(killed()))
		for range 10 * 24 {
			at = at.Add(time.Hour)
			keep(at)
			time.Sleep(time.Hour)
			require.True(t, at.Equal(d.TrustedTime()))
			require.Less(t, at.Sub(killed()), 24*time.Hour)
		}
		require.LessOrEqual(t, writes, 1+10)

		// It goes with what is written anyway.
		at = at.Add(time.Hour)
		keep(at)
		before := writes
		putAll(t, d, 1, 10, 100)
		require.NoError(t, d.Sync(t.Context()))
		es := d.Next(1 << 20)
		d.Ack(es[0].Index, es[4].Index, Delivered)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, before+1, writes, "the watermark")
		require.True(t, at.Equal(killed()))

		require.NoError(t, d.Close())
		d, err = open(fault, crashDir, Options{})
		require.NoError(t, err)
		require.True(t, at.Equal(d.TrustedTime()))
		require.NoError(t, d.Close())
	})
}

// While the disk cannot be read there is what was kept since, and later the latest
// of both.
func TestDiskKeepsTimeWithoutADisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := vfs.NewCrash()
		d := still(t, fsys, Options{})
		late := time.UnixMilli(1_790_000_000_000)
		d.KeepTime(late)
		d.work()
		d.finish()
		fault := vfs.NewFault(fsys, vfs.Plan{Call: 1, Sticky: true, Match: func(vfs.Call) bool { return true }})
		d, err := open(fault, crashDir, Options{})
		require.NoError(t, err)
		require.True(t, d.TrustedTime().IsZero())
		d.KeepTime(late.Add(-time.Hour))
		require.True(t, late.Add(-time.Hour).Equal(d.TrustedTime()))
		fault.Set(vfs.Plan{})
		time.Sleep(time.Minute)
		synctest.Wait()
		require.True(t, late.Equal(d.TrustedTime()))
		require.NoError(t, d.Close())
	})
}

// Once it is written no power cut takes it back.
func TestDiskTimeIsDurable(t *testing.T) {
	fsys := vfs.NewCrash()
	d := still(t, fsys, crashOptions)
	for day := range 3 {
		at := time.UnixMilli(1_790_000_000_000).Add(time.Duration(day) * 24 * time.Hour)
		d.KeepTime(at)
		d.work()
		require.NoError(t, d.Health().Err)
		for state := range fsys.Point().States(64, 1) {
			again := still(t, state, crashOptions)
			require.True(t, at.Equal(again.TrustedTime()), "%v", again.TrustedTime())
		}
	}
}
