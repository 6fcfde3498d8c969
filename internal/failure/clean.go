package failure

import (
	"strconv"
	"unicode/utf8"
)

// mostClean is how many bytes Clean returns at most.
const mostClean = 512

// Clean returns an error's text fit for a log, a terminal or a dashboard, however
// hostile the far end is that wrote it: control characters, also those of C1 and
// those that turn the direction of text, are escaped, it has at most 512 bytes, and
// what looks like a credential is replaced by ***: access key ids, secret keys,
// session tokens, signatures, the values of Authorization and X-Amz headers, and
// user and password in URLs. It returns "" for nil.
func Clean(err error) string {
	if err == nil {
		return ""
	}
	return CleanText(err.Error())
}

// CleanText is Clean for text.
func CleanText(s string) string {
	const more = "…"
	b := make([]byte, 0, min(len(s), mostClean)+16)
	for i := 0; i < len(s); {
		before := len(b) // at most mostClean-len(more)
		keep, hide := secret(s, i)
		if hide > 0 {
			b = append(appendPrintable(b, s[i:i+keep]), "***"...)
		} else {
			_, keep = utf8.DecodeRuneInString(s[i:])
			b = appendPrintable(b, s[i:i+keep])
		}
		i += keep + hide
		if len(b) > mostClean || len(b) > mostClean-len(more) && i < len(s) {
			return string(b[:before]) + more
		}
	}
	return string(b)
}

// appendPrintable appends s, with what is not printable as \x1b or \u202e.
func appendPrintable(b []byte, s string) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, `\x`...)
			b = append(b, "0123456789abcdef"[s[0]>>4], "0123456789abcdef"[s[0]&15])
		case strconv.IsPrint(r):
			b = append(b, s[:n]...)
		default:
			q := strconv.QuoteRuneToASCII(r)
			b = append(b, q[1:len(q)-1]...)
		}
		s = s[n:]
	}
	return b
}
