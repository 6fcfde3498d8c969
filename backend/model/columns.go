package model

import (
	"strings"
	"unicode"

	"github.com/rivulet-iot/rivulet/record"
)

// Column is one column of the table.
type Column struct {
	Name string `json:"name"`          // a-z, 0-9 and _
	Type string `json:"type"`          // as Hive has it: string, bigint, double, boolean, timestamp, map<string,string>
	Doc  string `json:"doc,omitempty"` // one line for people, with the unit; may be ""
	// Field says where the value comes from: a field of the schema, or "" for what
	// every record has.
	Field string `json:"field,omitempty"`
	Unit  string `json:"unit,omitempty"` // of the values in the table
	// A value x of the record becomes x*Scale + Offset, both roundings done as IEEE
	// 754 doubles; nil: as it is.
	Convert *Conversion `json:"convert,omitempty"`
}

// Conversion is from the schema's unit to the table's.
type Conversion struct {
	From   string  `json:"from"`   // the schema's unit
	Scale  float64 `json:"scale"`  // the exact quotient, rounded once
	Offset float64 `json:"offset"` // in the table's unit, rounded once
}

// The columns before and after those of the fields.
var (
	before = []Column{
		{Name: "device_id", Type: "string", Doc: "the device"},
		{Name: "boot", Type: "string", Doc: "random name of one count of the device's records, 16 hexadecimal digits; device_id, boot and seq identify a record"},
		{Name: "seq", Type: "bigint", Doc: "number of the record in that count, from 1, without gaps"},
		{Name: "ts", Type: "timestamp", Doc: "when it was observed, UTC"},
		{Name: "ts_source", Type: "string", Doc: "whose clock ts is of: device, or arrival, where the device's was wrong"},
		{Name: "device_ts", Type: "string", Doc: "the time as the device gave it, where ts_source is arrival"},
		{Name: "arrival_time", Type: "timestamp", Doc: "when the stream took it, UTC"},
		{Name: "schema", Type: "string", Doc: "name/version of its schema"},
		{Name: "meta", Type: "map<string,string>", Doc: "what the device says of itself"},
	}
	extra    = Column{Name: "extra", Type: "map<string,string>", Doc: "readings that the schema does not have, as JSON text"}
	sequence = Column{Name: "sequence_number", Type: "string", Doc: "of the Kinesis record that it came in"}
)

// hiveType is the type of a field's column, if it is not converted.
var hiveType = map[record.Kind]string{record.Float: "double", record.Int: "bigint", record.Bool: "boolean", record.String: "string"}

// column returns the column of a field; its doc names the unit.
func column(f record.Field) Column {
	return Column{Name: f.Name, Type: hiveType[f.Kind], Doc: f.Doc, Field: f.Name, Unit: f.Unit}
}

// withUnit puts the unit into the column's doc.
func (c Column) withUnit() Column {
	switch {
	case c.Unit == "":
	case c.Doc == "":
		c.Doc = "in " + c.Unit
	default:
		c.Doc += ", in " + c.Unit
	}
	return c
}

// maxComment is the longest comment of a column in the Glue Data Catalog, in bytes:
// https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
const maxComment = 255

// Comment returns Doc as the Data Catalog and a DDL statement take it: one line of at
// most 255 bytes without quotes, backslashes or semicolons.
func (c Column) Comment() string {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == '\'' || r == '"' || r == '`':
			return '’'
		case r == '\\':
			return '/'
		case r == ';':
			return ','
		case !unicode.IsPrint(r): // which YAML may not have either
			return ' '
		}
		return r
	}, c.Doc)
	if len(text) > maxComment {
		text = strings.ToValidUTF8(text[:maxComment], "")
	}
	return text
}

// Years returns the first and the last year that the table projects partitions for.
// Queries outside of them find nothing, and queries that name no year look into all of
// them; an integer projection has no "now":
// https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
// The first is before any record that the job may store under its own time.
func (m *Model) Years() (first, last int) {
	return earliestArrival - (m.Records.MaxAgeDays+364)/365, 2050
}

// earliestArrival is the year at whose beginning the earliest arrival is that the job
// takes for true: dead letters that are replayed bring theirs along.
const earliestArrival = 2020
