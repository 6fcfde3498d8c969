package wire

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKeepAliveOfTheSocket: what the kernel was told.
func TestKeepAliveOfTheSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	conn, err := newTransport(Config{}, &Client{}, true).DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	raw, err := conn.(*socket).Conn.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		for option, want := range map[int]int{syscall.TCP_KEEPIDLE: 240, syscall.TCP_KEEPINTVL: 15, syscall.TCP_KEEPCNT: 4} {
			got, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}))
}
