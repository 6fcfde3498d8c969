package sensors_test

import (
	"fmt"
	"log"

	"github.com/rivulet-iot/rivulet/examples/raspberrypi/sensors"
)

func Example() {
	set, err := sensors.Discover("/")
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	list := set.Sensors()

	var values []sensors.Value
	for range 3 { // in an agent: on each tick
		values = set.Read(values)
		for i, v := range values {
			switch {
			case v.Err != nil && v.Changed:
				log.Println(v.Err) // once for each fault
			case v.Err == nil && list[i].Name == "uptime":
				fmt.Println(list[i].Name, "in", list[i].Unit, v.Float > 0)
			}
		}
	}
	// Output:
	// uptime in s true
	// uptime in s true
	// uptime in s true
}
