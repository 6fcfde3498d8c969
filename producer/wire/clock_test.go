package wire

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClockFloor: a bubble's clock stands at 2000, as that of a device does that
// has no battery for it.
func TestClockFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		require.Equal(t, 2000, time.Now().Year())
		require.Equal(t, builtAt, new(clock).certificates())
	})
	require.False(t, builtAt.After(time.Now()))
	require.WithinDuration(t, time.Now(), new(clock).certificates(), time.Minute)
}
