//go:build linux

package sensors

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// fake is a directory that looks like the root of a machine.
type fake struct {
	t    testing.TB
	root string
}

func newFake(t testing.TB) fake { return fake{t, t.TempDir()} }

func (f fake) write(path, text string) {
	f.t.Helper()
	p := filepath.Join(f.root, path)
	require.NoError(f.t, os.MkdirAll(filepath.Dir(p), 0o755))
	require.NoError(f.t, os.WriteFile(p, []byte(text), 0o644))
}

func (f fake) files(dir string, files map[string]string) {
	f.t.Helper()
	for name, text := range files {
		f.write(filepath.Join(dir, name), text)
	}
}

// link makes link point to target, relatively, as sysfs does.
func (f fake) link(link, target string) {
	f.t.Helper()
	p := filepath.Join(f.root, link)
	require.NoError(f.t, os.MkdirAll(filepath.Dir(p), 0o755))
	rel, err := filepath.Rel(filepath.Dir(p), filepath.Join(f.root, target))
	require.NoError(f.t, err)
	require.NoError(f.t, os.Symlink(rel, p))
}

// chip makes a hwmon or IIO chip at a device's address and links it into its class.
func (f fake) chip(class, entry, device string, files map[string]string) {
	f.t.Helper()
	dir := filepath.Join("sys/devices", device, entry)
	if class == "sys/class/hwmon" {
		dir = filepath.Join("sys/devices", device, "hwmon", entry)
		f.write(filepath.Join(dir, "name"), "")
		f.link(filepath.Join(dir, "device"), filepath.Join("sys/devices", device))
	}
	f.files(dir, files)
	f.link(filepath.Join(class, entry), dir)
}

func (f fake) discover() *Set {
	f.t.Helper()
	s, err := Discover(f.root)
	require.NoError(f.t, err)
	f.t.Cleanup(s.Close)
	return s
}

const (
	hwmonClass = "sys/class/hwmon"
	iioBus     = "sys/bus/iio/devices"
	goodSlave  = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
)

// pi4 is a Raspberry Pi 4 with a DS18B20, a BME280, a temperature chip, a current
// monitor and a battery on it. first is the number that the kernel gave to the first
// hwmon and IIO device at this start.
func pi4(t testing.TB, swapped bool) fake {
	f := newFake(t)
	n := func(a, b string) string {
		if swapped {
			return b
		}
		return a
	}
	f.files("sys/class/thermal/thermal_zone0", map[string]string{"type": "cpu-thermal\n", "temp": "48312\n"})
	f.write("sys/class/thermal/cooling_device0/type", "cpufreq\n")
	f.chip(hwmonClass, n("hwmon0", "hwmon5"), "virtual/thermal/thermal_zone0",
		map[string]string{"name": "cpu_thermal\n", "temp1_input": "48312\n"})
	f.chip(hwmonClass, n("hwmon1", "hwmon4"), "platform/raspberrypi-hwmon",
		map[string]string{"name": "rpi_volt\n", "in0_lcrit_alarm": "1\n"})
	f.chip(hwmonClass, n("hwmon2", "hwmon3"), "i2c-1/1-0018",
		map[string]string{"name": "jc42\n", "temp1_input": "22062\n", "temp1_max": "0\n"})
	f.chip(hwmonClass, n("hwmon3", "hwmon2"), "i2c-1/1-0019",
		map[string]string{"name": "jc42\n", "temp1_input": "-4500\n"})
	f.chip(hwmonClass, n("hwmon4", "hwmon1"), "i2c-1/1-0040",
		map[string]string{"name": "ina219\n", "in1_input": "5098\n", "curr1_input": "-612\n", "power1_input": "3120000\n",
			"in1_label": "\xff5V rail\n"})
	f.chip(hwmonClass, n("hwmon5", "hwmon0"), "w1_bus_master1/28-0316a2798fff",
		map[string]string{"name": "w1_slave_temp\n", "temp1_input": "23125\n"})
	f.chip(hwmonClass, n("hwmon6", "hwmon7"), "platform/ups/power_supply/ups-battery",
		map[string]string{"name": "ups_battery\n", "in0_input": "3987\n"}) // the battery once more
	f.chip(iioBus, n("iio:device0", "iio:device1"), "i2c-1/1-0076", map[string]string{
		"name": "bme280\n", "in_temp_input": "23450\n", "in_pressure_input": "101.325250000\n",
		"in_humidityrelative_input": "45123.046875\n", "in_humidityrelative_oversampling_ratio": "16\n"})
	f.chip(iioBus, n("iio:device1", "iio:device0"), "i2c-1/1-0048", map[string]string{
		"name": "ads1115\n", "in_voltage0_raw": "-1000\n", "in_voltage0_scale": "0.125000000\n",
		"in_voltage1_raw": "17\n", "in_voltage0-voltage1_raw": "4\n", "in_voltage-voltage_scale": "3\n",
		"in_temp_raw": "600\n", "in_temp_scale": "10\n", "in_temp_offset": "-4.5\n"})
	f.write("sys/bus/w1/devices/28-0316a2798fff/w1_slave", goodSlave)
	f.write("sys/bus/w1/devices/w1_bus_master1/w1_master_name", "w1_bus_master1\n")
	f.files("sys/class/power_supply/ups-battery", map[string]string{"type": "Battery\n", "present": "1\n",
		"voltage_now": "3987250\n", "current_now": "-220000\n", "capacity": "87\n", "temp": "315\n"})
	f.files("sys/class/power_supply/ac", map[string]string{"type": "Mains\n", "online": "1\n"})
	f.write("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "1500000\n")
	f.write("sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
	f.files("proc", map[string]string{
		"loadavg": "0.52 0.48 0.61 2/345 6789\n",
		"meminfo": "MemTotal:        3884360 kB\nMemFree:          212340 kB\nMemAvailable:    3100104 kB\n" +
			"SwapTotal:        102396 kB\nSwapFree:         101116 kB\n",
		"stat":   "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 100 0 100 700 100 0 0 0 0 0\n",
		"uptime": "35042.97 139210.02\n",
		"net/dev": "Inter-|   Receive                                                |  Transmit\n" +
			" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
			"    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0\n" +
			" wlan0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n" +
			"  eth0: 121739144    7474    0    0    0     0          0         0   685797    6400    0    0    0     0       0          0\n" +
			"vetha1: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n" +
			" wwan0:9007199254740993 7 0 0 0 0 0 0 22 6 0 0 0 0 0 0\n" +
			"  tun0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n",
	})
	f.files("sys/class/net/tun0", map[string]string{"flags": "0x1090\n", "operstate": "unknown\n"}) // not up
	f.files("sys/class/net/eth0", map[string]string{"flags": "0x1003\n", "operstate": "up\n"})
	f.files("sys/class/net/wlan0", map[string]string{"flags": "0x1003\n", "operstate": "down\n"})
	f.files("sys/class/net/wwan0", map[string]string{"flags": "0x91\n", "operstate": "unknown\n"})
	return f
}
