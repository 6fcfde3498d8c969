package term

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Unsafe reports whether r does something else in a terminal than to show itself: a
// control character, one that changes the direction or the line of what is around
// it, or one that nobody can see. A space is safe.
func Unsafe(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return !strconv.IsPrint(r)
}

// Escape returns s as it can be printed: each unsafe character as \xNN, \uNNNN or
// \UNNNNNNNN, as Go and Python write it, each byte that is not UTF-8 as \xNN. A
// backslash stays as it is, so that text without any of these is shown unchanged.
func Escape(s string) string {
	if safe(s) {
		return s
	}
	out := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			out = appendHex(append(out, `\x`...), uint32(s[i]), 2)
		case !Unsafe(r):
			out = append(out, s[i:i+n]...)
		case r < 0x100:
			out = appendHex(append(out, `\x`...), uint32(r), 2)
		case r < 0x10000:
			out = appendHex(append(out, `\u`...), uint32(r), 4)
		default:
			out = appendHex(append(out, `\U`...), uint32(r), 8)
		}
		i += n
	}
	return string(out)
}

func safe(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, Unsafe) < 0
}

// EscapeJSON appends JSON to dst with each unsafe character as \uNNNN, two of them
// beyond U+FFFF: the value stays the same. data is JSON that is valid; a control
// character stands in it between values only, where a line's end and a tab stay.
func EscapeJSON(dst, data []byte) []byte {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, `\ufffd`...)
		case !Unsafe(r) || r == '\n' || r == '\t' || r == '\r':
			dst = append(dst, data[i:i+n]...)
		case r < 0x10000:
			dst = appendHex(append(dst, `\u`...), uint32(r), 4)
		default:
			r -= 0x10000
			dst = appendHex(append(dst, `\u`...), 0xd800+uint32(r)>>10, 4)
			dst = appendHex(append(dst, `\u`...), 0xdc00+uint32(r)&0x3ff, 4)
		}
		i += n
	}
	return dst
}

func appendHex(dst []byte, v uint32, digits int) []byte {
	for digits--; digits >= 0; digits-- {
		dst = append(dst, "0123456789abcdef"[v>>(4*digits)&15])
	}
	return dst
}
