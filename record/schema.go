package record

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Field declares one reading of a schema.
type Field struct {
	Name string // [a-z_][a-z0-9_]*, at most 64 characters: it becomes a Parquet column
	Kind Kind   // of every value
	// Unit is a SenML unit (RFC 8428 section 12.1 and the IANA registry "SenML
	// Units") or a UCUM code (ucum.org), such as Cel, %RH, Pa, lx, V. "" for none.
	Unit     string
	Min, Max *float64 // inclusive limits of a Float or Int; nil for none. Exact for ints up to 2^53
	Required bool     // a record without it is refused
	Doc      string   // one line for the people who read the data
}

// Schema is a named, versioned set of fields. It is immutable and safe for
// concurrent use. A new version may add fields; it must not retype one.
type Schema struct {
	name    string
	version int
	ref     string
	fields  []Field
	index   map[string]int
	print   uint64
	plan    *plan // nil for a schema made by hand
}

// Limit returns a pointer to f, for [Field].Min and Max.
func Limit(f float64) *float64 { return &f }

// NewSchema builds a schema from fields known at run time. The error names
// every field that is wrong.
func NewSchema(name string, version int, fields ...Field) (*Schema, error) {
	s := &Schema{name: name, version: version, ref: name + "/" + strconv.Itoa(version),
		fields: append([]Field(nil), fields...), index: make(map[string]int, len(fields))}
	bad := faults{schema: s.ref}
	if !isName(name, "-") {
		bad.add("name", strconv.Quote(name), "a schema's name is a-z, 0-9, _ and -, begins with a letter, and has at most 64 characters")
	}
	if version < 1 || version > math.MaxUint16 {
		bad.add("version", strconv.Itoa(version), "a version is 1 to 65535")
	}
	if len(fields) == 0 || len(fields) > MaxReadings {
		bad.add("fields", strconv.Itoa(len(fields)), "a schema has 1 to "+strconv.Itoa(MaxReadings)+" fields")
	}
	for i := range s.fields {
		f := &s.fields[i]
		checkField(&bad, f)
		if _, twice := s.index[f.Name]; twice {
			bad.add(f.Name, "", "declared twice")
		}
		s.index[f.Name] = i
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	s.print = s.fingerprint()
	return s, nil
}

// Name returns the schema's name, such as "env".
func (s *Schema) Name() string { return s.name }

// Version returns the schema's version, from 1.
func (s *Schema) Version() int { return s.version }

// Ref returns "name/version", which is how record JSON refers to the schema.
func (s *Schema) Ref() string { return s.ref }

// Fields returns a copy of the fields, in declaration order.
func (s *Schema) Fields() []Field { return append([]Field(nil), s.fields...) }

// Len returns the number of fields.
func (s *Schema) Len() int { return len(s.fields) }

// Field returns field i, from 0.
func (s *Schema) Field(i int) Field { return s.fields[i] }

// Fingerprint identifies what is needed to read a row or a columnar frame: name,
// version, and each field's name, kind, unit and whether it is required. Limits
// and docs may change without changing it.
func (s *Schema) Fingerprint() uint64 { return s.print }

func (s *Schema) fingerprint() uint64 {
	var b []byte
	b = appendBytes(b, s.ref)
	for _, f := range s.fields {
		b = appendBytes(b, f.Name)
		b = append(b, byte(f.Kind))
		b = appendBytes(b, f.Unit)
		b = strconv.AppendBool(b, f.Required)
	}
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

// reserved are the names that the stored table gives to a record's own parts, to
// what the backend adds to it, and to partitions.
var reserved = map[string]bool{"device_id": true, "boot": true, "seq": true, "ts": true,
	"schema": true, "meta": true, "year": true, "month": true, "day": true, "batch": true,
	"ts_source": true, "device_ts": true, "arrival_time": true, "extra": true, "sequence_number": true}

// mistaken maps units that people write to the registered name they mean.
var mistaken = map[string]string{"°C": "Cel", "degC": "Cel", "celsius": "Cel", "Celsius": "Cel",
	"°F": "[degF]", "percent": "%", "rh": "%RH", "RH": "%RH", "volt": "V", "volts": "V", "amp": "A",
	"amps": "A", "watt": "W", "watts": "W", "lux": "lx", "pascal": "Pa", "bytes": "By or B",
	"byte": "By or B", "sec": "s", "seconds": "s", "meter": "m", "metres": "m", "bool": "/ (or no unit)",
	"hz": "Hz", "µs": "us", "m²": "m2", "m³": "m3"}

func checkField(bad *faults, f *Field) {
	name := f.Name
	if name == "" {
		name = "field"
	}
	if !isName(f.Name, "") {
		bad.add(name, strconv.Quote(f.Name), "a field's name is a-z, 0-9 and _, does not begin with a digit, and has at most 64 characters")
	}
	if reserved[f.Name] {
		bad.add(name, "", "the name is taken by a column that every table of records has; choose another")
	}
	if !f.Kind.valid() {
		bad.add(name, f.Kind.String(), "the kind is Float, Int, Bool or String")
	}
	if hint, ok := mistaken[f.Unit]; ok {
		bad.add(name, "unit "+f.Unit, "not a SenML or UCUM unit; did you mean "+hint+"?")
	} else if !isUnit(f.Unit) {
		bad.add(name, "unit "+strconv.Quote(f.Unit), "a SenML or UCUM unit is at most 32 printable ASCII characters without space or comma")
	}
	limited := f.Min != nil || f.Max != nil
	if limited && f.Kind != Float && f.Kind != Int {
		bad.add(name, "", "min and max are for floats and ints, not for a "+f.Kind.String())
	}
	for _, l := range []*float64{f.Min, f.Max} {
		if l != nil && (math.IsNaN(*l) || math.IsInf(*l, 0)) {
			bad.add(name, fmt.Sprint(*l), "a limit is a finite number")
		}
	}
	if f.Min != nil && f.Max != nil && *f.Min > *f.Max {
		bad.add(name, "", fmt.Sprintf("min %v is above max %v", *f.Min, *f.Max))
	}
	if f.Doc != "" && (len(f.Doc) > 1024 || badName(strings.TrimSpace(f.Doc)) != "") {
		bad.add(name, "doc", "a doc is one line of at most 1024 bytes, without control characters and the like")
	}
}

func isName(s, more string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && strings.IndexByte(more, c) < 0) {
			return false
		}
	}
	return true
}

