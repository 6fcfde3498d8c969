package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unsafe"
)

// AppendTyped validates v, a struct of the type that s was made of or a pointer
// to one, and appends it to dst as a row. It returns the device that v carries,
// or "". A zero time becomes now. It does not allocate unless dst must grow or v
// is refused, and keeps no reference to v; only device aliases it.
func (s *Schema) AppendTyped(dst []byte, v any, now time.Time) (row []byte, device string, err error) {
	p, t := s.plan, reflect.TypeOf(v)
	if p == nil {
		return dst, "", fmt.Errorf("record: schema %s was not made by SchemaOf, so it takes a record.Record, not a %s", s.ref, typeName(t))
	}
	at := dataWord(v)
	switch {
	case t == p.ptr && at != nil, t == p.typ && !p.direct:
		return s.appendStruct(dst, at, now)
	case t == p.typ:
		row, _, err = s.appendStruct(dst, unsafe.Pointer(&at), now) // one pointer: no room for a device
		return row, "", err
	default:
		return dst, "", fmt.Errorf("record: schema %s takes a %s, got %s", s.ref, p.typ, gotName(t, at))
	}
}

// appendStruct encodes the struct at that address. Reading by offset is what
// keeps it off the heap: a reflect.Value would move it there, an allocation for
// every record.
func (s *Schema) appendStruct(dst []byte, at unsafe.Pointer, now time.Time) (row []byte, device string, err error) {
	p, bad := s.plan, faults{schema: s.ref}
	if p.time != nil {
		if t := *(*time.Time)(unsafe.Add(at, *p.time)); !t.IsZero() {
			now = t
		}
	}
	if p.device != nil {
		device = *(*string)(unsafe.Add(at, *p.device))
	}
	w := rowWriter{start: len(dst), buf: dst}
	w.head(&bad, formSchema, now)
	metaAt := len(w.buf)
	for _, m := range p.meta {
		if value := *(*string)(unsafe.Add(at, m.offset)); value != "" {
			w.meta(&bad, metaAt, m.name, value)
		}
	}
	w.fingerprint(s.print)
	w.openPresence(len(s.fields))
	for i := range p.fields {
		st := &p.fields[i]
		if st.kind == reflect.Float64 && !st.pointer { // most of telemetry: without a Value in between
			if x := *(*float64)(unsafe.Add(at, st.offset)); x >= st.min && x <= st.max {
				w.buf[w.presence+i/8] |= 1 << (i % 8)
				w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(x))
				continue
			}
		}
		f := &s.fields[i]
		val, ok, problem := st.value(at)
		switch {
		case problem != "":
			bad.add(f.Name, val.String(), problem) // digits
		case ok:
			f.check(&bad, val)
			w.present(i, val)
		case f.Required:
			bad.add(f.Name, "nil", "required, but absent")
		}
	}
	row, err = w.finish(&bad, dst)
	return row, device, err
}

// dataWord returns the second word of an interface: a pointer to the value it
// holds or, when the value is itself one pointer, that pointer. (SchemaOf tells
// the two apart by a zero value, whose word is nil only in the second case.)
func dataWord(v any) unsafe.Pointer { return (*[2]unsafe.Pointer)(unsafe.Pointer(&v))[1] }

func gotName(t reflect.Type, at unsafe.Pointer) string {
	if t != nil && at == nil {
		return "a nil " + t.String()
	}
	return typeName(t)
}

// typeName is for errors: they take the type's name and not v, which %T would
// move to the heap.
func typeName(t reflect.Type) string {
	if t == nil {
		return "nil"
	}
	return t.String()
}

// value reads one field of the struct at base. Integers are widened.
func (st *slot) value(base unsafe.Pointer) (v Value, ok bool, problem string) {
	p := unsafe.Add(base, st.offset)
	if st.pointer {
		if p = *(*unsafe.Pointer)(p); p == nil {
			return v, false, ""
		}
	}
	switch st.kind {
	case reflect.Float64:
		v = FloatValue(*(*float64)(p))
	case reflect.Float32:
		v = FloatValue(float64(*(*float32)(p)))
	case reflect.Bool:
		v = BoolValue(*(*bool)(p))
	case reflect.String:
		v = StringValue(*(*string)(p))
	case reflect.Int:
		v = IntValue(int64(*(*int)(p)))
	case reflect.Int8:
		v = IntValue(int64(*(*int8)(p)))
	case reflect.Int16:
		v = IntValue(int64(*(*int16)(p)))
	case reflect.Int32:
		v = IntValue(int64(*(*int32)(p)))
	case reflect.Int64:
		v = IntValue(*(*int64)(p))
	case reflect.Uint8:
		v = IntValue(int64(*(*uint8)(p)))
	case reflect.Uint16:
		v = IntValue(int64(*(*uint16)(p)))
	case reflect.Uint32:
		v = IntValue(int64(*(*uint32)(p)))
	default:
		u := uint64(0)
		if st.kind == reflect.Uint64 {
			u = *(*uint64)(p)
		} else {
			u = uint64(*(*uint)(p))
		}
		if u > math.MaxInt64 {
			return StringValue(strconv.FormatUint(u, 10)), true, "above the largest int, 9223372036854775807"
		}
		v = IntValue(int64(u))
	}
	return v, true, ""
}

// Takes reports whether AppendTyped takes v: a struct of the type that s was made of,
// or a pointer to one.
func (s *Schema) Takes(v any) bool {
	t := reflect.TypeOf(v)
	return s.plan != nil && (t == s.plan.typ || t == s.plan.ptr)
}

// SameType reports whether both schemas were made of one struct type.
func (s *Schema) SameType(o *Schema) bool {
	return s.plan != nil && o.plan != nil && s.plan.typ == o.plan.typ
}
