package machine

import "golang.org/x/sys/unix"

// PeakRSS is the most memory this process has had resident, in bytes: ru_maxrss of
// getrusage, which macOS counts in bytes.
func PeakRSS() int64 {
	var use unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return use.Maxrss
}
