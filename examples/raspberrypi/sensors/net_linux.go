package sensors

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// netCounters are the bytes through each interface that is up when the program
// starts, but for loopback and for veth, the interfaces of containers, whose names
// are random.
func netCounters(t tree) []found {
	path := t.path("proc/net/dev")
	buf := make([]byte, 32<<10)
	k := keep(path)
	b, err := k.readAll(buf)
	k.close()
	if err != nil {
		return nil
	}
	n := &netDev{}
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		name, _, ok := netLine(line)
		if ok && isUp(t, string(name)) && len(n.names) < 32 {
			n.names = append(n.names, string(name))
		}
	}
	if len(n.names) == 0 {
		return nil
	}
	slices.Sort(n.names)
	var sensors []Sensor
	for _, name := range n.names {
		for _, dir := range []string{"rx", "tx"} {
			sensors = append(sensors, Sensor{
				Name: cleanName("net", name, dir), Unit: "B", Kind: Int, Min: limit(0),
				Doc: "bytes " + map[string]string{"rx": "received", "tx": "sent"}[dir] + " by " + cleanText(name) + " since it is up, /proc/net/dev",
			})
		}
	}
	return []found{procTable(path, groupNet, len(buf), n.parse, sensors...)}
}

func isUp(t tree, name string) bool {
	if name == "lo" || strings.HasPrefix(name, "veth") {
		return false
	}
	flags, err := parseInt([]byte(readText(t.path("sys/class/net", name, "flags"))), 16)
	if err == nil && (flags&unix.IFF_UP == 0 || flags&unix.IFF_LOOPBACK != 0) {
		return false
	}
	// A modem or a tunnel says unknown and carries data all the same.
	state := readText(t.path("sys/class/net", name, "operstate"))
	return state == "" || state == "up" || state == "unknown" || state == "dormant"
}

type netDev struct{ names []string }

func (n *netDev) parse(b []byte, dst []Value) {
	fail(dst, errGone)
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		name, rest, ok := netLine(line)
		if !ok {
			continue
		}
		for i, wanted := range n.names {
			if string(name) == wanted {
				rx, tx, ok := netBytes(rest)
				if !ok {
					fail(dst[2*i:2*i+2], errLayout)
					break
				}
				dst[2*i], dst[2*i+1] = Value{Int: rx}, Value{Int: tx}
				break
			}
		}
	}
}

// netLine splits "  eth0: 1234 ..." at its colon; the two lines of heading have none
// after a bare name.
func netLine(line []byte) (name, rest []byte, ok bool) {
	i := bytes.LastIndexByte(line, ':') // an alias has a colon in its name: eth0:1
	if i < 0 {
		return nil, nil, false
	}
	name = bytes.TrimSpace(line[:i])
	return name, line[i+1:], len(name) > 0 && !bytes.ContainsAny(name, " |/")
}

// netBytes returns columns 1 and 9: bytes received and sent.
func netBytes(rest []byte) (rx, tx int64, ok bool) {
	for i := 0; i < 9; i++ {
		var n int64
		if n, rest, ok = number(skipSpace(rest)); !ok {
			return 0, 0, false
		}
		switch i {
		case 0:
			rx = n
		case 8:
			tx = n
		}
	}
	return rx, tx, true
}
