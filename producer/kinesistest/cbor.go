package kinesistest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// Major types of CBOR, RFC 8949 section 3.1.
const (
	cborUint = iota << 5
	cborNegative
	cborBytes
	cborText
	cborList
	cborMap
	cborTag
	cborSimple
)

const (
	cborIndefinite = 31 // additional information: length unknown, ends with cborBreak
	cborBreak      = 0xff
	cborTagEpoch   = 1
)

var errTruncated = errors.New("the body ends inside a value")

// decodeCBOR decodes a request body. Byte strings alias it. Its cost is bounded
// by maxValues and maxDepth whatever the body says. It reads what CBOR encoders
// of the SDKs write: definite and indefinite lengths, floats of any size, text
// map keys; numbers outside 64 bits signed and non-text keys are errors.
func decodeCBOR(body []byte) (map[string]any, error) {
	d := cborDecoder{rest: body}
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if len(d.rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the body's value", len(d.rest))
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the body is %s, not a structure", typeName(v))
	}
	return m, nil
}

type cborDecoder struct {
	rest   []byte
	values int
}

// head reads the first byte of a value and its argument. For an indefinite
// length the argument is 0.
func (d *cborDecoder) head() (major, info byte, arg uint64, err error) {
	if len(d.rest) == 0 {
		return 0, 0, 0, errTruncated
	}
	major, info = d.rest[0]&0xe0, d.rest[0]&0x1f
	d.rest = d.rest[1:]
	switch {
	case info < 24:
		return major, info, uint64(info), nil
	case info == cborIndefinite:
		return major, info, 0, nil
	case info > 27:
		return 0, 0, 0, fmt.Errorf("reserved additional information %d", info)
	}
	n := 1 << (info - 24)
	if len(d.rest) < n {
		return 0, 0, 0, errTruncated
	}
	var wide [8]byte
	copy(wide[8-n:], d.rest)
	d.rest = d.rest[n:]
	return major, info, binary.BigEndian.Uint64(wide[:]), nil
}

func (d *cborDecoder) value(depth int) (any, error) {
	if d.values++; d.values > maxValues {
		return nil, fmt.Errorf("the body holds more than %d values", maxValues)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("the body nests deeper than %d", maxDepth)
	}
	major, info, arg, err := d.head()
	if err != nil {
		return nil, err
	}
	if info == cborIndefinite && (major < cborBytes || major > cborMap) {
		return nil, fmt.Errorf("unexpected byte %#x", major|info)
	}
	switch major {
	case cborUint, cborNegative:
		if arg > math.MaxInt64 {
			return nil, errors.New("an integer is outside 64 bits")
		}
		if major == cborNegative {
			return -1 - int64(arg), nil
		}
		return int64(arg), nil
	case cborBytes:
		return d.chunks(major, info, arg)
	case cborText:
		return d.text(info, arg)
	case cborList:
		return d.list(info, arg, depth)
	case cborMap:
		return d.mapping(info, arg, depth)
	case cborTag:
		v, err := d.value(depth + 1)
		if err != nil || arg != cborTagEpoch {
			return v, err
		}
		f, ok := number(v)
		if !ok {
			return nil, fmt.Errorf("tag 1 holds %s, not a number", typeName(v))
		}
		return epoch(f), nil
	}
	return simple(info, arg)
}

// simple returns a value of major type 7.
func simple(info byte, arg uint64) (any, error) {
	switch info {
	case 20, 21:
		return info == 21, nil
	case 22, 23: // null, undefined
		return nil, nil
	case 25:
		return float16(uint16(arg)), nil
	case 26:
		return float64(math.Float32frombits(uint32(arg))), nil
	case 27:
		return math.Float64frombits(arg), nil
	}
	return nil, fmt.Errorf("unknown simple value %d", arg)
}

func float16(bits uint16) float64 {
	exp, frac := int(bits>>10&0x1f), float64(bits&0x3ff)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(frac, -24)
	case 31:
		f = math.Inf(1)
		if frac != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(frac+1024, exp-25)
	}
	if bits&0x8000 != 0 {
		return -f
	}
	return f
}

