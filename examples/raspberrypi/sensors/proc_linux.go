package sensors

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"
)

// table is a file of /proc that gives several sensors at once:
// https://docs.kernel.org/filesystems/proc.html
type table struct {
	file  *kept
	buf   []byte
	parse func(b []byte, dst []Value)
}

func (t *table) read(dst []Value) {
	b, err := t.file.readAll(t.buf)
	if err == nil && len(b) == 0 {
		err = errEmpty
	}
	if err != nil {
		fail(dst, err)
		return
	}
	t.parse(b, dst)
}

func (t *table) close() { t.file.close() }

// procTable makes a found of a file of /proc; size is the most that is read of it.
func procTable(path string, group, size int, parse func([]byte, []Value), sensors ...Sensor) found {
	paths := make([]string, len(sensors))
	for i := range paths {
		paths[i] = path
	}
	return found{
		source: &table{keep(path), make([]byte, size), parse},
		group:  group, sensors: sensors, paths: paths, order: path,
	}
}

var (
	errLayout = errors.New("the file does not have the expected layout")
	errGone   = errors.New("the interface is gone")
)

func procFigures(t tree) []found {
	var all []found
	if path := t.path("proc/loadavg"); exists(path) {
		load := func(name, doc string) Sensor {
			return Sensor{Name: name, Unit: "1", Kind: Float, Min: limit(0), Doc: doc + ", /proc/loadavg"}
		}
		all = append(all, procTable(path, groupSystem, 128, parseLoad,
			load("load_1m", "load average of 1 minute"),
			load("load_5m", "load average of 5 minutes"),
			load("load_15m", "load average of 15 minutes")))
	}
	if path := t.path("proc/stat"); exists(path) {
		cpu := &cpuStat{}
		f := procTable(path, groupSystem, 256, cpu.parse, Sensor{
			Name: "cpu_busy", Unit: "/", Kind: Float, Min: limit(0), Max: limit(1),
			Doc: "share of all CPUs' time since the read before that was not idle, /proc/stat",
		})
		// The table's first read is the baseline: the share then covers the time from here.
		f.read(make([]Value, 1))
		all = append(all, f)
	}
	if path := t.path("proc/uptime"); exists(path) {
		all = append(all, procTable(path, groupSystem, 64, func(b []byte, dst []Value) {
			first, _, _ := bytes.Cut(b, []byte(" "))
			dst[0].Float, dst[0].Err = parseFloat(first, 0)
		}, Sensor{Name: "uptime", Unit: "s", Kind: Float, Min: limit(0), Doc: "time since boot, /proc/uptime"}))
	}
	return append(all, memory(t)...)
}

func parseLoad(b []byte, dst []Value) {
	for i := range dst {
		var field []byte
		field, b, _ = bytes.Cut(b, []byte(" "))
		dst[i].Float, dst[i].Err = parseFloat(field, 0)
	}
}

// cpuStat reads the first line of /proc/stat: ticks of user, nice, system, idle,
// iowait, irq, softirq, steal; what follows is contained in user and nice.
type cpuStat struct{ share share }

func (c *cpuStat) parse(b []byte, dst []Value) {
	line, _ := nextLine(b)
	line, ok := bytes.CutPrefix(line, []byte("cpu "))
	if !ok {
		fail(dst, errLayout)
		return
	}
	var all, idle uint64
	for i := 0; i < 8; i++ {
		var n int64
		if n, line, ok = number(skipSpace(line)); !ok {
			if i < 4 {
				fail(dst, errLayout)
				return
			}
			break // kernels before 2.6.11 have fewer columns
		}
		all += uint64(n)
		if i == 3 || i == 4 {
			idle += uint64(n)
		}
	}
	dst[0].Float = c.share.next(all-idle, all)
}

// memory reads /proc/meminfo: the memory a new program could have, and free swap
// where there is swap.
func memory(t tree) []found {
	path := t.path("proc/meminfo")
	buf := make([]byte, 8<<10)
	k := keep(path)
	b, err := k.readAll(buf)
	k.close()
	if err != nil {
		return nil
	}
	var keys [][]byte
	var sensors []Sensor
	add := func(key, name, doc string) {
		keys = append(keys, []byte(key))
		sensors = append(sensors, Sensor{Name: name, Unit: "B", Kind: Int, Min: limit(0), Doc: doc + ", " + key + " of /proc/meminfo"})
	}
	if _, err := meminfo(b, []byte("MemAvailable")); err == nil {
		add("MemAvailable", "mem_available", "memory that a new program could have")
	} else if _, err := meminfo(b, []byte("MemFree")); err == nil {
		add("MemFree", "mem_free", "memory that nothing uses")
	}
	if total, err := meminfo(b, []byte("SwapTotal")); err == nil && total > 0 {
		add("SwapFree", "swap_free", "swap space that is free")
	}
	if len(keys) == 0 {
		return nil
	}
	return []found{procTable(path, groupSystem, len(buf), func(b []byte, dst []Value) {
		for i := range dst {
			dst[i].Int, dst[i].Err = meminfo(b, keys[i])
		}
	}, sensors...)}
}

// meminfo returns the bytes of one line, such as "MemAvailable:  3245680 kB".
func meminfo(b, key []byte) (int64, error) {
	for len(b) > 0 {
		var line []byte
		line, b = nextLine(b)
		if rest, ok := bytes.CutPrefix(line, key); ok && len(rest) > 0 && rest[0] == ':' {
			n, unit, ok := number(skipSpace(rest[1:]))
			if !ok || n > 1<<52 || string(bytes.TrimSpace(unit)) != "kB" {
				return 0, errLayout
			}
			return n << 10, nil
		}
	}
	return 0, errLayout
}

// disk is the space that programs may still take on the file system of the root.
func disk(t tree) []found {
	path := string(t)
	return []found{{
		source: &statfs{dir: keep(path)}, group: groupSystem, order: path, paths: []string{path},
		sensors: []Sensor{{Name: "disk_root_free", Unit: "B", Kind: Int, Min: limit(0), Doc: "space for programs on the file system of /, statfs"}},
	}}
}

// statfs keeps the directory open: the call by name would copy the name each time.
type statfs struct {
	dir *kept
	st  unix.Statfs_t
}

func (s *statfs) read(dst []Value) {
	err := s.dir.open()
	if err == nil {
		_, err = ignoringEINTR(func() (int, error) { return 0, unix.Fstatfs(s.dir.fd, &s.st) })
		if err != nil {
			s.dir.close()
		}
	}
	dst[0] = Value{Int: bytesOf(s.st.Bavail, uint64(s.st.Bsize)), Err: err}
}

func (s *statfs) close() { s.dir.close() }
