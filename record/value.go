package record

import (
	"math"
	"strconv"
	"strings"
)

// Kind is the type of a reading.
type Kind uint8

// The kinds a reading can have. Their numbers are part of the row format.
const (
	Float  Kind = 1 // 64-bit IEEE 754; NaN and infinities are refused
	Int    Kind = 2 // 64-bit signed
	Bool   Kind = 3
	String Kind = 4 // UTF-8
)

var kindNames = [...]string{Float: "float", Int: "int", Bool: "bool", String: "string"}

// String returns the kind's name as the schema document spells it.
func (k Kind) String() string {
	if k.valid() {
		return kindNames[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

func (k Kind) valid() bool { return k >= Float && k <= String }

func parseKind(s string) (Kind, bool) {
	for k := Float; k <= String; k++ {
		if kindNames[k] == s {
			return k, true
		}
	}
	return 0, false
}

// Value is one reading's value: a float, int, bool or string. It is small, is
// passed by value and needs no allocation. The zero Value has no kind and is
// refused by validation. Two Values are equal by == if and only if they have
// the same kind and the same bits.
type Value struct {
	kind Kind
	bits uint64 // the float's bits, the int, or 0 and 1
	str  string
}

// FloatValue returns a Float.
func FloatValue(f float64) Value { return Value{kind: Float, bits: math.Float64bits(f)} }

// IntValue returns an Int.
func IntValue(i int64) Value { return Value{kind: Int, bits: uint64(i)} }

// BoolValue returns a Bool.
func BoolValue(b bool) Value {
	v := Value{kind: Bool}
	if b {
		v.bits = 1
	}
	return v
}

// StringValue returns a String. It must be valid UTF-8 to pass validation.
func StringValue(s string) Value { return Value{kind: String, str: s} }

// Kind tells which of the accessors applies.
func (v Value) Kind() Kind { return v.kind }

// Float returns the value of a Float, and 0 for any other kind.
func (v Value) Float() float64 {
	if v.kind != Float {
		return 0
	}
	return math.Float64frombits(v.bits)
}

// Int returns the value of an Int, and 0 for any other kind.
func (v Value) Int() int64 {
	if v.kind != Int {
		return 0
	}
	return int64(v.bits)
}

// Bool returns the value of a Bool, and false for any other kind.
func (v Value) Bool() bool { return v.kind == Bool && v.bits == 1 }

// Str returns the value of a String, and "" for any other kind. (String prints
// a value of any kind.)
func (v Value) Str() string { return v.str }

// String prints the value as record JSON would, without quotes.
func (v Value) String() string {
	switch v.kind {
	case String:
		return v.str
	case Float, Int, Bool:
		return string(v.appendJSON(nil))
	}
	return "no value"
}

// shown returns the value as an error shows it: a String in quotes, which tell it
// from a number, and with what a terminal would obey escaped.
func (v Value) shown() string {
	switch {
	case v.kind == String:
		return strconv.Quote(v.str)
	case v.kind == Float && !finite(v.bits):
		return strconv.FormatFloat(math.Float64frombits(v.bits), 'g', -1, 64)
	}
	return v.String()
}

func (v Value) appendJSON(dst []byte) []byte {
	switch v.kind {
	case Float:
		return appendFloat(dst, math.Float64frombits(v.bits))
	case Int:
		return strconv.AppendInt(dst, int64(v.bits), 10)
	case Bool:
		return strconv.AppendBool(dst, v.bits == 1)
	default:
		return appendString(dst, v.str)
	}
}

// clone detaches the value from memory it may share.
func (v Value) clone() Value {
	v.str = strings.Clone(v.str)
	return v
}
