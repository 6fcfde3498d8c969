package sensors

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32             = windows.NewLazySystemDLL("kernel32.dll")
	globalMemoryStatusEx = kernel32.NewProc("GlobalMemoryStatusEx")
	getSystemTimes       = kernel32.NewProc("GetSystemTimes")
)

// Discover finds what this PC can be asked without privileges: CPU, memory, disk and
// uptime. root is "" or "/"; a tree of files for tests is a thing of Linux.
func Discover(root string) (*Set, error) {
	if root != "" && root != "/" {
		return nil, fmt.Errorf("sensors: root %q: only / can be read on Windows", root)
	}
	bytes := func(name, doc string) Sensor {
		return Sensor{Name: name, Unit: "B", Kind: Int, Min: limit(0), Doc: doc}
	}
	cpu := &share{}
	cpuBusy(cpu, make([]Value, 1)) // the baseline: the first share covers the time from here
	return newSet([]found{
		called("GetSystemTimes", func(dst []Value) { cpuBusy(cpu, dst) }, Sensor{
			Name: "cpu_busy", Unit: "/", Kind: Float, Min: limit(0), Max: limit(1),
			Doc: "share of all CPUs' time since the read before that was not idle, GetSystemTimes"}),
		called("GlobalMemoryStatusEx", func(dst []Value) {
			m := memoryStatusEx{length: uint32(unsafe.Sizeof(memoryStatusEx{}))}
			if err := globalMemoryStatusEx.Find(); err != nil {
				fail(dst, err)
				return
			}
			if ok, _, err := globalMemoryStatusEx.Call(uintptr(unsafe.Pointer(&m))); ok == 0 {
				fail(dst, err)
				return
			}
			dst[0].Int = bytesOf(m.availPhys, 1)
		}, bytes("mem_available", "memory that a new program could have, GlobalMemoryStatusEx")),
		called("GetDiskFreeSpaceEx", diskFree,
			bytes("disk_root_free", "space for this user on the system's drive, GetDiskFreeSpaceEx")),
		called("GetTickCount64", func(dst []Value) {
			dst[0].Float = windows.DurationSinceBoot().Seconds()
		}, Sensor{Name: "uptime", Unit: "s", Kind: Float, Min: limit(0), Doc: "time since boot, GetTickCount64"}),
	})
}

// memoryStatusEx is MEMORYSTATUSEX:
// https://learn.microsoft.com/windows/win32/api/sysinfoapi/ns-sysinfoapi-memorystatusex
type memoryStatusEx struct {
	length, load                                                                                uint32
	totalPhys, availPhys, totalPageFile, availPageFile, totalVirtual, availVirtual, availExtVir uint64
}

// cpuBusy reads GetSystemTimes: the time of the kernel contains the idle time.
func cpuBusy(cpu *share, dst []Value) {
	var idle, kernel, user windows.Filetime
	if err := getSystemTimes.Find(); err != nil {
		fail(dst, err)
		return
	}
	ok, _, err := getSystemTimes.Call(uintptr(unsafe.Pointer(&idle)), uintptr(unsafe.Pointer(&kernel)), uintptr(unsafe.Pointer(&user)))
	if ok == 0 {
		fail(dst, err)
		return
	}
	all := ticks(kernel) + ticks(user)
	dst[0].Float = cpu.next(all-min(all, ticks(idle)), all)
}

func ticks(f windows.Filetime) uint64 {
	return uint64(f.HighDateTime)<<32 | uint64(f.LowDateTime)
}

func diskFree(dst []Value) {
	dir, err := windows.GetSystemWindowsDirectory()
	var path *uint16
	if err == nil {
		path, err = windows.UTF16PtrFromString(dir)
	}
	var free uint64
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(path, &free, nil, nil)
	}
	dst[0] = Value{Int: bytesOf(free, 1), Err: err}
}
