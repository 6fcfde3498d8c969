package record

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends r as one line of record JSON, without the line's end. It
// does not allocate unless dst must grow. r must have passed validation: a NaN
// is written as null, which [ParseJSON] refuses.
func AppendJSON(dst []byte, r *Record) []byte {
	dst = append(dst, `{"device_id":`...)
	dst = appendString(dst, r.ID.Device)
	if r.ID.Boot != 0 || r.ID.Seq != 0 {
		dst = append(dst, `,"boot":"`...)
		dst = AppendBoot(dst, r.ID.Boot)
		dst = append(dst, `","seq":`...)
		dst = strconv.AppendUint(dst, r.ID.Seq, 10)
	}
	if !r.Time.IsZero() {
		dst = append(dst, `,"ts":"`...)
		dst = appendTime(dst, r.Time)
		dst = append(dst, '"')
	}
	if r.Schema != "" {
		dst = append(dst, `,"schema":`...)
		dst = appendString(dst, r.Schema)
	}
	for i := range r.Meta {
		if i == 0 {
			dst = append(dst, `,"meta":{`...)
		} else {
			dst = append(dst, ',')
		}
		dst = appendString(dst, r.Meta[i].Name)
		dst = append(dst, ':')
		dst = appendString(dst, r.Meta[i].Value)
	}
	if len(r.Meta) > 0 {
		dst = append(dst, '}')
	}
	dst = append(dst, `,"readings":{`...)
	for i := range r.Readings {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, r.Readings[i].Name)
		dst = append(dst, ':')
		dst = r.Readings[i].Value.appendJSON(dst)
	}
	return append(dst, '}', '}')
}

const timeLayout = "2006-01-02T15:04:05.000Z"

func appendTime(dst []byte, t time.Time) []byte { return t.UTC().AppendFormat(dst, timeLayout) }

// appendFloat writes the fewest digits that read back as the same bits, and
// always a point or an exponent, which is what tells a float from an int.
func appendFloat(dst []byte, f float64) []byte {
	if f-f != 0 {
		return append(dst, "null"...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

const hex = "0123456789abcdef"

// appendString writes s as a JSON string (RFC 8259 section 7): UTF-8 stays as it
// is, quotes, backslashes and control characters are escaped, bytes that are
// not UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, s[from:i]...)
				dst = append(dst, "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}
