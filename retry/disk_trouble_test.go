package retry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// putAll appends entries of 1 to n with their number as data, and as much as that.
func putAll(t testing.TB, d *Disk, from, to, size int) {
	for i := from; i <= to; i++ {
		_, _, err := d.Append(t.Context(), "d", fmt.Appendf(nil, "%d %s", i, noise[i%3000:i%3000+size]))
		require.NoError(t, err)
	}
}

// takeAll reads and delivers all there is, and returns the numbers.
func takeAll(d *Disk) (numbers []int) {
	for {
		es := d.Next(64 << 10)
		if len(es) == 0 {
			return numbers
		}
		for _, e := range es {
			n := 0
			_, _ = fmt.Sscan(string(e.Data), &n)
			numbers = append(numbers, n)
			d.Ack(e.Index, e.Index, Delivered)
		}
	}
}

// well waits, for a minute at most, until all that was put is durable.
func well(t testing.TB, d *Disk) {
	began := time.Now()
	for {
		err := d.Sync(t.Context())
		synctest.Wait()
		if err == nil && !d.Health().Degraded {
			return
		}
		require.Less(t, time.Since(began), 61*time.Second, "%v: %+v", err, d.Health())
		time.Sleep(time.Second)
	}
}

func upTo(from, to int) (numbers []int) {
	for i := from; i <= to; i++ {
		numbers = append(numbers, i)
	}
	return numbers
}

// The directory is removed while the buffer is open: what was in it is lost, and
// said to be; what comes later is durable in a new one.
func TestDiskDirectoryRemoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be removed here")
	}
	dir := filepath.Join(t.TempDir(), "var", "spool")
	for _, what := range []struct {
		name string
		dir  string
		lost int // of the 20
	}{{"the directory", dir, 20}, {"its parent", filepath.Dir(dir), 20}, {"a segment", "*.seg", 20}, {"the cursor", "cursor", 0}, {"FORMAT", "FORMAT", 0}} {
		t.Run(what.name, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(filepath.Dir(dir)))
			synctest.Test(t, func(t *testing.T) {
				d, err := Open(dir, Options{SyncDelay: time.Hour})
				require.NoError(t, err)
				require.NoError(t, d.Define(7, []byte("document")))
				putAll(t, d, 1, 20, 1000)
				require.NoError(t, d.Sync(t.Context()))
				gone := []string{what.dir}
				if !filepath.IsAbs(what.dir) {
					gone, err = filepath.Glob(filepath.Join(dir, what.dir))
					require.NoError(t, err)
					require.NotEmpty(t, gone)
				}
				for _, g := range gone {
					require.NoError(t, os.RemoveAll(g))
				}
				putAll(t, d, 21, 40, 1000)
				well(t, d)
				require.NoError(t, d.Close())
				d, err = Open(dir, Options{})
				require.NoError(t, err)
				require.Equal(t, []byte("document"), d.Definitions()[7])
				require.Equal(t, upTo(what.lost+1, 40), takeAll(d))
				require.NoError(t, d.Close())
			})
		})
	}
	t.Run("said to be", func(t *testing.T) {
		require.NoError(t, os.RemoveAll(dir))
		synctest.Test(t, func(t *testing.T) {
			d, err := Open(dir, Options{SyncDelay: time.Hour})
			require.NoError(t, err)
			putAll(t, d, 1, 20, 1000)
			require.NoError(t, d.Sync(t.Context()))
			require.NoError(t, os.RemoveAll(dir))
			putAll(t, d, 21, 40, 1000)
			well(t, d)
			require.Equal(t, upTo(21, 40), takeAll(d))
			lost := uint64(0)
			for _, l := range d.Sweep() {
				require.Equal(t, Corrupt, l.Outcome)
				lost += l.Last - l.First + 1
			}
			require.EqualValues(t, 20, lost)
			require.EqualValues(t, 20, d.Ledger().Corrupt)
			require.NoError(t, d.Close())
		})
	})
}

