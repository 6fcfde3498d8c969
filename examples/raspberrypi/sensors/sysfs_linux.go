package sensors

import (
	"errors"
	"path/filepath"
	"strings"
)

// attribute is a file of /sys that holds one number.
type attribute struct {
	file  *kept
	kind  Kind
	exp   int // the unit of the file is 10^exp of the sensor's
	base  int // of an Int or a Bool
	guard *guard
	buf   [64]byte
}

// guard is a second file that says whether the first is to be believed.
type guard struct {
	file *kept
	bad  func(n int64) bool
	err  error
}

var (
	errFault  = errors.New("the chip reports a fault of this input (open or shorted wire)")
	errAbsent = errors.New("the supply reports that it is not present")
)

func (a *attribute) read(dst []Value) {
	if a.guard != nil {
		b, err := a.guard.file.read(a.buf[:])
		var n int64
		if err == nil {
			n, err = parseInt(b, 10)
		}
		if err == nil && a.guard.bad(n) {
			err = a.guard.err
		}
		if err != nil {
			fail(dst, err)
			return
		}
	}
	b, err := a.file.read(a.buf[:])
	if err != nil {
		fail(dst, err)
		return
	}
	v := &dst[0]
	switch a.kind {
	case Float:
		v.Float, v.Err = parseFloat(b, a.exp)
	case Int:
		v.Int, v.Err = parseInt(b, a.base)
	case Bool:
		var n int64
		n, v.Err = parseInt(b, a.base)
		v.Bool = n != 0
	}
}

func (a *attribute) close() {
	a.file.close()
	if a.guard != nil {
		a.guard.file.close()
	}
}

// one makes a found of a file that holds one number.
func one(group int, s Sensor, path string, exp int) found {
	return found{
		source:  &attribute{file: keep(path), kind: s.Kind, exp: exp, base: 10},
		group:   group,
		sensors: []Sensor{s},
		paths:   []string{path},
		order:   path,
	}
}

var absoluteZero = limit(-273.15)

// thermalZones are the temperatures of the SoC itself, in milli-degrees:
// https://docs.kernel.org/driver-api/thermal/sysfs-api.html
func thermalZones(t tree) []found {
	var all []found
	dir := t.path("sys/class/thermal")
	for _, zone := range list(dir, "thermal_zone") {
		kind := readText(filepath.Join(dir, zone, "type"))
		if kind == "" {
			continue
		}
		f := one(groupThermal, Sensor{
			Name: cleanName("temp", kind), Unit: "Cel", Kind: Float, Min: absoluteZero,
			Doc: "thermal zone " + kind + ", /sys/class/thermal/*/temp",
		}, filepath.Join(dir, zone, "temp"), -3)
		all = append(all, f)
	}
	return all
}

// hwmonTypes are the inputs of a hwmon chip and the unit of their files:
// https://docs.kernel.org/hwmon/sysfs-interface.html
var hwmonTypes = map[string]struct {
	unit string
	kind Kind
	exp  int
	min  *float64
}{
	"temp":     {"Cel", Float, -3, absoluteZero},
	"in":       {"V", Float, -3, nil},
	"curr":     {"A", Float, -3, nil},
	"power":    {"W", Float, -6, nil},
	"fan":      {"1/min", Int, 0, limit(0)},
	"humidity": {"%RH", Float, -3, limit(0)},
}

func hwmonChips(t tree) []found {
	var all []found
	class := t.path("sys/class/hwmon")
	for _, entry := range list(class, "hwmon") {
		dir := filepath.Join(class, entry)
		chip := readText(filepath.Join(dir, "name"))
		if chip == "" { // drivers from before Linux 3.0 keep their files one level down
			dir = filepath.Join(dir, "device")
			chip = readText(filepath.Join(dir, "name"))
		}
		device := resolve(filepath.Join(class, entry, "device"))
		if chip == "" || isTwin(chip, device) {
			continue
		}
		all = append(all, hwmonInputs(dir, chip, device)...)
	}
	return all
}

// isTwin tells the chips that only repeat what another class of /sys shows.
func isTwin(chip, device string) bool {
	return chip == "w1_slave_temp" || // a 1-wire thermometer; a read of it takes 750 ms
		strings.HasPrefix(filepath.Base(device), "thermal_zone") ||
		strings.Contains(device, "/power_supply/")
}

func hwmonInputs(dir, chip, device string) []found {
	var all []found
	labels := map[string]int{}
	type input struct{ channel, label, kind string }
	var inputs []input
	for _, file := range list(dir, "") {
		channel, ok := strings.CutSuffix(file, "_input")
		kind := strings.TrimRight(channel, "0123456789")
		if _, known := hwmonTypes[kind]; !ok || !known || kind == channel {
			continue
		}
		label := readText(filepath.Join(dir, channel+"_label"))
		labels[cleanName(label)]++
		inputs = append(inputs, input{channel, label, kind})
	}
	for _, in := range inputs {
		name, what := cleanName("hwmon", chip, in.label), chip+" "+in.label+" ("+in.channel+")"
		if in.label == "" {
			name, what = cleanName("hwmon", chip, in.channel), chip+" "+in.channel
		} else if labels[cleanName(in.label)] > 1 {
			name = cleanName("hwmon", chip, in.label, in.channel)
		}
		typ := hwmonTypes[in.kind]
		f := one(groupHwmon, Sensor{
			Name: name, Unit: typ.unit, Kind: typ.kind, Min: typ.min,
			Doc: what + ", /sys/class/hwmon/*/" + in.channel + "_input",
		}, filepath.Join(dir, in.channel+"_input"), typ.exp)
		if fault := filepath.Join(dir, in.channel+"_fault"); exists(fault) {
			f.source.(*attribute).guard = &guard{keep(fault), func(n int64) bool { return n != 0 }, errFault}
		}
		if device != "" {
			f.hint = filepath.Base(device)
			f.order = filepath.Join(device, in.channel)
		}
		all = append(all, f)
	}
	return all
}

// supplyFiles are the files of a battery, a UPS or a mains input:
// https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-power
var supplyFiles = []struct {
	file, name, unit string
	kind             Kind
	exp              int
	min, max         *float64
}{
	{"voltage_now", "voltage", "V", Float, -6, nil, nil},
	{"current_now", "current", "A", Float, -6, nil, nil}, // negative: discharging
	{"power_now", "power", "W", Float, -6, nil, nil},
	{"temp", "temp", "Cel", Float, -1, absoluteZero, nil},
	{"capacity", "capacity", "%EL", Float, 0, limit(0), limit(100)},
	{"online", "online", "", Bool, 0, nil, nil}, // 2: online, programmable voltage
}

func powerSupplies(t tree) []found {
	var all []found
	class := t.path("sys/class/power_supply")
	for _, supply := range list(class, "") {
		for _, s := range supplyFiles {
			path := filepath.Join(class, supply, s.file)
			if !exists(path) {
				continue
			}
			f := one(groupPower, Sensor{
				Name: cleanName("power", supply, s.name), Unit: s.unit, Kind: s.kind, Min: s.min, Max: s.max,
				Doc: "power supply " + cleanText(supply) + ", /sys/class/power_supply/*/" + s.file,
			}, path, s.exp)
			if present := filepath.Join(class, supply, "present"); exists(present) {
				f.source.(*attribute).guard = &guard{keep(present), func(n int64) bool { return n == 0 }, errAbsent}
			}
			all = append(all, f)
		}
	}
	return all
}
