//go:build linux

package powercut

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rivulet-iot/rivulet/retry"
)

const (
	writerDir  = "POWERCUT_WRITER_DIR"
	writerMode = "POWERCUT_WRITER_MODE"
	writerLog  = "POWERCUT_WRITER_LOG"
)

// TestMain is also the process whose power is cut.
func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		if err := writer(dir, os.Getenv(writerMode), os.Getenv(writerLog)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// row is the data of an entry: it follows from the id, so that what comes back can
// be compared.
func row(device string, boot uint64, seq uint64) []byte {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, device, boot, seq)
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	b := fmt.Appendf(nil, "%s %d %d ", device, boot, seq)
	for range 20 + rng.IntN(300) {
		b = append(b, byte(rng.Uint32()))
	}
	return b
}

// writer puts, reads and acknowledges until it is killed. It writes to the log,
// each line with one call:
//
//	R device boot seq      found in the buffer when it was opened
//	B boot                 opened
//	P device boot to       sequence numbers up to that may be put from now on
//	S device boot from to  spooled: said before anything else happens
//	A device boot seq      about to be acknowledged
//	E device boot from to  evicted
//	M                      on SIGUSR1: all that was evicted before is said
func writer(dir, mode, logName string) error {
	log, err := os.OpenFile(logName, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(log, format+"\n", args...) }
	when, err := retry.ParseSyncMode(mode)
	if err != nil {
		return err
	}
	var b *retry.Disk
	var mu sync.Mutex // so that what is reported is said before a mark
	report := func() {
		mu.Lock()
		defer mu.Unlock()
		for _, l := range b.Sweep() {
			say("E %s %d %d %d", l.Device, l.Boot, l.First, l.Last)
		}
	}
	b, err = retry.Open(dir, retry.Options{
		MaxBytes: 1 << 20, Sync: when, SyncDelay: 20 * time.Millisecond, SyncBytes: 16 << 10, MaxMemory: 256 << 10,
		OnSpooled: func(ranges []retry.Range) {
			for _, r := range ranges {
				say("S %s %d %d %d", r.Device, r.Boot, r.First, r.Last)
			}
			report()
		},
	})
	if err != nil {
		return err
	}
	for es := b.Next(64 << 10); len(es) > 0; es = b.Next(64 << 10) {
		for _, e := range es {
			say("R %s %d %d", e.Device, e.Boot, e.Seq)
		}
		b.Return(es[0].Index, es[len(es)-1].Index) // no more than half can be leased
	}
	b.Return(0, math.MaxUint64)
	b.Seek(0)
	boot, _, err := b.Append(context.Background(), herald, row(herald, 0, 1))
	if err != nil {
		return err
	}
	say("B %d", boot)
	marks := make(chan os.Signal, 1)
	signal.Notify(marks, syscall.SIGUSR1)
	go func() {
		for range marks {
			report()
			say("M")
		}
	}()
	return work(b, boot, say)
}

// herald is the device whose one entry shows the boot of an opening, before any is
// put whose data names it.
const herald = "herald"

func work(b *retry.Disk, boot uint64, say func(string, ...any)) error {
	rng, last := rand.New(rand.NewPCG(boot, 1)), map[string]uint64{}
	for n, parent := 0, os.Getppid(); os.Getppid() == parent; n++ { // until the test is gone
		device := fmt.Sprint("d", rng.IntN(3))
		want := last[device] + 1
		if want%100 == 1 {
			say("P %s %d %d", device, boot, want+99)
		}
		_, seq, err := b.Append(context.Background(), device, row(device, boot, want))
		if err != nil || seq != want {
			return fmt.Errorf("append %d of %s: %d, %w", want, device, seq, err)
		}
		last[device] = seq
		if n%2000 > 1500 && n%20 == 0 { // the link is up
			consume(b, say, rng)
		}
		time.Sleep(100 * time.Microsecond)
	}
	return nil
}

// consume acknowledges most of what is next, the newest first.
func consume(b *retry.Disk, say func(string, ...any), rng *rand.Rand) {
	if rng.IntN(4) == 0 {
		b.Return(0, math.MaxUint64)
		b.Seek(0)
	}
	es := b.Next(16 << 10)
	for i := len(es) - 1; i >= 0; i-- {
		if e := es[i]; rng.IntN(5) > 0 {
			say("A %s %d %d", e.Device, e.Boot, e.Seq)
			b.Ack(e.Index, e.Index, retry.Delivered)
		}
	}
}
