package main

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProxyCounts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	const up, down = 70_001, 3_000_003
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := io.CopyN(io.Discard, conn, up); err == nil {
					_, _ = io.CopyN(conn, zeros{}, down)
				}
			}()
		}
	}()
	p, err := startProxy(l.Addr().String())
	require.NoError(t, err)
	for range 3 {
		conn, err := net.Dial("tcp", p.addr())
		require.NoError(t, err)
		_, err = io.CopyN(conn, zeros{}, up)
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, conn)
		require.NoError(t, err)
		require.EqualValues(t, down, n)
		conn.Close()
	}
	idle, err := net.Dial("tcp", p.addr()) // must not hold close up
	require.NoError(t, err)
	defer idle.Close()
	_, err = idle.Write([]byte("12345"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return p.connections.Load() == 4 }, 5*time.Second, time.Millisecond)
	p.close()
	require.EqualValues(t, 3*down, p.down.Load())
	require.Contains(t, []int64{3 * up, 3*up + 5}, p.up.Load())
	_, err = net.Dial("tcp", p.addr())
	require.Error(t, err)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
