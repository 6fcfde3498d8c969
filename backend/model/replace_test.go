package model_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
	"github.com/rivulet-iot/rivulet/record"
)

func TestReplaces(t *testing.T) {
	a := record.Field{Name: "a", Kind: record.Float, Unit: "V"}
	b := record.Field{Name: "b", Kind: record.Int}
	build := func(o model.Options, schemas ...*record.Schema) *model.Model {
		m, err := model.New(o, schemas)
		require.NoError(t, err)
		return m
	}
	with := func(change func(*model.Options)) model.Options {
		o := model.Options{Project: "my-project", Registry: model.Registry{Columns: []string{"site"}}}
		change(&o)
		return o
	}
	same := with(func(*model.Options) {})
	v1 := schema(t, "env", 1, a)
	was := build(same, v1).JSON()
	limited := a
	limited.Max, limited.Doc = record.Limit(5), "voltage"
	for _, m := range []*model.Model{
		build(same, v1),
		build(same, v1, schema(t, "env", 2, a, b)),
		build(same, schema(t, "env", 2, a, b)),
		build(same, schema(t, "env", 1, limited)),
		build(with(func(o *model.Options) { o.Registry.Columns = []string{"room", "site"} }), v1),
		build(with(func(o *model.Options) { o.Stream.RetentionHours, o.Job.WindowSeconds = 48, 90 }), v1),
	} {
		require.NoError(t, m.Replaces(was))
	}
	for want, m := range map[string]*model.Model{
		"project, schemas = my_project.machine: the table was my_project.env, and":    build(same, schema(t, "machine", 1, a)),
		"project, schemas = other.env: the table was my_project.env":                  build(with(func(o *model.Options) { o.Project = "other" }), v1),
		"schemas = a: the table has this column and would lose it":                    build(same, schema(t, "env", 2, b)),
		`stream.name = "s": it was "my-project"`:                                      build(with(func(o *model.Options) { o.Stream.Name = "s" }), v1),
		`lake.bucket = "bucket": it was ""`:                                           build(with(func(o *model.Options) { o.Lake.Bucket = "bucket" }), v1),
		`job.sink = "iceberg": it was "parquet"`:                                      build(with(func(o *model.Options) { o.Job.Sink = "iceberg" }), v1),
		"schemas = site: the table has this column and would lose it":                 build(with(func(o *model.Options) { o.Registry.Columns = nil }), v1),
		"schemas = a: the table has this column as double, it would become bigint":    build(same, schema(t, "env", 2, record.Field{Name: "a", Kind: record.Int, Unit: "V"})),
		`records.units = a: the table has this column in "V", it would be in "mV"`:    build(with(func(o *model.Options) { o.Records.Units = map[string]string{"a": "mV"} }), v1),
		"schemas = env/1: it was rendered with other fields, and devices may have it": build(same, schema(t, "env", 1, a, b)),
	} {
		err := m.Replaces(was)
		require.ErrorContains(t, err, want)
		var all *model.Error
		require.ErrorAs(t, err, &all)
	}
	m := build(same, v1)
	require.ErrorContains(t, m.Replaces([]byte("{")), "the earlier model: ")
	require.ErrorContains(t, m.Replaces([]byte(`{"name":"another tool's"}`)), "format 0, not 1")
	require.ErrorContains(t, m.Replaces([]byte(strings.Replace(string(was), `"kind": "float"`, `"kind": "fload"`, 1))), `kind "fload"`)
	require.NoError(t, backendtest.Model(t).Replaces(backendtest.Model(t).JSON()))
}