// chunks reads a string: one piece, or pieces of definite length up to a break.
func (d *cborDecoder) chunks(major, info byte, arg uint64) ([]byte, error) {
	if info != cborIndefinite {
		return d.take(arg)
	}
	whole := []byte{}
	for !d.atBreak() {
		m, i, n, err := d.head()
		if err != nil {
			return nil, err
		}
		if m != major || i == cborIndefinite {
			return nil, fmt.Errorf("unexpected byte %#x in a string of indefinite length", m|i)
		}
		piece, err := d.take(n)
		if err != nil {
			return nil, err
		}
		whole = append(whole, piece...)
	}
	return whole, nil
}

func (d *cborDecoder) text(info byte, arg uint64) (string, error) {
	b, err := d.chunks(cborText, info, arg)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", errors.New("a text string is not UTF-8")
	}
	return string(b), nil
}

// take returns the next n bytes, aliased.
func (d *cborDecoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, errTruncated
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *cborDecoder) atBreak() bool {
	if len(d.rest) > 0 && d.rest[0] == cborBreak {
		d.rest = d.rest[1:]
		return true
	}
	return false
}

// more reports whether a list or map with i of n items goes on.
func (d *cborDecoder) more(info byte, i, n uint64) bool {
	if info == cborIndefinite {
		return !d.atBreak()
	}
	return i < n
}

func (d *cborDecoder) list(info byte, n uint64, depth int) ([]any, error) {
	l := []any{}
	for i := uint64(0); d.more(info, i, n); i++ {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	return l, nil
}

func (d *cborDecoder) mapping(info byte, n uint64, depth int) (map[string]any, error) {
	m := map[string]any{}
	for i := uint64(0); d.more(info, i, n); i++ {
		major, keyInfo, arg, err := d.head()
		if err != nil {
			return nil, err
		}
		if major != cborText {
			return nil, errors.New("a map key is not a text string")
		}
		key, err := d.text(keyInfo, arg)
		if err != nil {
			return nil, err
		}
		if _, twice := m[key]; twice {
			return nil, fmt.Errorf("the key %s is in a map twice", quoted(key))
		}
		if m[key], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// appendHead appends the first byte of a value and its argument, shortest form.
func appendHead(dst []byte, major byte, arg uint64) []byte {
	switch {
	case arg < 24:
		return append(dst, major|byte(arg))
	case arg <= math.MaxUint8:
		return append(dst, major|24, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(arg))
	case arg <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), arg)
}

// appendCBOR appends the CBOR of a reply value. Times are milliseconds since 1970
// as an integer in tag 1, as the service writes them; RFC 8949 section 3.4.2 has
// seconds there.
// https://github.com/aws/aws-sdk-java-v2/issues/4661
func appendCBOR(dst []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		n := 0
		for _, m := range v {
			if m.value != nil {
				n++
			}
		}
		dst = appendHead(dst, cborMap, uint64(n))
		for _, m := range v {
			if m.value != nil {
				dst = appendCBOR(appendCBOR(dst, m.name), m.value)
			}
		}
		return dst
	case []any:
		dst = appendHead(dst, cborList, uint64(len(v)))
		for _, e := range v {
			dst = appendCBOR(dst, e)
		}
		return dst
	case string:
		return append(appendHead(dst, cborText, uint64(len(v))), v...)
	case []byte:
		return append(appendHead(dst, cborBytes, uint64(len(v))), v...)
	case int:
		return appendCBOR(dst, int64(v))
	case int64:
		if v < 0 {
			return appendHead(dst, cborNegative, uint64(-1-v))
		}
		return appendHead(dst, cborUint, uint64(v))
	case bool:
		if v {
			return append(dst, cborSimple|21)
		}
		return append(dst, cborSimple|20)
	case time.Time:
		return appendCBOR(append(dst, cborTag|cborTagEpoch), v.UnixMilli())
	}
	return append(dst, cborSimple|22)
}