// The disk is smaller than the quota.
func TestDiskFull(t *testing.T) {
	const capacity = 256 << 10
	opts := Options{MaxBytes: 8 << 20, MaxMemory: minWaiting, SyncDelay: time.Second, SyncBytes: 16 << 10}
	run := func(name string, overflow Overflow, f func(t *testing.T, d *Disk, fsys *vfs.Crash)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fsys := vfs.NewCrash()
				fsys.Capacity = capacity
				opts.Overflow = overflow
				d, err := open(fsys, "spool", opts)
				require.NoError(t, err)
				t.Cleanup(func() { _ = d.Close() })
				f(t, d, fsys)
				require.True(t, d.Ledger().Balanced())
				_ = d.Close()
				d, err = open(fsys, "spool", opts)
				require.NoError(t, err)
				require.Zero(t, d.Ledger().Corrupt)
				require.NoError(t, d.Close())
			})
		})
	}
	// fill appends until there is no room, and returns how many fitted.
	fill := func(t *testing.T, d *Disk, want error) (n int) {
		for {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, _, err := d.Append(ctx, "d", fmt.Appendf(nil, "%d %s", n+1, noise[:1000]))
			cancel()
			if err != nil {
				require.ErrorIs(t, err, want)
				return n
			}
			n++
			require.Less(t, n, 1000)
		}
	}
	run("drop-oldest", DropOldest, func(t *testing.T, d *Disk, _ *vfs.Crash) {
		putAll(t, d, 1, 1000, 1000)
		well(t, d)
		l := d.Ledger()
		require.Greater(t, l.Evicted, uint64(500))
		require.Greater(t, l.Pending, uint64(100), "the disk is used")
		losses := d.Sweep()
		require.Len(t, losses, 1, "%v", losses)
		require.Equal(t, Loss{Evicted, "d", d.m.boot, 1, l.Evicted}, losses[0])
		require.Equal(t, upTo(int(l.Evicted)+1, 1000), takeAll(d))
	})
	for name, c := range map[string]struct {
		overflow Overflow
		err      error
	}{"reject": {Reject, ErrFull}, "block": {Block, context.DeadlineExceeded}} {
		run(name, c.overflow, func(t *testing.T, d *Disk, _ *vfs.Crash) {
			n := fill(t, d, c.err)
			require.Greater(t, n, 100)
			require.Empty(t, d.Sweep())
			require.Equal(t, upTo(1, n), takeAll(d))
			require.Empty(t, d.Sweep())
			putAll(t, d, n+1, n+20, 1000)
			well(t, d)
			require.Equal(t, upTo(n+1, n+20), takeAll(d))
			require.NoError(t, d.Close())
		})
	}
	run("closed with entries in memory", Reject, func(t *testing.T, d *Disk, fsys *vfs.Crash) {
		n := fill(t, d, ErrFull)
		require.Error(t, d.Close())
		lost := 0
		for _, l := range d.Sweep() {
			require.Equal(t, Evicted, l.Outcome)
			require.EqualValues(t, n, l.Last)
			lost += int(l.Last - l.First + 1)
		}
		again, err := open(fsys, "spool", opts)
		require.NoError(t, err)
		require.Equal(t, upTo(1, n-lost), takeAll(again))
		require.NoError(t, again.Close())
	})
}

// withBacklog leaves entries 1 to 20 behind.
func withBacklog(t *testing.T) *vfs.Crash {
	fsys := vfs.NewCrash()
	d, err := open(fsys, "spool", Options{})
	require.NoError(t, err)
	putAll(t, d, 1, 20, 500)
	require.NoError(t, d.Close())
	return fsys
}

// The disk cannot be read when the device starts, and later it can.
func TestDiskMountedLate(t *testing.T) {
	for _, leased := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			fault := vfs.NewFault(withBacklog(t), vfs.Plan{Call: 1, Sticky: true, Match: func(vfs.Call) bool { return true }})
			d, err := open(fault, "spool", Options{})
			require.NoError(t, err)
			require.True(t, d.Health().Degraded)
			require.ErrorIs(t, d.Health().Err, syscall.EIO)
			boot := d.m.boot
			putAll(t, d, 21, 40, 500)
			require.ErrorIs(t, d.Sync(t.Context()), ErrDegraded)
			want := upTo(1, 60)
			if leased { // then these come first
				es := d.Next(3000)
				d.Ack(es[0].Index, es[len(es)-1].Index, Delivered)
				want = append(upTo(1, 20), upTo(21+len(es), 60)...)
			}
			time.Sleep(3 * time.Minute)
			fault.Set(vfs.Plan{})
			putAll(t, d, 41, 60, 500)
			well(t, d)
			require.Equal(t, want, takeAll(d), "the backlog first")
			require.Equal(t, boot, d.m.boot)
			l := d.Ledger()
			require.True(t, l.Balanced())
			require.EqualValues(t, 20, l.Recovered)
			require.EqualValues(t, 40, l.Put)
			require.NoError(t, d.Close())
			d, err = open(fault, "spool", Options{})
			require.NoError(t, err)
			require.Empty(t, takeAll(d))
			require.NoError(t, d.Close())
		})
	}
}

