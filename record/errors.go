package record

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// FieldError says what is wrong with one field of one record: its name, the
// value it had and the limit it broke.
type FieldError struct {
	Field   string // the reading, or device_id, ts, meta
	Value   string // as record JSON prints it, a string in quotes; cut to 64 bytes
	Problem string // such as "above the maximum 85 Cel"
}

// Error returns one line, such as "temperature = 131.5: above the maximum 85 Cel".
func (e *FieldError) Error() string {
	if e.Value == "" {
		return e.Field + ": " + e.Problem
	}
	return e.Field + " = " + e.Value + ": " + e.Problem
}

// ValidationError reports every field of a record that is wrong. The record was
// not accepted; nothing of it was kept.
type ValidationError struct {
	Schema string        // "" for a record without one
	Fields []*FieldError // in schema order
}

// Error joins the fields' errors on one line.
func (e *ValidationError) Error() string {
	var b strings.Builder
	b.WriteString("record: ")
	if e.Schema != "" {
		b.WriteString(printable(e.Schema) + ": ")
	}
	for i, f := range e.Fields {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Error())
	}
	return b.String()
}

// Unwrap gives errors.As each [FieldError].
func (e *ValidationError) Unwrap() []error {
	errs := make([]error, len(e.Fields))
	for i, f := range e.Fields {
		errs[i] = f
	}
	return errs
}

// faults collects field errors without allocating while there are none.
type faults struct {
	schema string
	list   []*FieldError
}

func (f *faults) add(field, value, problem string) {
	// The strings may alias a caller's memory or a row: the error outlives both.
	f.list = append(f.list, &FieldError{clone(printable(field)), shorten(value), problem})
}

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return &ValidationError{Schema: clone(f.schema), Fields: f.list}
}

// printable returns a name as an error shows it: as it is, or quoted if printing it
// would do something else.
func printable(name string) string {
	if utf8.ValidString(name) && strings.IndexFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) < 0 {
		return name
	}
	return strconv.Quote(name)
}

func clone(s string) string { return strings.Clone(s) }

func shorten(s string) string {
	const most = 64
	if len(s) <= most {
		return clone(s)
	}
	return strings.ToValidUTF8(s[:most], "") + "… (" + strconv.Itoa(len(s)) + " bytes)"
}
