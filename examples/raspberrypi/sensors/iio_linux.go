package sensors

import (
	"path/filepath"
	"strings"
)

// iioTypes are the channels of industrial I/O chips that have a unit, the name given
// to them here, and the unit of their files once offset and scale are applied:
// https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-bus-iio
var iioTypes = map[string]struct {
	name, unit string
	exp        int
	min        *float64
}{
	"temp":             {"temp", "Cel", -3, absoluteZero},
	"humidityrelative": {"humidity", "%RH", -3, limit(0)},
	"pressure":         {"pressure", "Pa", 3, nil}, // kilopascal; a differential one may be negative
	"illuminance":      {"illuminance", "lx", 0, limit(0)},
	"voltage":          {"voltage", "V", -3, nil},
	"current":          {"current", "A", -3, nil},
	"power":            {"power", "W", -3, nil},
	"resistance":       {"resistance", "Ohm", 0, limit(0)},
	"concentration":    {"concentration", "/", -2, limit(0)}, // percent
	"distance":         {"distance", "m", 0, nil},
	"accel":            {"accel", "m/s2", 0, nil},
	"gravity":          {"gravity", "m/s2", 0, nil},
	"anglvel":          {"anglvel", "rad/s", 0, nil},
	"magn":             {"magn", "T", -4, nil}, // gauss
}

func iioDevices(t tree) []found {
	var all []found
	bus := t.path("sys/bus/iio/devices")
	for _, entry := range list(bus, "iio:device") {
		dir := filepath.Join(bus, entry)
		chip := readText(filepath.Join(dir, "label"))
		if chip == "" {
			chip = readText(filepath.Join(dir, "name"))
		}
		if chip == "" {
			continue
		}
		files := map[string]bool{}
		for _, name := range list(dir, "") {
			files[name] = true
		}
		for name := range files {
			if f, ok := iioChannel(dir, chip, name, files); ok {
				all = append(all, f)
			}
		}
	}
	return all
}

// iioChannel makes a sensor of in_<channel>_input, or of in_<channel>_raw where the
// driver leaves the arithmetic to us and gives a scale. Without a scale, the unit of
// a raw number is unknown: it is left out.
func iioChannel(dir, chip, file string, files map[string]bool) (found, bool) {
	channel, ok := strings.CutPrefix(file, "in_")
	if !ok {
		return found{}, false
	}
	channel, processed := strings.CutSuffix(channel, "_input")
	if !processed {
		channel, ok = strings.CutSuffix(channel, "_raw")
		if !ok || files["in_"+channel+"_input"] {
			return found{}, false
		}
	}
	kind, rest := channel, ""
	if i := strings.IndexAny(channel, "0123456789_-"); i >= 0 {
		kind, rest = channel[:i], channel[i:]
	}
	typ, known := iioTypes[kind]
	for _, part := range strings.Split(rest, "_") {
		switch part { // a statistic of the channel, or a unit of its own
		case "peak", "trough", "mean", "squared", "nox":
			return found{}, false
		}
	}
	if !known {
		return found{}, false
	}
	path := filepath.Join(dir, file)
	f := one(groupIIO, Sensor{
		Name: cleanName("iio", chip, typ.name+rest), Unit: typ.unit, Kind: Float, Min: typ.min,
		Doc: chip + " " + channel + ", /sys/bus/iio/devices/*/" + file,
	}, path, typ.exp)
	if !processed {
		scale := iioShared(channel, kind, "scale", files)
		if scale == "" {
			return found{}, false
		}
		raw := &scaled{raw: keep(path), scale: keep(filepath.Join(dir, scale)), exp: typ.exp}
		if offset := iioShared(channel, kind, "offset", files); offset != "" {
			raw.offset = keep(filepath.Join(dir, offset))
		}
		f.source = raw
	}
	if device := resolve(dir); device != "" {
		// .../i2c-1/1-0076/iio:device0: the parent is the chip on its bus.
		f.hint = filepath.Base(filepath.Dir(device))
		f.order = filepath.Join(filepath.Dir(device), file)
	}
	return f, true
}

// iioShared finds the file that holds an attribute of a channel: its own, or the one
// that it shares with the other channels of its type or of the chip.
func iioShared(channel, kind, attr string, files map[string]bool) string {
	unnumbered := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, channel)
	for _, name := range []string{"in_" + channel + "_", "in_" + unnumbered + "_", "in_" + kind + "_", "in_", ""} {
		if files[name+attr] {
			return name + attr
		}
	}
	return ""
}

// scaled is a raw channel: (raw + offset) * scale. Scale and offset are read each
// time, for another program may change the range of the chip.
type scaled struct {
	raw, scale, offset *kept
	exp                int
	buf                [64]byte
}

func (s *scaled) read(dst []Value) {
	raw, err := s.number(s.raw, 0)
	var offset, scale float64
	if err == nil && s.offset != nil {
		offset, err = s.number(s.offset, 0)
	}
	if err == nil {
		scale, err = s.number(s.scale, s.exp)
	}
	dst[0].Float, dst[0].Err = (raw+offset)*scale, err
}

func (s *scaled) number(k *kept, exp int) (float64, error) {
	b, err := k.read(s.buf[:])
	if err != nil {
		return 0, err
	}
	return parseFloat(b, exp)
}

func (s *scaled) close() {
	s.raw.close()
	s.scale.close()
	s.offset.close()
}
