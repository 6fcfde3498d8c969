package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal opens a pseudo terminal and returns both its ends.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	t.Cleanup(func() { master.Close() })
	withFD(master, func(fd uintptr) {
		require.NoError(t, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		var n uint32
		n, err = unix.IoctlGetUint32(int(fd), unix.TIOCGPTN)
		require.NoError(t, err)
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	})
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func TestTerminal(t *testing.T) {
	master, slave := terminal(t)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	t.Setenv("COLUMNS", "44")
	require.True(t, IsTerminal(slave))
	require.True(t, Color(slave))
	require.Equal(t, 44, TerminalWidth(slave), "a new one has no size")
	withFD(slave, func(fd uintptr) {
		require.NoError(t, unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 7}))
	})
	require.Equal(t, 7, TerminalWidth(slave))

	p := StartProgress(slave, func() string { return "progress" })
	p.Stop()
	buf := make([]byte, 64)
	n, err := master.Read(buf)
	require.NoError(t, err)
	require.Contains(t, string(buf[:n]), "\rprogre\x1b[K")

	t.Setenv("NO_COLOR", "1")
	require.False(t, Color(slave))
	require.True(t, IsTerminal(slave), "NO_COLOR is about color only")
	t.Setenv("TERM", "dumb")
	require.False(t, IsTerminal(slave))
}

func TestVmHWM(t *testing.T) {
	require.Equal(t, int64(5120), vmHWM([]byte("Name:\tx\nVmPeak:\t   9 kB\nVmHWM:\t       5 kB\nVmRSS:\t 4 kB\n")))
	for _, bad := range []string{"", "VmHWM:\n", "VmHWM: -5 kB\n", "VmHWM: 5 MB\n", "VmHWM: 99999999999999999999 kB\n"} {
		require.Zero(t, vmHWM([]byte(bad)), bad)
	}
}

func TestFirmwareText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "serial-number")
	require.Empty(t, firmwareText(path))
	require.NoError(t, os.WriteFile(path, []byte("10000000abcd7f3a\x00"), 0o644))
	require.Equal(t, "10000000abcd7f3a", firmwareText(path))
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<20), 0o644))
	require.Empty(t, firmwareText(path))
}