func isUnit(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ',' || s[i] == '"' {
			return false
		}
	}
	return len(s) <= 32
}

// check validates one present value against its field.
func (f *Field) check(bad *faults, v Value) {
	if v.kind != f.Kind {
		bad.add(f.Name, v.shown(), "is of kind "+v.kind.String()+", the schema says "+f.Kind.String())
		return
	}
	if problem := f.problem(v); problem != "" {
		bad.add(f.Name, v.shown(), problem)
	}
}

func (f *Field) problem(v Value) string {
	switch v.kind {
	case Float:
		return f.outside(math.Float64frombits(v.bits))
	case Int:
		if f.Min == nil && f.Max == nil {
			return ""
		}
		return f.outside(float64(int64(v.bits)))
	case String:
		return badString(v.str)
	}
	return ""
}

const notFinite = "not a finite number; leave the reading out instead"

func (f *Field) outside(x float64) string {
	switch {
	case x-x != 0: // NaN and ±Inf
		return notFinite
	case f.Min != nil && x < *f.Min:
		return "below the minimum " + f.withUnit(*f.Min)
	case f.Max != nil && x > *f.Max:
		return "above the maximum " + f.withUnit(*f.Max)
	}
	return ""
}

func (f *Field) withUnit(x float64) string {
	return strings.TrimRight(strconv.FormatFloat(x, 'g', -1, 64)+" "+f.Unit, " ")
}

func badString(s string) string {
	if !utf8.ValidString(s) {
		return "not valid UTF-8"
	}
	return ""
}
