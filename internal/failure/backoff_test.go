package failure_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/stretchr/testify/require"
)

func TestBackoffGrowsToMaxAndStaysInBounds(t *testing.T) {
	for _, c := range []struct{ min, max time.Duration }{
		{time.Second, time.Minute},
		{1, math.MaxInt64},
		{math.MaxInt64 - 1, math.MaxInt64},
		{time.Nanosecond, 3 * time.Nanosecond},
		{time.Hour, time.Hour + 1},
	} {
		b := failure.Backoff{Min: c.min, Max: c.max}
		ceiling := c.min
		for i := range 10_000 {
			if ceiling > c.max/2 {
				ceiling = c.max
			} else {
				ceiling *= 2
			}
			d := b.Next()
			require.GreaterOrEqual(t, d, c.min, "try %d of %v", i, c)
			require.LessOrEqual(t, d, ceiling, "try %d of %v", i, c)
		}
	}
}

func TestBackoffDefaults(t *testing.T) {
	for _, c := range []struct {
		b      failure.Backoff
		lo, hi time.Duration
	}{
		{failure.Backoff{}, 100 * time.Millisecond, time.Minute},
		{failure.Backoff{Min: -1, Max: -1}, 100 * time.Millisecond, time.Minute},
		{failure.Backoff{Min: time.Hour}, time.Hour, time.Hour},
		{failure.Backoff{Max: time.Millisecond}, 100 * time.Millisecond, 100 * time.Millisecond},
		{failure.Backoff{Min: time.Second, Max: time.Second}, time.Second, time.Second},
	} {
		var longest time.Duration
		b := c.b
		for range 1000 {
			d := b.Next()
			require.GreaterOrEqual(t, d, c.lo)
			require.LessOrEqual(t, d, c.hi)
			longest = max(longest, d)
		}
		require.Greater(t, longest, c.hi*9/10, "reaches its maximum")
	}
}

func TestBackoffReset(t *testing.T) {
	b := failure.Backoff{Min: time.Second, Max: time.Hour}
	for range 50 {
		b.Next()
	}
	b.Reset()
	require.LessOrEqual(t, b.Next(), 2*time.Second)
}

// A tower goes down: 10,000 devices fail at one moment and go on failing for
// an hour. From the first retry on, no moment may see many more of them than
// the average; and a device that boots anew must not draw what the others draw.
func TestFleetSpreads(t *testing.T) {
	const devices, hour = 10_000, time.Hour
	slots := make([]int, hour/time.Second) // retries in each second
	first := make([]int, 20)               // first retries, in slots of 50 ms from 1 s to 2 s
	exact := map[time.Duration]int{}       // devices per instant of the 20th retry
	for range devices {
		b := failure.Backoff{Min: time.Second, Max: time.Minute}
		var at time.Duration
		for n := 1; ; n++ {
			at += b.Next()
			if at >= hour {
				break
			}
			slots[at/time.Second]++
			switch n {
			case 1:
				first[min(int((at-time.Second)/(50*time.Millisecond)), 19)]++
			case 20:
				exact[at.Truncate(time.Millisecond)]++
			}
		}
	}
	// 500 a slot on average, with a standard deviation of 22.
	for i, n := range first {
		require.InDelta(t, devices/20, n, 150, "first retries, slot %d", i)
	}
	// A retry each 30.5 s a device: 328 in a second. Five minutes in, the fleet
	// is spread evenly.
	steady := slots[300:]
	var sum, peak int
	for _, n := range steady {
		sum += n
		peak = max(peak, n)
	}
	mean := float64(sum) / float64(len(steady))
	require.InDelta(t, devices/30.5, mean, 5)
	require.Less(t, float64(peak), 1.4*mean, "stampede")
	for at, n := range exact {
		require.LessOrEqual(t, n, 10, "%d devices chose %v for their 20th retry", n, at)
	}
}

func TestSleepWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, failure.Sleep(t.Context(), 30*24*time.Hour))
		require.Equal(t, 30*24*time.Hour, time.Since(start))
	})
}

func TestSleepWakesOnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, failure.Sleep(ctx, time.Hour), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))

		// Ended before: no wait at all, whatever d is.
		for _, d := range []time.Duration{time.Hour, 0, -time.Hour} {
			require.ErrorIs(t, failure.Sleep(ctx, d), context.DeadlineExceeded)
		}
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestSleepOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, failure.Sleep(t.Context(), 0))
		require.NoError(t, failure.Sleep(t.Context(), math.MinInt64))
		require.Zero(t, time.Since(start))
	})
}

func ExampleBackoff() {
	tries := 0
	call := func() error {
		if tries++; tries < 3 {
			return errors.New("no link")
		}
		return nil
	}
	b := failure.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond}
	for call() != nil {
		if err := failure.Sleep(context.Background(), b.Next()); err != nil {
			return // the context ended
		}
	}
	b.Reset()
	fmt.Println("sent after", tries, "tries")
	// Output: sent after 3 tries
}
