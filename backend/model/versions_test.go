package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
	"github.com/rivulet-iot/rivulet/record"
)

// options are those that a schema of any fields may have.
var options = model.Options{Project: "my-project"}

func schema(t *testing.T, name string, version int, fields ...record.Field) *record.Schema {
	s, err := record.NewSchema(name, version, fields...)
	require.NoError(t, err)
	return s
}

func TestColumns(t *testing.T) {
	var got []string
	for _, c := range backendtest.Model(t).Columns {
		got = append(got, c.Name+" "+c.Type)
	}
	require.Equal(t, []string{
		"device_id string", "boot string", "seq bigint", "ts timestamp", "ts_source string", "device_ts string",
		"arrival_time timestamp", "schema string", "meta map<string,string>",
		"temperature double", "humidity double", "motion boolean", "battery double", "count bigint", "note string", "pressure double",
		"extra map<string,string>", "site string", "model string", "sequence_number string",
	}, got)
}

func TestVersionsComeInAnyOrder(t *testing.T) {
	a := record.Field{Name: "a", Kind: record.Float, Unit: "V", Required: true, Doc: "was"}
	v1 := schema(t, "env", 1, a, record.Field{Name: "b", Kind: record.Int})
	a.Doc, a.Max, a.Required = "is", record.Limit(5), false
	v3 := schema(t, "env", 3, record.Field{Name: "c", Kind: record.Bool, Required: true}, record.Field{Name: "b", Kind: record.Int}, a)
	m, err := model.New(options, []*record.Schema{v3, v1})
	require.NoError(t, err)
	require.Equal(t, []*record.Schema{v1, v3}, m.Versions)
	require.Equal(t, v3, m.Newest())
	fields := m.Columns[9:12]
	require.Equal(t, []string{"a", "b", "c"}, []string{fields[0].Name, fields[1].Name, fields[2].Name}, "columns are only added")
	require.Equal(t, "is, in V", fields[0].Doc)
}

func TestVersionsMayOnlyAdd(t *testing.T) {
	a := record.Field{Name: "a", Kind: record.Float, Unit: "V"}
	b := record.Field{Name: "b", Kind: record.Int}
	with := func(f record.Field, change func(*record.Field)) record.Field { change(&f); return f }
	for want, versions := range map[string][]*record.Schema{
		"a is float in env/1 and int in env/2: a column has one type for ever":      {schema(t, "env", 1, a), schema(t, "env", 2, with(a, func(f *record.Field) { f.Kind = record.Int }))},
		`a is in "V" in env/1 and in "mV" in env/4: a column has one unit for ever`: {schema(t, "env", 4, with(a, func(f *record.Field) { f.Unit = "mV" })), schema(t, "env", 1, a)},
		"b of env/1 is missing in env/2: its column would be empty":                 {schema(t, "env", 1, a, b), schema(t, "env", 2, a)},
		"env/1 is given twice": {schema(t, "env", 1, a), schema(t, "env", 1, a, b)},
		"machine/1 and env/2 are two schemas; a table is for the versions of one": {schema(t, "machine", 1, a), schema(t, "env", 2, a)},
		"b of env/2 is missing in env/3":                                          {schema(t, "env", 1, a), schema(t, "env", 2, a, b), schema(t, "env", 3, a)},
	} {
		_, err := model.New(options, versions)
		require.ErrorContains(t, err, "options: schemas: "+want)
	}
}

func TestRegistryColumns(t *testing.T) {
	for name, want := range map[string]string{
		"Site":            "is a-z, 0-9 and _",
		"1st":             "does not begin with a digit",
		"":                "is a-z",
		"device_id":       "leave it out, it is always there",
		"temperature":     "has a column of this name already",
		"extra":           "has a column of this name already",
		"sequence_number": "has a column of this name already",
		"day":             "has a column of this name already",
		"batch":           "has a column of this name already",
		"site":            "has a column of this name already", // twice
	} {
		o := backendtest.Options()
		o.Registry.Columns = []string{"site", name}
		_, err := model.New(o, backendtest.Schemas(t))
		require.ErrorContains(t, err, "registry.columns[1] = \""+name+"\": ")
		require.ErrorContains(t, err, want)
	}
}
