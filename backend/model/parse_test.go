package model_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

func TestParse(t *testing.T) {
	want := model.Options{Project: "p-1", Schemas: []string{"a.json"}, Job: model.Job{GlueVersion: "5.1", MaxWorkers: 3},
		Records: model.Records{Units: map[string]string{"t": "[degF]", "h": "%"}}, Lake: model.Lake{ArchiveDays: -1}, Lambda: model.Lambda{Enabled: true}}
	for _, text := range []string{`
project: p-1 # of this
schemas:
  - a.json
job: {glue_version: "5.1", max_workers: 3}
records:
  units:
    t: "[degF]"
    h: "%"
lake:
  archive_days: -1
athena:
lambda: {enabled: true}
`, `{"project":"p-1","schemas":["a.json"],"job":{"glue_version":"5.1","max_workers":3},
	"records":{"units":{"t":"[degF]","h":"%"}},"lake":{"archive_days":-1},"lambda":{"enabled":true}}`} {
		got, err := model.Parse([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	// A version that is not quoted is a number to YAML.
	got, err := model.Parse([]byte("job:\n  glue_version: 6.0\n  maintenance_window: Mon:10\n"))
	require.NoError(t, err)
	require.Equal(t, "Mon:10", got.Job.MaintenanceWindow)
	got.Project = "my-project"
	m, err := model.New(got, backendtest.Schemas(t))
	require.NoError(t, err)
	require.Equal(t, "6.0", m.Job.GlueVersion)
}

func TestParseErrors(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 8) + "*" + string(c-1) + "]\n"
	}
	for text, want := range map[string]string{
		"":                                     "the file is empty",
		"# nothing\n":                          "the file is empty",
		"project: a\n---\nproject: b\n":        "second document",
		"project: a\nproject: b\n":             `[2:1] mapping key "project" already defined at [1:1]`,
		"project: a\njob:\n  windowseconds: 3": `[3:3] unknown field "windowseconds"`,
		"project: a\njob:\n  window_seconds: soon\n": "[3:19] ",
		"project: a\njob:\n  window_seconds: 60.5\n": "[3:19] ",
		"project: [a]\n":                  "[1:10] ",
		"job: 3\n":                        "[1:6] ",
		"- a\n":                           "[1:1] ",
		"project: \"a\n":                  "[1:10] ",
		"project: a\n\tjob:\n":            "[2:1] ",
		`{"project":"a"} {"project":"b"}`: "[1:17] ",
		bomb:                              "[1:4] & is YAML that an options file does not take",
		"project: !x 3\n":                 "[1:10] !x is YAML",
		"job: {window_seconds: .inf}\n":   "[1:23] .inf is not a whole number",
		string(bytes.Repeat([]byte("# long\n"), 150_000)): "the file has 1050000 bytes, the limit is 1048576",
	} {
		_, err := model.Parse([]byte(text))
		require.ErrorContains(t, err, want, "%.60s", text)
		require.ErrorContains(t, err, "options: ")
		require.NotContains(t, err.Error(), "\x1b", "colour")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("project: a\nschemas: [b]\nrecords: {units: {t: K}}\n"))
	f.Add([]byte(`{"job":{"max_workers":3}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o, err := model.Parse(data); err == nil {
			_, _ = model.New(o, nil)
		}
	})
}
