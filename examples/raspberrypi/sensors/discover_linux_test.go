package sensors

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// reading is a Sensor and its Value as a test states them.
type reading struct {
	name, unit string
	value      any
}

func readings(t *testing.T, s *Set) []reading {
	t.Helper()
	var out []reading
	values := s.Read(nil)
	for i, sensor := range s.Sensors() {
		v := values[i]
		var value any = v.Err
		switch {
		case v.Err != nil:
		case sensor.Kind == Float:
			value = v.Float
		case sensor.Kind == Int:
			value = v.Int
		case sensor.Kind == Bool:
			value = v.Bool
		}
		if sensor.Name == "disk_root_free" {
			require.NoError(t, v.Err)
			value = v.Int > 0
		}
		out = append(out, reading{sensor.Name, sensor.Unit, value})
	}
	return out
}

func TestPi4(t *testing.T) {
	f := pi4(t, false)
	s := f.discover()
	f.write("proc/stat", "cpu  130 10 110 840 110 0 0 0 0 0\n") // 200 ticks later, 50 of them busy
	want := []reading{
		{"ds18b20_28_0316a2798fff", "Cel", 23.125},
		{"iio_ads1115_temp", "Cel", 5.955},
		{"iio_ads1115_voltage0", "V", -0.125},
		{"iio_ads1115_voltage0_voltage1", "V", 0.012},
		{"iio_bme280_humidity", "%RH", 45.123046875},
		{"iio_bme280_pressure", "Pa", 101325.25},
		{"iio_bme280_temp", "Cel", 23.45},
		{"temp_cpu_thermal", "Cel", 48.312},
		{"hwmon_ina219_5v_rail", "V", 5.098},
		{"hwmon_ina219_curr1", "A", -0.612},
		{"hwmon_ina219_power1", "W", 3.12},
		{"hwmon_jc42_temp1_1_0018", "Cel", 22.062},
		{"hwmon_jc42_temp1_1_0019", "Cel", -4.5},
		{"power_ac_online", "", true},
		{"power_ups_battery_capacity", "%EL", 87.0},
		{"power_ups_battery_current", "A", -0.22},
		{"power_ups_battery_temp", "Cel", 31.5},
		{"power_ups_battery_voltage", "V", 3.98725},
		{"cpu0_freq", "Hz", 1.5e9},
		{"pi_under_voltage", "", true},
		{"cpu_busy", "/", 0.25},
		{"disk_root_free", "B", true},
		{"load_1m", "1", 0.52},
		{"load_5m", "1", 0.48},
		{"load_15m", "1", 0.61},
		{"mem_available", "B", int64(3100104 << 10)},
		{"swap_free", "B", int64(101116 << 10)},
		{"uptime", "s", 35042.97},
		{"net_eth0_rx", "B", int64(121739144)},
		{"net_eth0_tx", "B", int64(685797)},
		{"net_wwan0_rx", "B", int64(9007199254740993)},
		{"net_wwan0_tx", "B", int64(22)},
	}
	require.Equal(t, want, readings(t, s))

	for _, sensor := range s.Sensors() {
		require.Regexp(t, `^[a-z][a-z0-9_]{0,63}$`, sensor.Name)
		require.NotEmpty(t, sensor.Doc, sensor.Name)
		require.NotRegexp(t, `[\n\r]|hwmon\d|device\d|`+f.root, sensor.Doc, "a doc that changes from start to start")
	}
}

// The kernel numbers devices in the order they answer. Neither names, nor their
// order, nor what they stand for may follow it.
func TestOrderOfDevices(t *testing.T) {
	a, b := pi4(t, false).discover(), pi4(t, true).discover()
	require.Equal(t, a.Sensors(), b.Sensors())
	require.Equal(t, readings(t, a), readings(t, b))
}

