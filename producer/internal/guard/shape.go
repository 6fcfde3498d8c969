package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// errTooMuch is for answers that no memory is spent on.
	errTooMuch = errors.New("more than Kinesis ever answers")
	errShape   = errors.New("it is neither JSON nor CBOR")
)

// mostDepth is how deep an answer may be nested; those of Kinesis are five deep.
const mostDepth = 16

// shape looks through a document before it is decoded: how deep it is nested, of how
// many values it is made, and that CBOR does not end early. The SDK's decoder of
// CBOR calls itself for each level, and takes what it is told of lengths.
//
// JSON begins with a brace or a space, CBOR with the first byte of a map, and no
// byte is both. Whichever of the two a decoder takes it for, it is refused at once if
// it is the other.
func shape(b []byte, values int) error {
	switch {
	case len(b) == 0:
		return nil
	case b[0] == '{' || b[0] <= ' ':
		return shapeJSON(b, values)
	case b[0]>>5 == cborMap:
		return shapeCBOR(b, values)
	}
	return errShape
}

// shapeJSON counts what opens and separates. Whether it is JSON is left to the
// decoder, which does not call itself.
func shapeJSON(b []byte, values int) error {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			values--
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values--
		}
		if depth > mostDepth || values < 0 {
			return tooMuch(depth > mostDepth)
		}
	}
	return nil
}

func tooMuch(deep bool) error {
	if deep {
		return fmt.Errorf("it is nested more than %d deep: %w", mostDepth, errTooMuch)
	}
	return fmt.Errorf("it has too many values: %w", errTooMuch)
}

// Major types, RFC 8949 section 3.1.
const (
	cborBytes, cborText, cborMap, cborTag = 2, 3, 5, 6

	cborBreak   = 0xff
	cborEndless = 31 // of unknown length, up to a break
)

// shapeCBOR looks through the first item of b.
func shapeCBOR(b []byte, values int) error {
	var left [mostDepth + 1]int // items of the containers that it is in; below 0: up to a break
	depth := 0
	left[0] = 1
	for i := 0; left[0] != 0 || depth > 0; {
		switch {
		case left[depth] == 0:
			depth--
			continue
		case i >= len(b), b[i] == cborBreak && left[depth] > 0:
			return errShape
		case b[i] == cborBreak:
			i++
			depth--
			continue
		case left[depth] > 0:
			left[depth]--
		}
		if values--; values < 0 {
			return tooMuch(false)
		}
		size, within, ok := cborItem(b[i:])
		if !ok {
			return errShape
		}
		i += size
		if within == 0 {
			continue
		}
		if depth++; depth > mostDepth {
			return tooMuch(true)
		}
		left[depth] = within
	}
	return nil
}

// cborItem returns how many bytes the item takes that b begins with, and how many
// items are within it, which come after: 0 for none, below 0 if they end with a break.
// Whatever it says of lengths is believed only as far as there are bytes.
func cborItem(b []byte) (size, within int, ok bool) {
	n, size, ok := cborHead(b)
	if !ok {
		return 0, 0, false
	}
	endless, rest := b[0]&31 == cborEndless, uint64(len(b)-size)
	switch major := b[0] >> 5; {
	case major == cborTag:
		return size, 1, true
	case major < cborBytes || major > cborMap:
		return size, 0, true
	case endless:
		return size, -1, true
	case n > rest:
		return 0, 0, false
	case major <= cborText:
		return size + int(n), 0, true
	case major == cborMap:
		return size, 2 * int(n), true
	default:
		return size, int(n), true
	}
}

// cborHead reads the first byte of an item and the number that follows it. ok is
// false if it is cut off, or is nothing.
func cborHead(b []byte) (n uint64, size int, ok bool) {
	major, minor := b[0]>>5, b[0]&31
	switch {
	case minor < 24:
		return uint64(minor), 1, true
	case minor == cborEndless:
		return 0, 1, major >= cborBytes && major <= cborMap
	case minor > 27:
		return 0, 0, false
	}
	size = 1 << (minor - 24)
	if len(b) <= size {
		return 0, 0, false
	}
	var eight [8]byte
	copy(eight[8-size:], b[1:1+size])
	return binary.BigEndian.Uint64(eight[:]), 1 + size, true
}
