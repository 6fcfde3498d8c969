package retry

import (
	"context"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// busyHandler is a slog.Handler that does to the buffer whatever a program may do
// when it hears of trouble.
type busyHandler struct {
	mu   sync.Mutex
	d    *Disk
	said map[string]int
}

func (h *busyHandler) Enabled(context.Context, slog.Level) bool { h.use(); return true }
func (h *busyHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *busyHandler) WithGroup(string) slog.Handler            { return h }

func (h *busyHandler) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	h.said[r.Message]++
	h.mu.Unlock()
	h.use()
	return nil
}

func (h *busyHandler) use() {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.d
	if strings.Contains(string(debug.Stack()), "retry.(*Disk)") { // and with it perhaps its lock
		h.said["called by the buffer itself"]++
		return
	}
	if d == nil { // Open has not returned
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, _, _ = d.Append(ctx, "log", []byte("the buffer is in trouble"))
	_ = d.Ledger()
	_ = d.Health()
	_ = d.Sweep()
	_, _ = d.Span()
	_ = d.Sync(ctx)
	_ = d.TrustedTime()
}

// A handler may use the buffer, whatever it hears.
func TestDiskHandlerMayUseTheBuffer(t *testing.T) {
	said := map[string]int{}
	run := func(name string, fsys vfs.FS, o Options, f func(t *testing.T, d *Disk)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &busyHandler{said: said}
				o.Logger = slog.New(h)
				d, err := open(fsys, crashDir, o)
				require.NoError(t, err)
				h.mu.Lock()
				h.d = d
				h.mu.Unlock()
				f(t, d)
				synctest.Wait()
				_ = d.Close()
			})
		})
	}
	all := func(vfs.Call) bool { return true }
	for _, mode := range []SyncMode{SyncGroup, SyncAlways} {
		for _, overflow := range []Overflow{DropOldest, Reject, Block} {
			o := Options{Sync: mode, Overflow: overflow, MaxBytes: minDisk, MaxMemory: minWaiting}
			fault := vfs.NewFault(vfs.NewCrash(), vfs.Plan{})
			run("the disk fails, and is well again", fault, o, func(t *testing.T, d *Disk) {
				fault.Set(vfs.Plan{Call: 1, Sticky: true, Match: all})
				putAll(t, d, 1, 3, 100)
				time.Sleep(time.Minute)
				_ = d.Next(1 << 20)
				fault.Set(vfs.Plan{})
				time.Sleep(3 * time.Minute)
				require.False(t, d.Health().Degraded)
			})
			damaged := func() *vfs.Crash {
				fsys := vfs.NewCrash()
				d := still(t, fsys, crashOptions)
				for range 4 {
					putStill(t, d, 3, 1000)
				}
				d.finish()
				ruin(t, fsys, named(t, fsys, ".seg"), 4096, 4096)    // a block
				ruin(t, fsys, named(t, fsys, ".seg"), 2*4096+500, 8) // a body
				return fsys
			}
			run("damage that is found at the start, and later", damaged(), o, func(t *testing.T, d *Disk) {
				require.GreaterOrEqual(t, len(takeAll(d)), 6)
			})
		}
	}
	require.Len(t, said, 3, "every message of the package, %v", said)
	for _, want := range []string{"cannot be used", "can be used again", "damaged"} {
		n := 0
		for text, times := range said {
			if strings.Contains(text, want) {
				n += times
			}
		}
		require.GreaterOrEqual(t, n, 6, want)
	}
}

