package sensors

import (
	"bytes"
	"math"
	"strings"
)

// number reads the decimal digits at the head of b and returns what follows them.
// ok is false where there is no digit, or where the number passes 2^63-1.
func number(b []byte) (n int64, rest []byte, ok bool) {
	k := digits(b)
	for _, c := range b[:k] {
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, nil, false
		}
		n = n*10 + d
	}
	return n, b[k:], k > 0
}

// skipSpace drops blanks and tabs at the head of b.
func skipSpace(b []byte) []byte { return bytes.TrimLeft(b, " \t") }

// nextLine splits b after its first line.
func nextLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// cleanText makes a label from a device fit for one line of documentation.
func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.TrimSpace(s)
	if len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "")
	}
	return s
}
