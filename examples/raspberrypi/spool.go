package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/retry"
)

// spoolOptions are the flags of the buffer on disk.
type spoolOptions struct {
	spoolDir string // "": the buffer is in memory
	spoolMax int64
	spoolAge time.Duration // 0: nothing expires
	sync     retry.SyncMode
}

const (
	defaultSpool = 64 << 20
	minSpool     = 256 << 10 // of retry.Open
)

// checkSpool reads and checks what the package flag left as text.
func (o *options) checkSpool(set map[string]bool, most, mode string) (errs []error) {
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if !set["spool"] {
		for _, name := range []string{"spool-max", "spool-age", "sync"} {
			if set[name] {
				bad("-%s is of the buffer on disk: it needs -spool DIR", name)
			}
		}
		return errs
	}
	if o.spoolDir == "" {
		bad("-spool \"\": the name of a directory is missing")
	}
	var err error
	switch o.spoolMax, err = parseBytes(most); {
	case err != nil:
		bad("-spool-max %s: not a number of bytes such as 512KiB, 64MiB or 100000000", most)
	case o.spoolMax < minSpool:
		bad("-spool-max %s: below the minimum %s", most, size(minSpool))
	}
	if o.sync, err = retry.ParseSyncMode(mode); err != nil {
		bad("-sync: %w", err)
	}
	return errs
}

// parseBytes reads a number of bytes, with or without a unit.
func parseBytes(s string) (int64, error) {
	unit := int64(1)
	for i, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n := len(s) - len(u); n > 0 && strings.EqualFold(s[n:], u) {
			s, unit = s[:n], 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err == nil && (n < 0 || n > math.MaxInt64/unit) {
		err = strconv.ErrRange
	}
	return n * unit, err
}

// openBuffer opens the buffer that the flags ask for. It returns nil for the
// producer's own.
func (a *agent) openBuffer() (retry.Buffer, error) {
	overflow := retry.DropOldest // of sensors, what is new is worth most
	if a.replayFile != "" {
		overflow = retry.Block
	}
	if a.spoolDir == "" {
		if a.replayFile == "" {
			return nil, nil
		}
		return retry.NewMemory(retry.Options{MaxBytes: replayBuffer, Overflow: overflow})
	}
	d, err := retry.Open(a.spoolDir, retry.Options{MaxBytes: a.spoolMax, MaxAge: a.spoolAge, Overflow: overflow, Sync: a.sync, MaxMemory: spoolMemory,
		OnSpooled: a.tally.spooled, Logger: stateLogger(a.say)})
	if errors.Is(err, retry.ErrLocked) {
		return nil, fmt.Errorf("-spool %s is in use: %w; stop that process, or use another directory", a.spoolDir, errors.Unwrap(err))
	}
	if err != nil {
		return nil, fmt.Errorf("-spool: %w", err)
	}
	a.spool = d
	if n := d.Ledger().Pending; n > 0 {
		a.say("%s from earlier runs %s in %s", count(n, "record"), map[bool]string{true: "is", false: "are"}[n == 1], a.spoolDir)
	}
	return d, nil
}

// notLost returns what Producer.Close complains of beside lost records, which are
// in the ledger.
func notLost(err error) error {
	if _, ok := err.(*producer.LostError); ok || err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var rest []error
	for _, e := range joined.Unwrap() {
		rest = append(rest, notLost(e))
	}
	return errors.Join(rest...)
}

// takeSpool fills in the figures of the buffer on disk.
func (f *figures) takeSpool(a *agent) {
	h := a.spool.Health()
	f.Spool, f.Spooled, f.FlashBytes, f.Fsyncs, f.Degraded = a.spoolDir, h.Spooled, h.FlashBytes, h.Fsyncs, h.Degraded
}

// spoolRows are the summary's lines about the buffer on disk.
func (f *figures) spoolRows(row func(head, format string, args ...any), red func(string) string) {
	if f.Spool == "" {
		return
	}
	row("spool", "%s made durable; %s written to flash in %s", count(f.Spooled, "record"), size(f.FlashBytes), count(f.Fsyncs, "fsync"))
	if f.Pending > 0 {
		row("", "%s %s in %s for the next run", count(f.Pending, "record"), map[bool]string{true: "stays", false: "stay"}[f.Pending == 1], term.Escape(f.Spool))
	}
	if f.Degraded {
		row("", "%s the disk could not be used at the end; records were kept in memory", red("degraded:"))
	}
}
