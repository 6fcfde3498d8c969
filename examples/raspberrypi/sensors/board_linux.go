package sensors

import (
	"path/filepath"
	"strings"
)

// boardAlarms finds what a Raspberry Pi says about its own supply, and the clock of
// the first CPU.
//
// Under-voltage is the alarm of the rpi_volt hwmon driver. Only where that is absent
// are the flags of the firmware read from get_throttled: Raspberry Pi kernels call
// that file deprecated and answer the first read with a warning, which puts a stack
// trace in the kernel's log (drivers/firmware/raspberrypi.c of raspberrypi/linux).
func boardAlarms(t tree) []found {
	var all []found
	class := t.path("sys/class/hwmon")
	for _, entry := range list(class, "hwmon") {
		dir := filepath.Join(class, entry)
		alarm := filepath.Join(dir, "in0_lcrit_alarm")
		if readText(filepath.Join(dir, "name")) == "rpi_volt" && exists(alarm) {
			all = append(all, one(groupBoard, Sensor{
				Name: "pi_under_voltage", Kind: Bool,
				Doc: "the Pi's supply was too low in the last seconds, rpi_volt /sys/class/hwmon/*/in0_lcrit_alarm",
			}, alarm, 0))
			break
		}
	}
	if len(all) == 0 {
		all = throttled(t)
	}
	if clock := t.path("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq"); exists(clock) {
		all = append(all, one(groupBoard, Sensor{
			Name: "cpu0_freq", Unit: "Hz", Kind: Float, Min: limit(0),
			Doc: "clock of CPU 0, /sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq",
		}, clock, 3))
	}
	return all
}

// throttled finds get_throttled, hexadecimal flags: bit 0 under-voltage now, 1 ARM
// frequency capped, 2 throttled, 3 soft temperature limit; bits 16 to 19 the same
// since they were last cleared.
// https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
func throttled(t tree) []found {
	// soc/soc:firmware on a Pi up to 4; later ones have the bus address in both names.
	platform := t.path("sys/devices/platform")
	for _, soc := range list(platform, "soc") {
		for _, firmware := range list(filepath.Join(platform, soc), "soc") {
			path := filepath.Join(platform, soc, firmware, "get_throttled")
			if !strings.HasSuffix(firmware, ":firmware") || !exists(path) {
				continue
			}
			f := one(groupBoard, Sensor{
				Name: "pi_throttled", Unit: "1", Kind: Int, Min: limit(0),
				Doc: "flags of the firmware: 1 under-voltage, 2 frequency capped, 4 throttled, 8 temperature limit; " +
					"times 65536: has been, get_throttled",
			}, path, 0)
			f.source.(*attribute).base = 16
			return []found{f}
		}
	}
	return nil
}
