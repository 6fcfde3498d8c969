//go:build !linux

package sensors

// call is a source that asks the operating system by a function.
type call func(dst []Value)

func (c call) read(dst []Value) { c(dst) }

func (c call) close() {}

// called makes a found of a function; what is how errors name it.
func called(what string, c call, sensors ...Sensor) found {
	paths := make([]string, len(sensors))
	for i := range paths {
		paths[i] = what
	}
	return found{source: c, sensors: sensors, paths: paths, order: what}
}