func TestThrottledWithoutAlarm(t *testing.T) {
	f := newFake(t)
	f.write("sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "50005\n")
	f.files("sys/class/thermal/thermal_zone2", map[string]string{"type": "acpitz\n", "temp": "1000\n"})
	f.files("sys/class/thermal/thermal_zone10", map[string]string{"type": "acpitz\n", "temp": "2000\n"})
	require.Equal(t, []reading{
		{"temp_acpitz", "Cel", 1.0},
		{"temp_acpitz_2", "Cel", 2.0},
		{"pi_throttled", "1", int64(0x50005)},
		{"disk_root_free", "B", true},
	}, readings(t, f.discover()))
}

func TestDiscoverErrors(t *testing.T) {
	_, err := Discover(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSensorsAreBounded(t *testing.T) {
	f := newFake(t)
	for i := range 2 * maxSensors {
		f.files(filepath.Join("sys/class/thermal", "thermal_zone"+string(rune('a'+i%26))+string(rune('a'+i/26))),
			map[string]string{"type": "z", "temp": "1"})
	}
	s := f.discover()
	require.Len(t, s.Sensors(), maxSensors)
	require.Len(t, s.Read(nil), maxSensors)
}

// What goes wrong in the field, and what must come of it: an error, once.
func TestFaults(t *testing.T) {
	const slave = "sys/bus/w1/devices/28-0316a2798fff/w1_slave"
	const noCRC = "ff ff ff ff ff ff ff ff ff : crc=c9 NO\n72 01 4b 46 7f ff 0e 10 57 t=-62\n"
	const cpuTemp = "sys/class/thermal/thermal_zone0/temp"
	tests := []struct {
		name, sensor, file, text, want string
	}{
		{"1-wire CRC", "ds18b20_28_0316a2798fff", slave, noCRC, "CRC"},
		{"1-wire probe gone", "ds18b20_28_0316a2798fff", slave, "", "did not answer"},
		{"1-wire bus shorted", "ds18b20_28_0316a2798fff", slave,
			"00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n", "zeros"},
		{"1-wire power-on", "ds18b20_28_0316a2798fff", slave,
			"50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n", "power-on"},
		{"1-wire beyond its range", "ds18b20_28_0316a2798fff", slave,
			"ff 07 4b 46 7f ff 0e 10 57 : crc=57 YES\nff 07 4b 46 7f ff 0e 10 57 t=127937\n", "above 125 Cel"},
		{"1-wire truncated", "ds18b20_28_0316a2798fff", slave, "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n", "no t="},
		{"below absolute zero", "temp_cpu_thermal", cpuTemp, "-274000\n", "below -273.15 Cel"},
		{"words", "temp_cpu_thermal", cpuTemp, "nan\n", "no number"},
		{"hexadecimal", "temp_cpu_thermal", cpuTemp, "0x1p4\n", "no number"},
		{"endless file", "temp_cpu_thermal", cpuTemp, string(make([]byte, 1<<16)), "no number"},
		{"battery pulled", "power_ups_battery_voltage", "sys/class/power_supply/ups-battery/present", "0\n", "not present"},
		{"battery at 101 %", "power_ups_battery_capacity", "sys/class/power_supply/ups-battery/capacity", "101\n", "above 100 %EL"},
		{"scale gone", "iio_ads1115_voltage0", iioBus + "/iio:device1/in_voltage0_scale", "", "did not answer"},
		{"interface gone", "net_eth0_rx", "proc/net/dev", "  eth1: 1 1 0 0 0 0 0 0 1 1\n", "gone"},
		{"short line", "net_eth0_tx", "proc/net/dev", "  eth0: 1 1 0 0\n", "layout"},
		{"counter beyond int64", "net_eth0_tx", "proc/net/dev", "  eth0: 99999999999999999999 1 0 0 0 0 0 0 1 1\n", "layout"},
		{"stat of another kind", "cpu_busy", "proc/stat", "intr 5\n", "layout"},
		{"memory in pages", "mem_available", "proc/meminfo", "MemAvailable: 12 pages\n", "layout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := pi4(t, false)
			s := f.discover()
			i := index(t, s, tt.sensor)
			values := s.Read(nil)
			good := values[i]
			require.NoError(t, good.Err)
			require.False(t, good.Changed)
			before, err := os.ReadFile(filepath.Join(f.root, tt.file))
			require.NoError(t, err)

			f.write(tt.file, tt.text)
			values = s.Read(values)
			require.ErrorContains(t, values[i].Err, tt.want)
			require.ErrorContains(t, values[i].Err, tt.sensor)
			require.ErrorContains(t, values[i].Err, f.root, "the error says which file")
			require.True(t, values[i].Changed)
			require.Equal(t, Value{Err: values[i].Err, Changed: true}, values[i], "a number beside an error")
			var re *ReadError
			require.ErrorAs(t, values[i].Err, &re)

			values = s.Read(values)
			require.Error(t, values[i].Err)
			require.False(t, values[i].Changed, "the same fault reported twice")

			f.write(tt.file, string(before))
			values = s.Read(values)
			require.NoError(t, values[i].Err)
			require.True(t, values[i].Changed, "the recovery")
			require.False(t, s.Read(values)[i].Changed)
		})
	}
}

// Probes convert beside each other: each of these answers only when the other, which
// comes later in the list, has been asked.
func TestProbesBesideEachOther(t *testing.T) {
	f := newFake(t)
	var pipes []string
	for _, id := range []string{"28-00000b", "28-00000a"} {
		dir := filepath.Join(f.root, "sys/bus/w1/devices", id)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		pipes = append(pipes, filepath.Join(dir, "w1_slave"))
		require.NoError(t, unix.Mkfifo(pipes[len(pipes)-1], 0o600))
	}
	s := f.discover()
	opened := make(chan error, 1)
	go func() {
		for _, pipe := range pipes { // the last first; to open waits for the reader
			w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
			if err != nil {
				opened <- err
				return
			}
			defer w.Close()
		}
		opened <- nil
	}()
	values := s.Read(nil)
	require.NoError(t, <-opened)
	require.ErrorIs(t, values[0].Err, unix.ESPIPE)
	require.ErrorIs(t, values[1].Err, unix.ESPIPE)
}

func TestTrue85(t *testing.T) {
	f := newFake(t)
	f.write("sys/bus/w1/devices/28-00000a/w1_slave",
		"50 05 4b 46 7f ff 10 10 1c : crc=1c YES\n50 05 4b 46 7f ff 10 10 1c t=85000\n")
	f.write("sys/bus/w1/devices/10-00000b/temperature", "85062\n")
	f.write("sys/bus/w1/devices/3B-00000c/temperature", "85000\n")
	values := f.discover().Read(nil)
	require.NoError(t, values[1].Err)
	require.Equal(t, 85.0, values[1].Float)
	require.NoError(t, values[2].Err)
	require.Equal(t, 85.062, values[2].Float)
	require.ErrorContains(t, values[0].Err, "power-on")
}

func TestFaultFlag(t *testing.T) {
	f := newFake(t)
	f.files("sys/class/hwmon/hwmon0", map[string]string{"name": "max31865\n", "temp1_input": "21000\n", "temp1_fault": "0\n"})
	s := f.discover()
	require.NoError(t, s.Read(nil)[0].Err)
	f.write("sys/class/hwmon/hwmon0/temp1_fault", "1\n")
	require.ErrorContains(t, s.Read(nil)[0].Err, "fault")
}

// A driver that answers -EIO: a directory does with -EISDIR.
func TestReadFails(t *testing.T) {
	f := newFake(t)
	f.write("sys/class/thermal/thermal_zone0/type", "gpu\n")
	require.NoError(t, os.Mkdir(filepath.Join(f.root, "sys/class/thermal/thermal_zone0/temp"), 0o755))
	s := f.discover()
	v := s.Read(nil)[0]
	require.ErrorIs(t, v.Err, unix.EISDIR)
}

// A device that comes back has new files: the old descriptor is dropped on an error.
func TestReopen(t *testing.T) {
	f := newFake(t)
	f.write("n", "1")
	k := keep(filepath.Join(f.root, "n"))
	var buf [8]byte
	_, err := k.read(buf[:])
	require.NoError(t, err)
	unix.Close(k.fd) // as good as ENODEV
	_, err = k.read(buf[:])
	require.ErrorIs(t, err, unix.EBADF)
	b, err := k.read(buf[:])
	require.NoError(t, err)
	require.Equal(t, "1", string(b))
	k.close()
	k.close()
}

func TestRealMachine(t *testing.T) {
	s, err := Discover("")
	require.NoError(t, err)
	defer s.Close()
	values := s.Read(nil)
	for _, name := range []string{"load_1m", "mem_available", "cpu_busy", "uptime", "disk_root_free"} {
		v := values[index(t, s, name)]
		require.NoError(t, v.Err, name)
	}
	require.Greater(t, values[index(t, s, "mem_available")].Int, int64(1<<20))
	require.Greater(t, values[index(t, s, "uptime")].Float, 0.0)
	for i, sensor := range s.Sensors() {
		t.Logf("%-28s %4s %v %v", sensor.Name, sensor.Unit, sensor.Kind, values[i])
	}
}

func TestReadDoesNotAllocate(t *testing.T) {
	f := pi4(t, false)
	require.NoError(t, os.RemoveAll(filepath.Join(f.root, "sys/bus/w1"))) // read beside the others: goroutines
	s := f.discover()
	values := s.Read(nil)
	require.Zero(t, testing.AllocsPerRun(100, func() { values = s.Read(values) }))
	require.False(t, math.IsNaN(values[0].Float))
}

func BenchmarkRead(b *testing.B) {
	s := pi4(b, false).discover()
	values := s.Read(nil)
	b.ReportAllocs()
	for b.Loop() {
		values = s.Read(values)
	}
}

func index(t *testing.T, s *Set, name string) int {
	t.Helper()
	for i, sensor := range s.Sensors() {
		if sensor.Name == name {
			return i
		}
	}
	t.Fatalf("no sensor %s in %v", name, s.Sensors())
	return -1
}
