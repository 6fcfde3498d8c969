//go:build linux || darwin

package machine

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the time that this process has spent on all CPUs, in user and kernel
// mode, of all its threads.
func CPUTime() time.Duration {
	var use unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
