package producer

import (
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
	s.add(run{10, 20})
	s.add(run{1, 3})
	s.add(run{15, 25})
	require.Equal(t, 17, s.count([]run{{2, 12}, {13, 24}}))
	s.remove(run{12, 13})
	require.Equal(t, 3+2+12, s.count([]run{{1, 100}}))
	s.remove(run{1, 100})
	require.Empty(t, s.runs)
}
