package machine

import (
	"math"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

var getProcessMemoryInfo = windows.NewLazySystemDLL("kernel32.dll").NewProc("K32GetProcessMemoryInfo")

// memoryCounters is PROCESS_MEMORY_COUNTERS:
// https://learn.microsoft.com/windows/win32/api/psapi/ns-psapi-process_memory_counters
type memoryCounters struct {
	size, pageFaults            uint32
	peakWorkingSet, workingSet  uintptr
	peakPagedPool, pagedPool    uintptr
	peakNonPaged, nonPaged      uintptr
	pageFileUsage, peakPageFile uintptr
}

// PeakRSS is the most memory this process has had resident, in bytes:
// PeakWorkingSetSize of GetProcessMemoryInfo.
func PeakRSS() int64 {
	if getProcessMemoryInfo.Find() != nil {
		return 0
	}
	m := memoryCounters{size: uint32(unsafe.Sizeof(memoryCounters{}))}
	ok, _, _ := getProcessMemoryInfo.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&m)), uintptr(m.size))
	if ok == 0 || uint64(m.peakWorkingSet) > math.MaxInt64 {
		return 0
	}
	return int64(m.peakWorkingSet)
}

// CPUTime is the time that this process has spent on all CPUs, in user and kernel
// mode, of all its threads.
func CPUTime() time.Duration {
	var created, ended, kernel, user windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &ended, &kernel, &user) != nil {
		return 0
	}
	return span(kernel) + span(user)
}

// span reads a Filetime as a duration: it counts 100 ns.
func span(f windows.Filetime) time.Duration {
	return time.Duration(uint64(f.HighDateTime)<<32|uint64(f.LowDateTime)) * 100
}
