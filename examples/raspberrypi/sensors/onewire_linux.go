package sensors

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
)

// oneWireFamilies are the thermometers that the kernel's w1_therm driver reads, by
// the family code that begins their id.
var oneWireFamilies = map[string]string{
	"10": "ds18s20", "22": "ds1822", "28": "ds18b20", "3b": "ds1825", "42": "ds28ea00",
}

var (
	errCRC     = errors.New("CRC of the 1-wire transfer is wrong (long cable, weak pull-up or noise)")
	errShorted = errors.New("the 1-wire bus answers zeros only (data line shorted to ground?)")
	errPowerOn = errors.New("the value is 85 °C as set at power-on, not a measurement (supply too weak or interrupted?)")
)

// oneWire finds the thermometers below /sys/bus/w1/devices:
// https://docs.kernel.org/w1/slaves/w1_therm.html
func oneWire(t tree) []found {
	var all []found
	dir := t.path("sys/bus/w1/devices")
	for _, id := range list(dir, "") {
		family, _, _ := strings.Cut(id, "-")
		model, known := oneWireFamilies[strings.ToLower(family)]
		if !known {
			continue
		}
		// w1_slave shows the CRC and all bytes of the answer, temperature only the result.
		p := &probe{parse: parseSlave}
		path := filepath.Join(dir, id, "w1_slave")
		if !exists(path) {
			path = filepath.Join(dir, id, "temperature")
			p.parse = parseProbe
			if !exists(path) {
				continue
			}
		}
		p.file = keep(path)
		all = append(all, found{
			source: p, group: groupOneWire, slow: true, order: path, paths: []string{path},
			sensors: []Sensor{{
				Name: cleanName(model, id), Unit: "Cel", Kind: Float,
				Min: limit(-55), Max: limit(125), // the range in the data sheets of all five
				Doc: strings.ToUpper(model) + " " + cleanText(id) + ", /sys/bus/w1/devices/" + cleanText(id) + "/" + filepath.Base(path),
			}},
		})
	}
	return all
}

// probe is one 1-wire thermometer.
type probe struct {
	file  *kept
	parse func([]byte) (float64, error)
	buf   [256]byte
}

func (p *probe) read(dst []Value) {
	b, err := p.file.read(p.buf[:])
	if err != nil {
		fail(dst, err)
		return
	}
	dst[0].Float, dst[0].Err = p.parse(b)
}

func (p *probe) close() { p.file.close() }

// parseSlave reads the two lines of w1_slave:
//
//	72 01 4b 46 7f ff 0e 10 57 : crc=57 YES
//	72 01 4b 46 7f ff 0e 10 57 t=23125
//
// An 85 °C is refused when byte 6 is 0c, as it is after power-on; a genuine DS18B20
// changes that byte when it converts. The kernel's own check, off by default, is the
// same.
func parseSlave(b []byte) (float64, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return 0, errEmpty
	}
	first, rest := nextLine(b)
	if !bytes.HasSuffix(bytes.TrimSpace(first), []byte("YES")) {
		return 0, errCRC
	}
	ram, _, ok := bytes.Cut(first, []byte(" :"))
	if !ok || len(ram) != 9*3-1 {
		return 0, errors.New("w1_slave does not begin with nine bytes")
	}
	if string(ram) == "00 00 00 00 00 00 00 00 00" {
		return 0, errShorted // the CRC of zeros is zero, so the kernel says YES
	}
	_, milli, ok := bytes.Cut(rest, []byte("t="))
	if !ok {
		return 0, errors.New("w1_slave has no t=")
	}
	reset := bytes.HasPrefix(ram, []byte("50 05")) || bytes.HasPrefix(ram, []byte("aa 00"))
	if reset && string(ram[6*3:6*3+2]) == "0c" {
		return 0, errPowerOn
	}
	return parseFloat(milli, -3)
}

// parseProbe reads the file temperature, which has nothing but the number: 85 °C to
// the digit is refused, for there is no telling where it comes from.
func parseProbe(b []byte) (float64, error) {
	f, err := parseFloat(b, -3)
	if err == nil && f == 85 {
		return 0, errPowerOn
	}
	return f, err
}
