package failure

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff draws the waits between tries of one thing that fails: a stream, a
// shard, a link. Each wait is uniform between Min and a ceiling that begins at
// twice Min and doubles up to Max.
//
// That is "full jitter" of
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
// with a floor. The floor keeps a device from spending battery and data volume
// on a try that follows at once. Full jitter, and not the same article's
// decorrelated jitter, because the latter cuts its draw off at the maximum: after
// a wait of Max the next is exactly Max two times in three, so that a fleet
// which lost its link at one moment goes on trying at one moment.
//
// The zero value is ready to use. A Backoff is not safe for concurrent use.
// The randomness is the runtime's, seeded by the operating system in each
// process: two devices with one image draw different waits.
type Backoff struct {
	// Min is the shortest wait. Zero or less: 100 ms.
	Min time.Duration
	// Max is the longest wait. Zero or less: one minute. If it is not above
	// Min, every wait is Min.
	Max time.Duration

	ceiling time.Duration // of the wait drawn last; 0 before the first
}

// Defaults of Backoff.
const (
	defaultMin = 100 * time.Millisecond
	defaultMax = time.Minute
)

// Next returns the next wait, never below Min and never above Max.
func (b *Backoff) Next() time.Duration {
	lo, hi := b.Min, b.Max
	if lo <= 0 {
		lo = defaultMin
	}
	if hi <= 0 {
		hi = defaultMax
	}
	if hi <= lo {
		return lo
	}
	// Doubling a ceiling that is compared first cannot overflow, however many
	// tries there are and whatever Max is.
	c := max(b.ceiling, lo)
	if c > hi/2 {
		c = hi
	} else {
		c *= 2
	}
	b.ceiling = c
	return lo + rand.N(c-lo+1)
}

// Reset goes back to the shortest waits. Call it after a success.
func (b *Backoff) Reset() { b.ceiling = 0 }

// Sleep waits for d and returns nil; a d of zero or less does not wait. If ctx
// ends first, or has ended already, it returns ctx.Err() at once.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
