//go:build !linux && !darwin && !windows

package machine

import (
	"os"
	"time"
)

// PeakRSS is 0: it is not asked on this operating system.
func PeakRSS() int64 { return 0 }

// CPUTime is 0: it is not asked on this operating system.
func CPUTime() time.Duration { return 0 }

func isConsole(*os.File) bool { return false }

func consoleWidth(*os.File) int { return 0 }
