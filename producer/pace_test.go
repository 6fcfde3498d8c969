package producer

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPaceHalvesAndCreepsBack(t *testing.T) {
	now := time.Now()
	p := &pace{rate: 1, bytes: shardBytes, records: shardRecords}
	require.Zero(t, p.wait(now, shardBytes, 1), "a full bucket")
	require.InDelta(t, time.Second, p.wait(now, shardBytes, 1), float64(2*time.Millisecond))
	p.throttled()
	require.InDelta(t, 2*time.Second, p.wait(now, shardBytes, 1), float64(2*time.Millisecond))
	for range 100 {
		p.throttled()
	}
	require.InDelta(t, 64*time.Second, p.wait(now, shardBytes, 1), float64(2*time.Millisecond))
	for range 100 {
		p.worked()
	}
	require.InDelta(t, time.Second, p.wait(now, shardBytes, 1), float64(2*time.Millisecond))
	require.InDelta(t, time.Second, p.wait(now.Add(-time.Hour), shardBytes, 1), float64(2*time.Millisecond), "a clock that goes back")

	p = &pace{rate: 1, bytes: shardBytes, records: shardRecords}
	require.Zero(t, p.wait(now, 5<<20, 1), "a record above a second's worth goes when the bucket is full")
	require.InDelta(t, 5*time.Second, p.wait(now, shardBytes, 1), float64(2*time.Millisecond), "and is paid for after")
	p = &pace{rate: 1, bytes: shardBytes, records: 0.5}
	require.NotZero(t, p.wait(now, 1, 1), "a thousand records a second")
}

func TestIndexSet(t *testing.T) {
	var s indexSet
	s.add([]run{{10, 20}, {1, 3}, {15, 25}})
	require.Equal(t, []run{{1, 3}, {10, 25}}, s.runs)
	require.Equal(t, 17, s.count([]run{{2, 12}, {13, 24}}))
	s.remove([]run{{12, 13}, {25, 30}})
	require.Equal(t, []run{{1, 3}, {10, 11}, {14, 24}}, s.runs)
	s.dropBelow(3)
	require.Equal(t, []run{{3, 3}, {10, 11}, {14, 24}}, s.runs)
	s.remove([]run{{1, 100}})
	require.Empty(t, s.runs)

	rng := rand.New(rand.NewPCG(1, 1)) // against a plain set
	for range 300 {
		var s indexSet
		plain := map[uint64]bool{}
		for range 20 {
			var runs []run
			for at := uint64(1 + rng.IntN(20)); at < 200; at += uint64(2 + rng.IntN(60)) {
				r := run{at, at + uint64(rng.IntN(20))}
				runs = append(runs, r)
				at = r.last
			}
			want := 0
			remove := rng.IntN(2) == 0
			for _, r := range runs {
				for i := r.first; i <= r.last; i++ {
					if plain[i] {
						want++
					}
				}
			}
			require.Equal(t, want, s.count(runs))
			for _, r := range runs {
				for i := r.first; i <= r.last; i++ {
					if remove {
						delete(plain, i)
					} else {
						plain[i] = true
					}
				}
			}
			if remove {
				s.remove(runs)
			} else {
				s.add(runs)
			}
			require.Equal(t, len(plain), s.count([]run{{0, 1000}}))
		}
	}
}

func TestPaceGathersBeforeItGoesOn(t *testing.T) {
	now := time.Now()
	p := &pace{rate: 1, bytes: shardBytes, records: shardRecords}
	require.Zero(t, p.wait(now, shardBytes, 1))
	calls := 0
	for range 1000 { // frames of a kilobyte, as fast as may be
		d := p.wait(now, 1<<10, 1)
		now = now.Add(d)
		if d > 0 {
			calls++
		}
	}
	require.LessOrEqual(t, calls, 4, "a quarter of a second's worth at a time, not a call for each frame")
}
