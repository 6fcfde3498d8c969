package machine

import (
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func asks() bool {
	return runtime.GOOS == "linux" || runtime.GOOS == "darwin" || runtime.GOOS == "windows"
}

func TestPeakRSS(t *testing.T) {
	if !asks() {
		require.Zero(t, PeakRSS())
		return
	}
	before := PeakRSS()
	require.Greater(t, before, int64(1<<20))
	const size = 64 << 20
	b := make([]byte, size)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	after := PeakRSS()
	runtime.KeepAlive(b)
	require.GreaterOrEqual(t, after, int64(size))
	require.Less(t, after, int64(8<<30), "a wrong unit")
}

func TestCPUTime(t *testing.T) {
	if !asks() {
		require.Zero(t, CPUTime())
		return
	}
	before := CPUTime()
	x := uint64(1)
	for range 50_000_000 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	require.NotZero(t, x)
	spent := CPUTime() - before
	require.Positive(t, spent)
	require.Less(t, spent.Seconds(), 60.0, "a wrong unit")
}

func TestDeviceID(t *testing.T) {
	const pi = "Raspberry Pi 4 Model B Rev 1.4"
	for _, tt := range []struct{ model, serial, host, want string }{
		{pi, "10000000abcd7f3a", "raspberrypi", "pi-abcd7f3a"},
		{pi, "10000000ABCD7F3A", "raspberrypi", "pi-abcd7f3a"},
		{pi, "0000000000000000", "raspberrypi", "raspberrypi"},
		{pi, "10000000abcd7f3g", "gateway", "gateway"},
		{pi, "7f3a", "gateway", "gateway"},
		{"Acme Board", "10000000abcd7f3a", "gateway", "gateway"},
		{"", "", "Bob's MacBook Pro.local", "Bob-s-MacBook-Pro"},
		{"", "", "a:b_c-d", "a:b_c-d"},
		{"", "", "--ä--", "device"},
		{"", "", "", "device"},
		{"", "", strings.Repeat("x", 300), strings.Repeat("x", 128)},
	} {
		require.Equal(t, tt.want, deviceID(tt.model, tt.serial, tt.host), tt)
	}
	require.Regexp(t, regexp.MustCompile(`^[a-zA-Z0-9:_-]{1,128}$`), DeviceID())
	require.Equal(t, DeviceID(), DeviceID())
}

func TestNoTerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	closed, err := os.Open(os.DevNull)
	require.NoError(t, err)
	closed.Close()
	t.Setenv("COLUMNS", "")
	for _, f := range []*os.File{nil, null, w, closed} {
		require.False(t, IsTerminal(f))
		require.False(t, Color(f))
		require.Equal(t, 80, TerminalWidth(f))
	}
	for columns, want := range map[string]int{"132": 132, "0": 80, "-5": 80, "x": 80, "99999": 80} {
		t.Setenv("COLUMNS", columns)
		require.Equal(t, want, TerminalWidth(w))
	}
	null.Close()
	w.Close()
}
