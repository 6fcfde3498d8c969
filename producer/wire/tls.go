package wire

import (
	"crypto/tls"
	"fmt"
)

// TLS is which keys a full handshake exchanges. Resuming a session exchanges
// them too.
type TLS uint8

// The choices.
const (
	// PostQuantum is Go's default: X25519 and ML-KEM-768 together. What is
	// recorded today stays secret if quantum computers come.
	PostQuantum TLS = iota
	// Compact is X25519, which saves about 1.2 KB up and, from servers that take
	// part in ML-KEM, 1.1 KB down in each handshake. It is as safe as TLS was
	// until 2024; but whoever stores the traffic can read it once there is a
	// quantum computer large enough. A link that drops often pays for handshakes
	// more than for records.
	Compact
)

// ParseTLS reads "default" or "compact".
func ParseTLS(s string) (TLS, error) {
	switch s {
	case "default":
		return PostQuantum, nil
	case "compact":
		return Compact, nil
	}
	return 0, fmt.Errorf("wire: there is no TLS %q; there are default and compact", s)
}

// curves returns the key exchanges to offer; nil is Go's choice. The first is the
// one whose key is sent at once. P-256 costs two bytes and is there for endpoints
// that take nothing else, such as FIPS ones may; they answer with one more round
// trip.
func (t TLS) curves() []tls.CurveID {
	if t == Compact {
		return []tls.CurveID{tls.X25519, tls.CurveP256}
	}
	return nil
}