// A file system that was mounted read-only since it is damaged.
func TestDiskReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := withBacklog(t)
		fault := vfs.NewFault(fsys, vfs.Plan{Call: 1, Sticky: true, Err: syscall.EROFS, Match: func(c vfs.Call) bool {
			return c.Mutates() && c.Op != vfs.OpLock && c.Op != vfs.OpMkdir // which work if the names are there
		}})
		d, err := open(fault, "spool", Options{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = d.Close() })
		require.True(t, d.Health().Degraded)
		require.True(t, vfs.ReadOnlyFS(d.Health().Err), "%v", d.Health().Err)
		putAll(t, d, 21, 30, 500)
		require.Equal(t, upTo(1, 30), takeAll(d))
		l := d.Ledger()
		require.EqualValues(t, 30, l.Delivered)
		require.EqualValues(t, 20, l.Recovered)
		putAll(t, d, 31, 40, 500)
		require.Error(t, d.Close())
		losses := d.Sweep()
		require.Equal(t, []Loss{{Evicted, "d", d.m.boot, 11, 20}}, losses, "what was never on disk")
	})
}

func TestDiskOpenErrors(t *testing.T) {
	t.Run("locked", func(t *testing.T) {
		dir := t.TempDir()
		d, err := Open(dir, Options{})
		require.NoError(t, err)
		_, err = Open(dir, Options{})
		require.ErrorIs(t, err, ErrLocked)
		require.ErrorContains(t, err, fmt.Sprint(os.Getpid()))
		require.ErrorContains(t, err, dir)
		putAll(t, d, 1, 1, 10)
		require.NoError(t, d.Close(), "the first one is not disturbed")
		d, err = Open(dir, Options{})
		require.NoError(t, err)
		require.Equal(t, []int{1}, takeAll(d))
		require.NoError(t, d.Close())
	})
	t.Run("newer format", func(t *testing.T) {
		for _, incompatible := range []uint32{1, 1 << 31} {
			fsys := withBacklog(t)
			require.NoError(t, vfs.WriteFile(fsys, "spool/FORMAT", spool.FormatText(incompatible, 0)))
			before := contents(t, fsys)
			fsys.OnCall = func(c vfs.Call) {
				switch c.Op {
				case vfs.OpMkdir, vfs.OpLock, vfs.OpSyncDir:
				default:
					t.Error(c)
				}
			}
			_, err := open(fsys, "spool", Options{})
			require.ErrorIs(t, err, ErrNewerFormat)
			require.ErrorContains(t, err, "spool")
			require.Equal(t, before, contents(t, fsys))
			fsys.OnCall = nil
			_, err = open(fsys, "spool", Options{})
			require.NotErrorIs(t, err, ErrLocked, "the lock is given back")
		}
	})
	t.Run("compatible features of a newer format", func(t *testing.T) {
		fsys := withBacklog(t)
		format := spool.FormatText(0, 0xff)
		require.NoError(t, vfs.WriteFile(fsys, "spool/FORMAT", format))
		d, err := open(fsys, "spool", Options{})
		require.NoError(t, err)
		require.Equal(t, upTo(1, 20), takeAll(d))
		require.NoError(t, d.Close())
		require.Equal(t, string(format), contents(t, fsys)["FORMAT"])
	})
	t.Run("a file in its place", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "spool")
		require.NoError(t, os.WriteFile(dir, []byte("a file"), 0o600))
		for _, d := range []string{dir, filepath.Join(dir, "sub")} {
			_, err := Open(d, Options{})
			require.ErrorContains(t, err, dir)
			require.False(t, errors.Is(err, ErrLocked) || errors.Is(err, ErrNewerFormat), "%v", err)
		}
		b, err := os.ReadFile(dir)
		require.NoError(t, err)
		require.Equal(t, "a file", string(b))
		fsys := vfs.NewCrash()
		f, err := fsys.Open("spool", vfs.Create)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		_, err = open(fsys, "spool", Options{})
		require.ErrorIs(t, err, syscall.ENOTDIR)
	})
	t.Run("not allowed", func(t *testing.T) {
		for k := 1; k < 12; k++ {
			fsys := withBacklog(t)
			fault := vfs.NewFault(fsys, vfs.Plan{Call: k, Sticky: true, Err: syscall.EACCES, Match: func(vfs.Call) bool { return true }})
			if d, err := open(fault, "spool", Options{}); err != nil {
				require.ErrorIs(t, err, os.ErrPermission)
			} else {
				require.True(t, d.Health().Degraded)
				_ = d.Close()
			}
			d, err := open(fsys, "spool", Options{})
			require.NoError(t, err, "no lock is left")
			require.NoError(t, d.Close())
		}
	})
}

// reading is what contents needs of a file system.
type reading interface {
	ReadDir(dir string) ([]vfs.Info, error)
	Open(name string, mode vfs.Mode) (vfs.File, error)
}

func contents(t *testing.T, fsys reading) map[string]string {
	infos, err := fsys.ReadDir("spool")
	require.NoError(t, err)
	files := map[string]string{}
	for _, i := range infos {
		f, err := fsys.Open(filepath.Join("spool", i.Name), vfs.ReadOnly)
		require.NoError(t, err)
		b := make([]byte, i.Size)
		_, _ = f.ReadAt(b, 0)
		require.NoError(t, f.Close())
		files[i.Name] = string(b)
	}
	return files
}
