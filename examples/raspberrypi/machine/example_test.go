package machine_test

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/rivulet-iot/rivulet/examples/raspberrypi/machine"
)

func Example() {
	var sent atomic.Int64
	live := machine.StartProgress(os.Stderr, func() string {
		return fmt.Sprintf("%d records sent", sent.Load())
	})
	for range 1000 {
		sent.Add(1)
	}
	live.Stop()

	fmt.Println(machine.DeviceID() != "", machine.PeakRSS() >= 0, machine.CPUTime() >= 0)
	// Output: true true true
}
