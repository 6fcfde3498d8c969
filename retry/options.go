package retry

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Overflow says what Append does when the log is full.
type Overflow uint8

// The overflow policies.
const (
	DropOldest Overflow = iota // evict the oldest entries that are not leased: recent data wins
	Reject                     // return ErrFull
	Block                      // wait for room, until the context is done
)

// Options bound a buffer. Each zero value means its default.
type Options struct {
	// MaxBytes is the ceiling on what the log takes: in memory, default 6 MiB, or
	// on disk, all files counted as allocated, default 64 MiB. An entry may have a
	// quarter of it, on disk also no more than half of MaxMemory, and 11 MiB.
	MaxBytes int64
	// MaxAge is when entries expire; 0: none does. Only the time that the buffer is
	// open counts, by the monotonic clock: a device cannot tell how long it was off
	// without trusting a clock that may have jumped.
	MaxAge time.Duration
	// Overflow is what happens when the log is full. Default DropOldest.
	Overflow Overflow

	// The rest is for the form on disk; NewMemory does not look at it.

	// Sync says when entries become durable. Default SyncGroup.
	Sync SyncMode
	// SyncDelay is how long an entry may wait for that. Default 1 s; 10 s with
	// SyncInterval, 1 min with SyncSpill.
	SyncDelay time.Duration
	// SyncBytes of entries are not left waiting, with SyncGroup and SyncNever.
	// Default 64 KiB.
	SyncBytes int64
	// MaxMemory is the ceiling on what may wait in memory for the disk. Default 4 MiB.
	// The table of devices may take half as much beside it.
	MaxMemory int64
	// OnSpooled, if set, hears of entries once they are durable, but not with
	// SyncNever. Calls are serial; no lock is held, but the disk waits while one
	// runs. A panic in it ends the process, as any does; what it was told of is
	// stored by then.
	OnSpooled func([]Range)
	// Logger hears of trouble with the disk and of what recovery found, from a
	// goroutine of its own: its handler may call the buffer. Default: nothing is logged.
	Logger *slog.Logger
}

// SyncMode says when the form on disk makes entries durable. Whatever it is, Sync
// and Close do so at once.
type SyncMode uint8

// The modes. The time and bytes are Options.SyncDelay and SyncBytes.
const (
	SyncGroup    SyncMode = iota // when one has waited for the time, or there are so many bytes: one fdatasync for all
	SyncAlways                   // before Append returns, unless the disk is in trouble or takes more than 10 s; appends that wait together share an fdatasync
	SyncInterval                 // when one has waited for the time, however many have come
	SyncNever                    // written like SyncGroup and left to the system: survives kill -9, not a power cut
	SyncSpill                    // only what was not finished within the time, or does not fit the memory: on a good link the flash is not touched
)

// String returns the mode's name, such as "group".
func (m SyncMode) String() string {
	if int(m) < len(syncModes) {
		return syncModes[m]
	}
	return fmt.Sprintf("sync(%d)", uint8(m))
}

var syncModes = [...]string{"group", "always", "interval", "never", "spill"}

// ParseSyncMode returns the mode of that name.
func ParseSyncMode(name string) (SyncMode, error) {
	if i := slices.Index(syncModes[:], name); i >= 0 {
		return SyncMode(i), nil
	}
	return 0, fmt.Errorf("retry: sync mode %q: want %s", name, strings.Join(syncModes[:], ", "))
}

// Range is a run of entries of one device and boot: sequence numbers First to
// Last, inclusive.
type Range struct {
	Device      string
	Boot        uint64
	First, Last uint64
}

// forDisk checks the options and fills in the defaults.
func (o Options) forDisk() (Options, error) {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.MaxBytes, defaultDisk)
	def(&o.MaxMemory, defaultWaiting)
	def(&o.SyncBytes, 64<<10)
	if o.SyncDelay == 0 {
		o.SyncDelay = map[SyncMode]time.Duration{SyncInterval: 10 * time.Second, SyncSpill: time.Minute}[o.Sync]
		o.SyncDelay = max(o.SyncDelay, time.Second)
	}
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("retry: Options."+format, args...))
		}
	}
	bad(o.MaxBytes < minDisk, "MaxBytes = %d: below the minimum %d", o.MaxBytes, minDisk)
	bad(o.MaxMemory < minWaiting, "MaxMemory = %d: below the minimum %d", o.MaxMemory, minWaiting)
	bad(o.MaxMemory > 1<<30, "MaxMemory = %d: above the maximum %d", o.MaxMemory, 1<<30)
	bad(o.SyncBytes < 0, "SyncBytes = %d: negative", o.SyncBytes)
	bad(o.SyncDelay < time.Millisecond, "SyncDelay = %v: below the minimum 1ms", o.SyncDelay)
	bad(o.MaxAge < 0, "MaxAge = %v: negative", o.MaxAge)
	bad(o.Overflow > Block, "Overflow = %d: not a policy", o.Overflow)
	bad(int(o.Sync) >= len(syncModes), "Sync = %d: not a mode", o.Sync)
	return o, errors.Join(errs...)
}
