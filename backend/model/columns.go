package model

// Column is one column of the table.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as Hive has it: string, bigint, double, boolean, timestamp, map<string,string>
	Doc  string `json:"doc,omitempty"`
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
	From   string  `json:"from"`
	Scale  float64 `json:"scale"`
	Offset float64 `json:"offset"`
}
