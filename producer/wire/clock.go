package wire

import (
	"runtime/debug"
	"time"
)

// builtAt is a time that is certainly past: that of the commit the program was
// built from, or else of this file's.
var builtAt = func() time.Time {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil && s.Key == "vcs.time" && t.After(at) {
				at = t
			}
		}
	}
	return at
}()

// certificateTime is the time that certificates are checked against: a device
// without a battery for its clock starts in 1970, and would trust nobody.
func certificateTime() time.Time {
	if now := time.Now(); now.After(builtAt) {
		return now
	}
	return builtAt
}
