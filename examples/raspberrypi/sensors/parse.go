package sensors

import (
	"bytes"
	"errors"
	"strconv"
)

var (
	errEmpty     = errors.New("the file is empty: the device did not answer")
	errNotNumber = errors.New("the file holds no number")
)

// parseFloat reads a decimal number, with white space around it, and shifts its
// point by exp digits: parseFloat("23437", -3) is the float64 nearest to 23.437.
func parseFloat(b []byte, exp int) (float64, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return 0, errEmpty
	}
	if len(b) > 24 {
		return 0, errNotNumber
	}
	// ParseFloat knows more than decimals: nan, inf, hexadecimal, underscores.
	for _, c := range b {
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' {
			return 0, errNotNumber
		}
	}
	var text [32]byte
	out := append(text[:0], b...)
	if exp != 0 {
		out = append(out, 'e')
		out = strconv.AppendInt(out, int64(exp), 10)
	}
	f, err := strconv.ParseFloat(string(out), 64)
	if err != nil {
		return 0, errNotNumber
	}
	return f, nil
}

// parseInt reads a whole number in base 10 or 16, with white space around it.
func parseInt(b []byte, base int) (int64, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return 0, errEmpty
	}
	if base == 16 {
		b = bytes.TrimPrefix(b, []byte("0x"))
	}
	if len(b) > 20 {
		return 0, errNotNumber
	}
	n, err := strconv.ParseInt(string(b), base, 64)
	if err != nil {
		return 0, errNotNumber
	}
	return n, nil
}
