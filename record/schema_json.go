package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxSchemaBytes caps the document that ParseSchema reads.
const maxSchemaBytes = 1 << 20

// schemaDoc is the JSON document of a schema.
type schemaDoc struct {
	Name    string     `json:"name"`
	Version int        `json:"version"`
	Fields  []fieldDoc `json:"fields"`
}

type fieldDoc struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Unit     string   `json:"unit,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Required bool     `json:"required,omitempty"`
	Doc      string   `json:"doc,omitempty"`
}

// MarshalJSON writes the schema as the document that [ParseSchema] reads:
//
//	{"name":"env","version":1,"fields":[
//	  {"name":"temperature","kind":"float","unit":"Cel","min":-40,"max":85,"required":true,"doc":"air"}]}
func (s *Schema) MarshalJSON() ([]byte, error) {
	doc := schemaDoc{Name: s.name, Version: s.version}
	for _, f := range s.fields {
		doc.Fields = append(doc.Fields, fieldDoc{f.Name, f.Kind.String(), f.Unit, f.Min, f.Max, f.Required, f.Doc})
	}
	return json.Marshal(doc)
}

// ParseSchema reads a schema document of at most 1 MiB. Unknown members are an
// error, so that a misspelt limit is not silently no limit.
func ParseSchema(data []byte) (*Schema, error) {
	if len(data) > maxSchemaBytes {
		return nil, fmt.Errorf("record: the schema document has %d bytes, the limit is %d", len(data), maxSchemaBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var doc schemaDoc
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("record: schema document: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("record: schema document: something follows the closing brace")
	}
	fields := make([]Field, len(doc.Fields))
	for i, f := range doc.Fields {
		kind, ok := parseKind(f.Kind)
		if !ok {
			return nil, fmt.Errorf("record: schema document: field %q: kind %q is not float, int, bool or string", f.Name, f.Kind)
		}
		fields[i] = Field{f.Name, kind, f.Unit, f.Min, f.Max, f.Required, f.Doc}
	}
	return NewSchema(doc.Name, doc.Version, fields...)
}
