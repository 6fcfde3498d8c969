package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"runtime/debug"
	"sync"
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

// mostAge is how long after it was built a program may run. A later time was not
// learnt but made up, and no certificate would be valid by it.
const mostAge = 20 * 365 * 24 * time.Hour

// clock is the time of a device whose clock may stand at 1970: no earlier than what
// is known to be past.
type clock struct {
	mu      sync.Mutex
	learned time.Time // from outside, or by an answer
	trusted time.Time // the latest by an answer
	// doubted is set while a certificate that has expired by what was learned is
	// tried by the device's clock: what was kept may be wrong.
	doubted bool
}

// learn notes a time that is past.
func (c *clock) learn(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.learned) && t.Before(builtAt.Add(mostAge)) {
		c.learned = t
	}
}

// answered notes the Date of an answer over a connection whose other end proved who it
// is. A date outside of the time that its certificates are for is not believed.
func (c *clock) answered(date string, state *tls.ConnectionState) {
	if state == nil || len(state.VerifiedChains) == 0 {
		return
	}
	t, err := http.ParseTime(date)
	if err != nil {
		return
	}
	for _, cert := range state.VerifiedChains[0] {
		if t.Before(cert.NotBefore) || t.After(cert.NotAfter) {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubted {
		c.learned, c.doubted = time.Time{}, false
	}
	if t.After(c.trusted) {
		c.trusted = t
	}
	if t.After(c.learned) {
		c.learned = t
	}
}

// certificates is the time that certificates are checked against.
func (c *clock) certificates() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Before(builtAt) {
		now = builtAt
	}
	if now.Before(c.learned) && !c.doubted {
		now = c.learned
	}
	return now
}

// doubt reports whether a handshake failed by what was learned and should be tried by
// the device's own clock.
func (c *clock) doubt(err error) bool {
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.doubted = !c.doubted && now.Before(c.learned) && builtAt.Before(c.learned)
	return c.doubted
}

// signing is the time to sign with, if the SDK would sign with at. Once there was an
// answer the SDK knows better.
func (c *clock) signing(at time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if floor := c.learned; c.trusted.IsZero() && !c.doubted && at.Before(floor) {
		return floor
	}
	return at
}
