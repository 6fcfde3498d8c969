package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBudgets holds Rivulet to what it promises of bytes and memory, on the sample
// telemetry beside a8m in the same run. CPU time is left to the benchmark.
func TestBudgets(t *testing.T) {
	if _, err := os.Stat(sampleFile); err != nil {
		t.Skipf("no sample telemetry: %v", err)
	}
	in, err := loadInput("")
	require.NoError(t, err)
	all, err := runAll(t.Context(), settings{scenarios: []string{"minute", "drain"}, producers: []string{"rivulet", "a8m"},
		minutes: 60, window: 80 * time.Millisecond, records: 60_000}, in, t.Logf)
	require.NoError(t, err)
	for scenario, least := range map[string]float64{"minute": 11, "drain": 50} {
		mine, theirs := all[scenario]["rivulet"], all[scenario]["a8m"]
		require.Zero(t, mine.Lost)
		ratio := theirs.BytesUp / mine.BytesUp
		t.Logf("%s: a8m sends %.1f times the bytes", scenario, ratio)
		require.GreaterOrEqual(t, ratio, least, scenario)
	}
}

// TestProgramSize holds a program with producer, buffer on disk and columnar frames
// to its budget of bytes above one with the SDK only.
func TestProgramSize(t *testing.T) {
	size := func(pkg string) int64 {
		n, err := programSize(t.Context(), t.TempDir(), "linux/arm/6", pkg)
		require.NoError(t, err)
		return n
	}
	require.LessOrEqual(t, size("./size/rivulet")-size("./size/sdkonly"), int64(1_500_000))
}