// A handler that hangs holds up nobody, and what it could not hear is counted.
func TestDiskHandlerMayHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var mu sync.Mutex
		var heard []string
		fault := vfs.NewFault(vfs.NewCrash(), vfs.Plan{})
		d, err := open(fault, crashDir, Options{Logger: slog.New(handlerFunc(func(r slog.Record) {
			<-hang
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, r.Message)
		}))})
		require.NoError(t, err)
		for i := range 100 {
			fault.Set(vfs.Plan{Call: 1, Sticky: true})
			putAll(t, d, 2*i, 2*i, 100)
			time.Sleep(10 * time.Second)
			fault.Set(vfs.Plan{})
			time.Sleep(time.Minute)
			require.False(t, d.Health().Degraded)
		}
		close(hang)
		synctest.Wait()
		require.Greater(t, len(heard), maxNotes)
		require.Contains(t, heard[len(heard)-1], "more to say")
		require.NoError(t, d.Close())
	})
}

// handlerFunc is a slog.Handler.
type handlerFunc func(slog.Record)

func (f handlerFunc) Enabled(context.Context, slog.Level) bool      { return true }
func (f handlerFunc) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f handlerFunc) WithGroup(string) slog.Handler                 { return f }
func (f handlerFunc) Handle(_ context.Context, r slog.Record) error { f(r); return nil }

// A handler may close the buffer.
func TestDiskHandlerMayClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := vfs.NewFault(vfs.NewCrash(), vfs.Plan{})
		closed := make(chan error, 1)
		var d *Disk
		d, err := open(fault, crashDir, Options{Logger: slog.New(handlerFunc(func(slog.Record) { closed <- d.Close() }))})
		require.NoError(t, err)
		fault.Set(vfs.Plan{Call: 1, Sticky: true})
		putAll(t, d, 1, 3, 100)
		require.Error(t, <-closed)
	})
}

// A panic in OnSpooled is the program's end, as any is; what it was told of is
// stored, and what was put before it is as safe as when a process is killed.
func TestDiskOnSpooledPanics(t *testing.T) {
	fsys := vfs.NewCrash()
	o := crashOptions
	o.OnSpooled = func([]Range) { panic("the program's fault") }
	d := still(t, fsys, o)
	putSome(t, d, "d", 5, 100)
	require.Panics(t, func() { workNow(d) })
	for state := range fsys.Point().States(64, 1) {
		require.Equal(t, []uint64{1, 2, 3, 4, 5}, seqs(still(t, state, crashOptions)))
	}
	// Where somebody recovers, the buffer is as it should be.
	require.EqualValues(t, 5, d.Ledger().Pending)
	require.EqualValues(t, 5, d.Health().Spooled)
	require.Equal(t, []uint64{1, 2, 3, 4, 5}, seqs(d))
	d.opts.OnSpooled = nil
	d.Ack(1, 5, Delivered)
	d.finish()
	require.NoError(t, d.end)
}

// A read that fails gives nothing up: Next returns none, and all later, in order.
func TestDiskReadThatFails(t *testing.T) {
	for sticky := range 2 {
		synctest.Test(t, func(t *testing.T) {
			fsys := withBacklog(t)
			calls := vfs.NewFault(fsys.Point().Killed(), vfs.Plan{Match: func(c vfs.Call) bool { return c.Op == vfs.OpRead || c.Op == vfs.OpOpen }})
			d, err := open(calls, "spool", Options{})
			require.NoError(t, err)
			opened := calls.Calls()
			require.Equal(t, upTo(1, 20), takeAll(d))
			require.NoError(t, d.Close())
			n := calls.Calls() - opened
			require.Greater(t, n, 1)
			for k := 1; k <= n; k++ {
				fault := vfs.NewFault(fsys.Point().Killed(), vfs.Plan{})
				d, err := open(fault, "spool", Options{})
				require.NoError(t, err)
				fault.Set(vfs.Plan{Call: k, Sticky: sticky == 1, Match: func(c vfs.Call) bool { return c.Op == vfs.OpRead || c.Op == vfs.OpOpen }})
				got := takeAll(d)
				fault.Set(vfs.Plan{})
				time.Sleep(2 * time.Minute)
				require.Equal(t, upTo(1, 20), append(got, takeAll(d)...), "call %d", k)
				require.Zero(t, d.Ledger().Corrupt)
				require.NoError(t, d.Close())
			}
		})
	}
}
