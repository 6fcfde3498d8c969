package backendtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/record"
)

// Options returns options with no more than what has no default, but for a unit to
// convert and a column of the registry.
func Options() model.Options {
	return model.Options{
		Project:  "my-project",
		Schemas:  []string{"env.v1.json", "env.v2.json"},
		Records:  model.Records{Units: map[string]string{"temperature": "[degF]", "battery": "mV"}},
		Registry: model.Registry{Columns: []string{"site", "model"}},
	}
}

// Schemas returns two versions of a schema with fields of every kind.
func Schemas(t testing.TB) []*record.Schema {
	fields := []record.Field{
		{Name: "temperature", Kind: record.Float, Unit: "Cel", Min: record.Limit(-40), Max: record.Limit(85), Required: true, Doc: "air, indoors"},
		{Name: "humidity", Kind: record.Float, Unit: "%RH", Min: record.Limit(0), Max: record.Limit(100)},
		{Name: "motion", Kind: record.Bool, Doc: "somebody moved"},
		{Name: "battery", Kind: record.Float, Unit: "V", Min: record.Limit(0), Max: record.Limit(6)},
		{Name: "count", Kind: record.Int, Unit: "count", Min: record.Limit(0)},
		{Name: "note", Kind: record.String, Doc: `free text: "quoted", it's`},
	}
	v1, err := record.NewSchema("env", 1, fields...)
	require.NoError(t, err)
	v2, err := record.NewSchema("env", 2, append(fields, record.Field{Name: "pressure", Kind: record.Float, Unit: "hPa"})...)
	require.NoError(t, err)
	return []*record.Schema{v1, v2}
}

// Model returns the model of the sample, with its options changed.
func Model(t testing.TB, change ...func(*model.Options)) *model.Model {
	o := Options()
	for _, f := range change {
		f(&o)
	}
	m, err := model.New(o, Schemas(t))
	require.NoError(t, err)
	return m
}
