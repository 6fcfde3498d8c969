package sensors

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sync"
)

// maxSensors bounds a Set; what is found beyond it is left out. A Raspberry Pi with
// every bus populated has a few dozen, a large server a few hundred.
const maxSensors = 256

// A Kind says which field of a [Value] a sensor fills.
type Kind uint8

// The kinds of sensor.
const (
	Float Kind = iota + 1 // Value.Float
	Int                   // Value.Int
	Bool                  // Value.Bool
)

// String returns float, int or bool.
func (k Kind) String() string {
	switch k {
	case Float:
		return "float"
	case Int:
		return "int"
	case Bool:
		return "bool"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// A Sensor describes one thing that a [Set] reads.
type Sensor struct {
	// Name is unique in its Set and the same at every start: a letter, then a-z, 0-9
	// and _, at most 64 characters; for instance temp_cpu_thermal,
	// hwmon_nvme_composite, ds18b20_28_0316a2798fff, load_1m, net_eth0_rx.
	Name string

	// Unit is one of the symbols listed in the package's documentation, or "" for a Bool.
	Unit string

	Kind Kind

	// Min and Max are inclusive, and certain by physics or by the sensor's own range,
	// such as absolute zero. nil is no limit. Read never returns a value outside.
	Min, Max *float64

	// Doc is one line: what it is, and the path it comes from. It holds no number that
	// may change at the next start.
	Doc string
}

// A Value is what one sensor gave in one pass.
type Value struct {
	Float float64 // of a Float sensor: finite
	Int   int64   // of an Int sensor
	Bool  bool    // of a Bool sensor

	// Err is nil, or says why there is no value in this pass; then the other fields
	// are zero. It is a *[ReadError].
	Err error

	// Changed is set in the pass in which the sensor begins to fail, fails for another
	// reason, or works again. A caller that reports Err only when Changed is set
	// reports each fault once.
	Changed bool
}

// A ReadError says that a sensor gave no value.
type ReadError struct {
	Sensor string // its name
	Path   string // the file or call it was read from
	Err    error  // why
}

func (e *ReadError) Error() string {
	return fmt.Sprintf("sensor %s: %s: %v", e.Sensor, e.Path, e.Err)
}

// Unwrap returns Err.
func (e *ReadError) Unwrap() error { return e.Err }

// A source fills the values of one or more sensors with one read.
type source interface {
	// read fills dst, one Value a sensor, in the order the source listed them.
	// It sets Err to the bare cause; the Set adds the name and the path.
	read(dst []Value)
	close()
}

// found is a source as discovery reports it, before names are settled.
type found struct {
	source
	group   int      // order among the kinds of source
	sensors []Sensor // with wished names
	paths   []string // where each sensor is read, for errors
	hint    string   // what tells it from its twins: a bus address; may be ""
	order   string   // decides between twins without hint: a path
	slow    bool     // takes long enough to be read beside the others
}

// A Set is the sensors of a machine, ready to be read.
//
// A Set is for one goroutine at a time.
type Set struct {
	sensors []Sensor
	paths   []string
	sources []member
	slow    int     // how many sources are slow
	failing []error // per sensor: the error of the last pass, or nil
}

type member struct {
	source
	first, n int
	slow     bool
}

var errNone = errors.New("no sensor found")

// newSet settles names and order. It takes over the sources.
func newSet(all []found) (*Set, error) {
	settleNames(all)
	s := &Set{}
	for _, f := range all {
		if len(s.sensors)+len(f.sensors) > maxSensors {
			f.close()
			continue
		}
		s.sources = append(s.sources, member{f.source, len(s.sensors), len(f.sensors), f.slow})
		if f.slow {
			s.slow++
		}
		s.sensors = append(s.sensors, f.sensors...)
		s.paths = append(s.paths, f.paths...)
	}
	if len(s.sensors) == 0 {
		return nil, errNone
	}
	s.failing = make([]error, len(s.sensors))
	return s, nil
}

// Sensors lists what was found, in the order of [Set.Read]. The slice is the
// caller's; the Min and Max pointers are shared.
func (s *Set) Sensors() []Sensor { return append([]Sensor(nil), s.sensors...) }

// Read reads every sensor once and returns their values in the order of
// [Set.Sensors]. It overwrites dst, growing it where it must, and returns it; give
// the result back in the next call to read without allocating. It keeps no
// reference to dst.
//
// Most sensors answer within a millisecond. A 1-wire thermometer takes up to 750 ms
// to convert; all of them are read beside each other, so that a pass takes about one
// second however many there are.
func (s *Set) Read(dst []Value) []Value {
	if cap(dst) < len(s.sensors) {
		dst = make([]Value, len(s.sensors))
	}
	dst = dst[:len(s.sensors)]
	clear(dst)
	if s.slow > 0 {
		s.readBeside(dst)
	} else {
		s.readInTurn(dst)
	}
	for i := range dst {
		s.check(i, &dst[i])
	}
	return dst
}

func (s *Set) readInTurn(dst []Value) {
	for i := range s.sources {
		if m := &s.sources[i]; !m.slow {
			m.read(dst[m.first : m.first+m.n])
		}
	}
}

// readBeside reads the slow sources beside each other and the others meanwhile. It
// is a function of its own because what its goroutines share is allocated.
func (s *Set) readBeside(dst []Value) {
	var slow sync.WaitGroup
	for i := range s.sources {
		if m := &s.sources[i]; m.slow {
			slow.Go(func() { m.read(dst[m.first : m.first+m.n]) })
		}
	}
	s.readInTurn(dst)
	slow.Wait()
}

// check refuses what the sensor cannot have measured, and tells new faults from
// known ones.
func (s *Set) check(i int, v *Value) {
	sensor := &s.sensors[i]
	if v.Err == nil {
		v.Err = sensor.implausible(v)
	}
	before := s.failing[i]
	if v.Err == nil {
		v.Changed = before != nil
		s.failing[i] = nil
		return
	}
	cause := v.Err
	var known *ReadError
	if errors.As(before, &known) && known.Err.Error() == cause.Error() {
		*v = Value{Err: before}
		return
	}
	*v = Value{Err: &ReadError{sensor.Name, s.paths[i], cause}, Changed: true}
	s.failing[i] = v.Err
}

func (sensor *Sensor) implausible(v *Value) error {
	var x float64
	switch sensor.Kind {
	case Float:
		x = v.Float
	case Int:
		x = float64(v.Int)
	default:
		return nil
	}
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return errors.New("not a finite number")
	case sensor.Min != nil && x < *sensor.Min:
		// The number itself is left out: a wandering one would be a new fault each pass.
		return fmt.Errorf("value below %v %s, which it cannot measure", *sensor.Min, sensor.Unit)
	case sensor.Max != nil && x > *sensor.Max:
		return fmt.Errorf("value above %v %s, which it cannot measure", *sensor.Max, sensor.Unit)
	}
	return nil
}

// Close lets go of the files that the Set holds open. A later Read opens them again.
func (s *Set) Close() {
	for i := range s.sources {
		s.sources[i].close()
	}
}

func limit(f float64) *float64 { return &f }

// fail sets the same error on every value of a source.
func fail(dst []Value, err error) {
	for i := range dst {
		dst[i].Err = err
	}
}

// bytesOf returns blocks times the size of one, or the largest int64.
func bytesOf(blocks, size uint64) int64 {
	hi, lo := bits.Mul64(blocks, size)
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}

// share turns two counters, of busy and of all CPU time since boot, into the busy
// share of the time between two calls.
type share struct {
	busy, all uint64
	last      float64
}

// next returns the share, 0 to 1. Where no tick has passed since the call before,
// it is the share of the interval before that; in the first call, since boot.
func (s *share) next(busy, all uint64) float64 {
	if all > s.all {
		// Linux may count iowait backwards, which moves busy by a tick or two.
		var d uint64
		if busy > s.busy {
			d = busy - s.busy
		}
		s.last = min(1, float64(d)/float64(all-s.all))
	}
	s.busy, s.all = busy, all
	return s.last
}
