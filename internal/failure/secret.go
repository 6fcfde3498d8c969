package failure

import "strings"

// A secret is found by its name, or by its looks.

const (
	// longRun is as long as a signature or a hash in hex. A sequence number of
	// Kinesis has 56 digits, a shard's id 20 characters.
	longRun = 64
	// secretKey is the length of every secret access key.
	secretKey = 40
	// longName is more than the name of any X-Amz header.
	longName = 48
)

// secret looks for one at s[i:], and returns how many bytes, of its name, may be
// shown, and how many after them not. If hide is 0 there is none.
func secret(s string, i int) (keep, hide int) {
	if keep, hide = byName(s[i:]); hide > 0 {
		return keep, hide
	}
	return 0, looks(s, i)
}

// byName looks for one that a name, or a prefix, gives away.
func byName(rest string) (keep, hide int) {
	switch rest[0] | 0x20 {
	case 'x':
		if hasPrefixFold(rest, "x-amz-") {
			if n := run(rest, isNameChar); n <= longName {
				return named(rest, n, isValueEnd)
			}
		}
	case 'a':
		if n := keyID(rest); n > 0 {
			return 0, n
		}
		if hasPrefixFold(rest, "authorization") {
			return named(rest, 13, isLineEnd)
		}
	case 's':
		if hasPrefixFold(rest, "signature") {
			return named(rest, 9, isValueEnd)
		}
	case 'c':
		if hasPrefixFold(rest, "credential") {
			return named(rest, 10, isValueEnd)
		}
	case 'b':
		for _, scheme := range []string{"basic ", "bearer "} {
			if n := len(scheme); hasPrefixFold(rest, scheme) {
				if value := rest[n : n+run(rest[n:], isTokenChar)]; len(value) >= 6 && strings.ContainsFunc(value[1:], isUpperOrDigit) {
					return n, len(value)
				}
			}
		}
	case ':':
		if strings.HasPrefix(rest, "://") {
			word := rest[3 : 3+run(rest[3:], func(c byte) bool { return !isLineEnd(c) && c != ' ' && c != '>' })]
			if at := strings.LastIndexByte(word, '@'); at > 0 {
				return 3, at
			}
		}
	}
	return 0, 0
}

// named is for a value that has a name of n bytes before it, and a : or = between.
func named(s string, n int, end func(byte) bool) (keep, hide int) {
	is := false
	for n < len(s) {
		switch {
		case s[n] == ':' || s[n] == '=':
			is = true
			n++
		case strings.IndexByte(` "'[(\`, s[n]) >= 0:
			n++
		case hasPrefixFold(s[n:], "%3d"), hasPrefixFold(s[n:], "%3a"):
			is = true
			n += 3
		default:
			if !is {
				return 0, 0
			}
			return n, valueRun(s[n:], end)
		}
	}
	return 0, 0
}

// valueRun is the length of a value, in which slashes may be escaped, as in JSON.
func valueRun(s string, end func(byte) bool) (n int) {
	for n < len(s) && (!end(s[n]) || s[n] == '\\' && n+1 < len(s) && s[n+1] == '/') {
		n++
	}
	return n
}

// keyID returns the length of an access key id that s begins with.
func keyID(s string) int {
	if len(s) < 16 {
		return 0
	}
	switch s[:4] {
	case "AKIA", "ASIA", "ABIA", "ACCA":
		if n := 4 + run(s[4:], isUpperOrDigitByte); n >= 16 {
			return n
		}
	}
	return 0
}

// looks returns how many bytes at s[i:] look like a token, a signature or a secret
// key, if one begins there.
func looks(s string, i int) int {
	if i > 0 && isTokenChar(s[i-1]) {
		if i < 2 || isBase64(s[i-1]) || !isBase64(s[i]) {
			return 0
		}
	} else if n := tokenRun(s[i:]); n >= longRun {
		return n
	}
	n := run(s[i:], isBase64)
	if n != secretKey {
		return 0
	}
	var upper, lower, digit bool
	for j := i; j < i+n; j++ {
		c := s[j]
		upper, lower, digit = upper || c >= 'A' && c <= 'Z', lower || c >= 'a' && c <= 'z', digit || c >= '0' && c <= '9'
	}
	if upper && lower && digit {
		return n
	}
	return 0
}

// tokenRun is the length of what may be base64, plain, for URLs, percent-encoded,
// or with its slashes escaped, as JSON may have them.
func tokenRun(s string) (n int) {
	for n < len(s) && (isTokenChar(s[n]) || s[n] == '\\' && n+1 < len(s) && s[n+1] == '/') {
		n++
	}
	return n
}

func run(s string, is func(byte) bool) (n int) {
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func isUpperOrDigitByte(c byte) bool { return c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }
func isUpperOrDigit(r rune) bool     { return r < 0x80 && isUpperOrDigitByte(byte(r)) }
func isBase64(c byte) bool {
	return isUpperOrDigitByte(c) || c >= 'a' && c <= 'z' || c == '+' || c == '/'
}
func isTokenChar(c byte) bool { return isBase64(c) || c == '=' || c == '_' || c == '%' || c == '-' }
func isNameChar(c byte) bool  { return isBase64(c) && c != '+' && c != '/' || c == '-' }
func isLineEnd(c byte) bool   { return c < ' ' || strings.IndexByte(`"']<\`, c) >= 0 }
func isValueEnd(c byte) bool  { return isLineEnd(c) || strings.IndexByte(" &,;)}>", c) >= 0 }
