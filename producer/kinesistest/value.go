package kinesistest

import (
	"encoding/base64"
	"math"
	"time"
)

// A body in either encoding is decoded to one tree of
//
//	map[string]any, []any, string, []byte, float64, int64, bool, nil, epoch
//
// and a reply is encoded from one tree of
//
//	object, []any, string, []byte, int, int64, bool, time.Time
//
// so that an operation does not know in which encoding it was called.

// epoch is a point in time as CBOR has it: a number in tag 1.
type epoch float64

// object is a structure of a reply: names and values in order. A nil value
// leaves the member out.
type object []member

type member struct {
	name  string
	value any
}

// input reads the members of a request. The first member of a wrong type is
// kept as err; the readers return nil after it, as for an absent member.
type input struct {
	members map[string]any
	err     *error
}

func newInput(members map[string]any) input { return input{members, new(error)} }

func (in input) fail(name, want string, got any) {
	if *in.err == nil {
		*in.err = errf(codeSerialization, "%s: want %s, got %s", name, want, typeName(got))
	}
}

func typeName(v any) string {
	switch v.(type) {
	case map[string]any:
		return "a structure"
	case []any:
		return "a list"
	case string:
		return "a string"
	case []byte:
		return "a blob"
	case bool:
		return "a boolean"
	case epoch:
		return "a timestamp"
	}
	return "a number"
}

func (in input) str(name string) *string {
	v := in.members[name]
	if v == nil {
		return nil
	}
	s, ok := v.(string)
	if !ok {
		in.fail(name, "a string", v)
		return nil
	}
	return &s
}

// strOr returns a string member, or the given one if it is absent.
func (in input) strOr(name, otherwise string) string {
	if s := in.str(name); s != nil {
		return *s
	}
	return otherwise
}

func (in input) boolean(name string) bool {
	v := in.members[name]
	if v == nil {
		return false
	}
	b, ok := v.(bool)
	if !ok {
		in.fail(name, "a boolean", v)
	}
	return b
}

// integer reads a member of the API's type Integer, 32 bits.
func (in input) integer(name string) *int {
	v := in.members[name]
	if v == nil {
		return nil
	}
	f, ok := number(v)
	if !ok || f != math.Trunc(f) || f < math.MinInt32 || f > math.MaxInt32 {
		in.fail(name, "a 32-bit integer", v)
		return nil
	}
	n := int(f)
	return &n
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	return 0, false
}

// blob reads bytes: a byte string in CBOR, base64 in JSON. The slice may alias
// the body.
func (in input) blob(name string) (data []byte, present bool) {
	switch v := in.members[name].(type) {
	case nil:
		return nil, false
	case []byte:
		return v, true
	case string:
		data, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			in.fail(name, "base64", v)
			return nil, false
		}
		return data, true
	default:
		in.fail(name, "a blob", v)
		return nil, false
	}
}

// timestamp reads epoch seconds, and, from numbers too large for that, epoch
// milliseconds, which the SDKs for Java send in CBOR.
func (in input) timestamp(name string) *time.Time {
	v := in.members[name]
	if v == nil {
		return nil
	}
	f, ok := number(v)
	if e, tagged := v.(epoch); tagged {
		f, ok = float64(e), true
	}
	const largestSeconds = 1e11 // the year 5138
	if math.Abs(f) > largestSeconds {
		f /= 1e3
	}
	if !ok || math.IsNaN(f) || math.Abs(f) > largestSeconds {
		in.fail(name, "a timestamp", v)
		return nil
	}
	t := time.UnixMilli(int64(math.Round(f * 1e3)))
	return &t
}

func (in input) list(name string) []any {
	v := in.members[name]
	if v == nil {
		return nil
	}
	l, ok := v.([]any)
	if !ok {
		in.fail(name, "a list", v)
		return nil
	}
	if l == nil {
		l = []any{}
	}
	return l
}

// structure reads a nested structure; it shares err with in.
func (in input) structure(name string) (input, bool) {
	v := in.members[name]
	if v == nil {
		return input{}, false
	}
	return in.nested(name, v)
}

// nested makes an input of a value found in a list or a member.
func (in input) nested(name string, v any) (input, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		in.fail(name, "a structure", v)
		return input{}, false
	}
	return input{m, in.err}, true
}
