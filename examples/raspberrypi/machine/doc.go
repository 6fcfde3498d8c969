// Package machine tells what this process costs, who this device is, and how to
// write to the terminal it was started from.
//
// [PeakRSS] and [CPUTime] are the figures for a summary; [DeviceID] is a default for
// the device's id; [StartProgress] shows a live line while a person is looking, and
// nothing where nobody is. A figure that the operating system does not give is 0.
package machine
