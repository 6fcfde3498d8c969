package sensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Discover finds what this Mac can be asked without privileges: load, memory, disk
// and uptime. root is "" or "/"; a tree of files for tests is a thing of Linux.
func Discover(root string) (*Set, error) {
	if root != "" && root != "/" {
		return nil, fmt.Errorf("sensors: root %q: only / can be read on macOS", root)
	}
	load := func(name, doc string) Sensor {
		return Sensor{Name: name, Unit: "1", Kind: Float, Min: limit(0), Doc: doc + ", sysctl vm.loadavg"}
	}
	bytes := func(name, doc string) Sensor {
		return Sensor{Name: name, Unit: "B", Kind: Int, Min: limit(0), Doc: doc}
	}
	return newSet([]found{
		called("sysctl vm.loadavg", loadAverage,
			load("load_1m", "load average of 1 minute"),
			load("load_5m", "load average of 5 minutes"),
			load("load_15m", "load average of 15 minutes")),
		called("sysctl hw.memsize", func(dst []Value) {
			n, err := unix.SysctlUint64("hw.memsize")
			dst[0] = Value{Int: bytesOf(n, 1), Err: err}
		}, bytes("mem_total", "memory of the machine, sysctl hw.memsize")),
		called("sysctl vm.page_free_count", func(dst []Value) {
			n, err := unix.SysctlUint32("vm.page_free_count")
			dst[0] = Value{Int: bytesOf(uint64(n), uint64(unix.Getpagesize())), Err: err}
		}, bytes("mem_free", "memory that nothing uses, sysctl vm.page_free_count")),
		called("statfs /", func(dst []Value) {
			var st unix.Statfs_t
			err := unix.Statfs("/", &st)
			dst[0] = Value{Int: bytesOf(st.Bavail, uint64(st.Bsize)), Err: err}
		}, bytes("disk_root_free", "space for programs on the file system of /, statfs")),
		called("sysctl kern.boottime", func(dst []Value) {
			boot, err := unix.SysctlTimeval("kern.boottime")
			if err != nil {
				fail(dst, err)
				return
			}
			dst[0].Float = time.Since(time.Unix(boot.Unix())).Seconds()
		}, Sensor{Name: "uptime", Unit: "s", Kind: Float, Min: limit(0), Doc: "time since boot, sysctl kern.boottime"}),
		called("sysctl hw.ncpu", func(dst []Value) {
			n, err := unix.SysctlUint32("hw.ncpu")
			dst[0] = Value{Int: int64(n), Err: err}
		}, Sensor{Name: "cpu_count", Unit: "1", Kind: Int, Min: limit(1), Doc: "processors, sysctl hw.ncpu"}),
	})
}

// loadAverage reads struct loadavg of <sys/resource.h>: three 32-bit fixed-point
// numbers, and their scale as a long, which is aligned to 8 bytes.
func loadAverage(dst []Value) {
	b, err := unix.SysctlRaw("vm.loadavg")
	if err == nil && len(b) < 24 {
		err = errors.New("vm.loadavg is shorter than expected")
	}
	if err != nil {
		fail(dst, err)
		return
	}
	scale := float64(binary.NativeEndian.Uint64(b[16:]))
	for i := range dst {
		dst[i].Float = float64(binary.NativeEndian.Uint32(b[4*i:])) / scale
	}
}
