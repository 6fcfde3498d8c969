package model

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rivulet-iot/rivulet/record"
)

// Model is what every renderer works from: the options, with defaults filled in, and
// the schema. It is made by [New] and not changed after.
type Model struct {
	Options
	Versions []*record.Schema // of the schema, oldest first
	Columns  []Column         // of the table, without those of its partitions: year, month and day
	json     []byte
}

// New fills in the defaults of the options, checks them, and puts the versions of
// the schema together, in whatever order they come. The error is a [*Error] that
// names everything that is wrong.
func New(o Options, schemas []*record.Schema) (*Model, error) {
	m := &Model{Options: o, Versions: slices.Clone(schemas)}
	var bad Error
	m.fill()
	m.check(&bad)
	m.merge(&bad)
	if len(bad.Fields) > 0 {
		return nil, &bad
	}
	for _, days := range []*int{&m.Lake.InfrequentAccessDays, &m.Lake.ArchiveDays, &m.Lake.ExpireDays} {
		*days = max(*days, 0)
	}
	var err error
	m.json, err = m.marshal()
	return m, err
}

// Newest returns the newest version of the schema.
func (m *Model) Newest() *record.Schema { return m.Versions[len(m.Versions)-1] }

// Error is what [New] returns: all that is wrong with the options and the schema.
type Error struct {
	Fields []*record.FieldError // Field is the path, such as stream.mode
}

// Error has one line for each field.
func (e *Error) Error() string {
	if len(e.Fields) == 1 {
		return "options: " + e.Fields[0].Error()
	}
	var b strings.Builder
	b.WriteString("options: " + strconv.Itoa(len(e.Fields)) + " are wrong:")
	for _, f := range e.Fields {
		b.WriteString("\n  " + f.Error())
	}
	return b.String()
}

// Unwrap gives errors.As each [record.FieldError].
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Fields))
	for i, f := range e.Fields {
		errs[i] = f
	}
	return errs
}

func (e *Error) add(field, value, problem string) {
	e.Fields = append(e.Fields, &record.FieldError{Field: field, Value: value, Problem: problem})
}
