//go:build !linux && !darwin && !windows

package sensors

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"
)

// Discover finds what the Go runtime knows of its own process: on this operating
// system nothing else is asked. root is "" or "/"; a tree of files for tests is a
// thing of Linux.
func Discover(root string) (*Set, error) {
	if root != "" && root != "/" {
		return nil, fmt.Errorf("sensors: root %q: only / can be read on %s", root, runtime.GOOS)
	}
	start := time.Now()
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	return newSet([]found{
		called("runtime/metrics", func(dst []Value) {
			metrics.Read(heap)
			if heap[0].Value.Kind() != metrics.KindUint64 {
				fail(dst, fmt.Errorf("no metric %s", heap[0].Name))
				return
			}
			dst[0].Int = bytesOf(heap[0].Value.Uint64(), 1)
		}, Sensor{Name: "go_heap", Unit: "B", Kind: Int, Min: limit(0), Doc: "heap of this process, runtime/metrics"}),
		called("runtime.NumGoroutine", func(dst []Value) { dst[0].Int = int64(runtime.NumGoroutine()) },
			Sensor{Name: "go_goroutines", Unit: "1", Kind: Int, Min: limit(0), Doc: "goroutines of this process, runtime.NumGoroutine"}),
		called("time.Since", func(dst []Value) { dst[0].Float = time.Since(start).Seconds() },
			Sensor{Name: "uptime_process", Unit: "s", Kind: Float, Min: limit(0), Doc: "time since this process looked for sensors"}),
	})
}
