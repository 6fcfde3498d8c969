package retry

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// an fsync that failed is asked again of the same file, at attach.
func TestDiskClaimTrustsSecondFsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrash()
		d := idleDisk(t, fs, Options{Sync: SyncNever})
		putSome(t, d, "d", 3, 20)
		workNow(d)
		putSome(t, d, "d", 1, 20)
		workNow(d)
		killed := fs.Point().Killed()
		fault := vfs.NewFault(killed, vfs.Plan{Call: 1, Match: func(c vfs.Call) bool { return c.Op == vfs.OpSync && strings.HasSuffix(c.Name, ".seg") }})
		d = idleDisk(t, fault, Options{})
		require.True(t, d.Health().Degraded)
		time.Sleep(2 * time.Second)
		d.work()
		require.Len(t, fault.Hits(), 1)
		require.Zero(t, d.w.durable, "the only fsync of the file that it had failed")
	})
}

// Health stays degraded when there is nothing to do.
func TestDiskDegradedWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := vfs.NewFault(vfs.NewCrash(), vfs.Plan{})
		d, err := open(fault, "spool", Options{Sync: SyncAlways})
		require.NoError(t, err)
		defer d.Close()
		require.NoError(t, d.Define(1, []byte("{}")))
		fault.Set(vfs.Plan{Call: 1, Sticky: true})
		putSome(t, d, "d", 1, 20)
		require.True(t, d.Health().Degraded)
		d.Next(1 << 20)
		d.Ack(1, 1, Delivered)
		fault.Set(vfs.Plan{})
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		h := d.Health()
		putSome(t, d, "d", 1, 20)
		t.Logf("spooled by SyncAlways on a disk that has been well for a day: %d", d.Health().Spooled)
		require.False(t, h.Degraded, "%v", h.Err)
	})
}
