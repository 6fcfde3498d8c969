package machine

import (
	"io"
	"os"
	"strings"
)

// maxID is the longest name of a thing in AWS IoT; the characters are a-z, A-Z, 0-9,
// colon, underscore and hyphen:
// https://docs.aws.amazon.com/iot/latest/apireference/API_CreateThing.html
const maxID = 128

// DeviceID proposes an id for this device: 1 to 128 characters of [a-zA-Z0-9:_-],
// what AWS IoT takes for the name of a thing.
//
// On a Raspberry Pi it is "pi-" and the last eight digits of the board's serial
// number, the part that differs from board to board; elsewhere the host name, and
// "device" where there is none. Host names are often the same on all devices of one
// image: give devices of a fleet ids of their own, because a consumer takes two
// devices of one id for one.
func DeviceID() string {
	const tree = "/proc/device-tree"
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return deviceID(firmwareText(tree+"/model"), firmwareText(tree+"/serial-number"), host)
}

func deviceID(model, serial, host string) string {
	if strings.HasPrefix(model, "Raspberry Pi") {
		serial = strings.ToLower(serial)
		if len(serial) >= 8 && strings.Trim(serial, "0123456789abcdef") == "" && strings.Trim(serial, "0") != "" {
			return "pi-" + serial[len(serial)-8:]
		}
	}
	name, _, _ := strings.Cut(host, ".")
	if id := cleanID(name); id != "" {
		return id
	}
	return "device"
}

// cleanID replaces each run of other characters by one hyphen.
func cleanID(s string) string {
	id := strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ':' || r == '_' || r == '-')
	}), "-")
	id = strings.Trim(id, "-")
	if len(id) > maxID {
		id = id[:maxID]
	}
	return id
}

// firmwareText reads a property of the device tree, a text ended by a zero byte; ""
// where there is none.
func firmwareText(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(b), "\x00\r\n ")
}
