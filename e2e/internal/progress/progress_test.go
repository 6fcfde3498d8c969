//go:build unix

package progress

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A sign that moves now and then keeps it waiting for ever; one that does not, for as
// long as its patience.
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began := time.Now()
		const moves = 20 * time.Hour
		slow := func() string { return fmt.Sprint(min(time.Since(began), moves) / (Patience - time.Minute)) }
		<-Stalled(ctx, func() string { return "still" }, slow)
		require.GreaterOrEqual(t, time.Since(began), moves)
		require.Less(t, time.Since(began), moves+2*Patience)
	})
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	sign := Files(filepath.Join(dir, "log"), filepath.Join(dir, "lake"))
	seen := map[string]bool{sign(): true}
	for _, change := range []func() error{
		func() error { return os.WriteFile(filepath.Join(dir, "log"), nil, 0o600) },
		func() error { return os.WriteFile(filepath.Join(dir, "log"), []byte("x"), 0o600) },
		func() error { return os.MkdirAll(filepath.Join(dir, "lake", "a"), 0o700) },
		func() error { return os.WriteFile(filepath.Join(dir, "lake", "a", "b"), []byte("xy"), 0o600) },
	} {
		require.NoError(t, change())
		require.Equal(t, sign(), sign())
		require.False(t, seen[sign()])
		seen[sign()] = true
	}
}

func TestCPU(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	group := func(script string) int {
		cmd := exec.Command("sh", "-c", script)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		})
		return cmd.Process.Pid
	}
	idle, busy := group("sleep 1000"), group("(while :; do :; done) & wait")
	before, err := spent(busy)
	require.NoError(t, err)
	for now := before; now < before+50*time.Millisecond; { // ends when it has taken so much, however long that takes
		now, err = spent(busy)
		require.NoError(t, err)
	}
	rest, err := spent(idle)
	require.NoError(t, err)
	require.Less(t, rest, step)
	require.Equal(t, "0s", CPU(idle)())
}

func TestRun(t *testing.T) {
	require.NoError(t, Run(exec.Command("true")))
	require.Error(t, Run(exec.Command("false")))
	require.ErrorIs(t, Run(exec.Command("/none")), os.ErrNotExist)
	var out bytes.Buffer
	cmd := exec.Command("echo", "said")
	cmd.Stdout = &out
	require.NoError(t, Run(cmd))
	require.Equal(t, "said\n", out.String())
}
