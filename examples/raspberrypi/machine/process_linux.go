package machine

import (
	"bytes"
	"io"
	"os"
	"strconv"
)

// PeakRSS is the most memory this process has had resident, in bytes: VmHWM of
// /proc/self/status.
func PeakRSS() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 16<<10))
	if err != nil {
		return 0
	}
	return vmHWM(b)
}

func vmHWM(status []byte) int64 {
	for line := range bytes.Lines(status) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == "VmHWM:" && string(fields[2]) == "kB" {
			n, err := strconv.ParseInt(string(fields[1]), 10, 64)
			if err != nil || n < 0 || n > 1<<52 {
				return 0
			}
			return n << 10
		}
	}
	return 0
}
