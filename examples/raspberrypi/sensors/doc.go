// Package sensors finds the sensors that this machine really has, and reads them.
//
// Begin with [Discover], which looks once and returns a [Set]; [Set.Sensors]
// lists what it found (name, unit, kind, physical limits, where it comes from) and
// [Set.Read] reads all of it in one pass, in the same order.
//
// On Linux these are, below /sys and /proc: 1-wire thermometers, industrial I/O
// (IIO) chips, thermal zones, hwmon chips, power supplies, the Raspberry Pi's
// under-voltage alarm, load, CPU, memory, disk, uptime and network counters. On
// macOS and Windows: load or CPU, memory, disk and uptime. Elsewhere: figures of
// the Go runtime.
//
// # Promises
//
//   - Names do not depend on the numbers that the kernel gives to devices in the
//     order they answer: a name is made of what the thing is, and of its bus address
//     where two are alike. The same devices get the same names, in the same order,
//     at every start.
//   - A sensor that cannot be read now yields an error, never a number that it did
//     not measure: a bad CRC, a bus shorted to ground, the 85 °C that a DS18B20 holds
//     after power-on, a fault flag, an empty file, a value that physics excludes.
//   - Files are read up to a fixed size; a device cannot make the program grow.
//
// # Units
//
// Units are the symbols of RFC 8428 section 12.1 and of the IANA registry "SenML
// Units" (https://www.iana.org/assignments/senml/senml.xhtml), and the UCUM code 1
// (https://ucum.org/ucum) for a plain number:
//
//	Cel  %RH  Pa  lx  V  A  W  Ohm  m  m/s2  rad/s  T  Hz  s  B
//	%EL    charge of a battery in percent
//	1/min  turns of a fan per minute
//	/      a ratio, 0 to 1
//	1      a plain number or a set of flags
//
// What the kernel counts in other units (milli-degrees, microvolts, kilopascal) is
// converted by shifting the decimal point of its text, so that 23437 m°C becomes
// the float64 nearest to 23.437.
package sensors
