package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend"
)

func TestBackendUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"backend", "what to do? Give init, render or try"},
		{"backend list", `"list" is not init, render or try`},
		{"backend render more", `no flag: "more"`},
		{"backend render", "where to? Give -out DIR"},
		{"backend render -schema x", "render has no flag -schema; its flags are -options, -out, -json"},
		{"backend init -out x", "init has no flag -out; its flags are -options, -schema"},
		{"backend init -colour", "flag provided but not defined: -colour"},
	} {
		code, out, err := cli(strings.Fields(c.args)...)
		require.Equal(t, exitUsage, code, c.args)
		require.Empty(t, out, c.args)
		require.Contains(t, err, c.want, c.args)
		require.Contains(t, err, `"rivulet help backend" explains`, c.args)
	}
}

// started returns a directory in which init was run, and which is the working one.
func started(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, err := cli("backend", "init")
	require.Zero(t, code, err)
}

func TestBackendInit(t *testing.T) {
	t.Chdir(t.TempDir())
	code, out, err := cli("backend", "init")
	require.Zero(t, code, err)
	require.Contains(t, out, "wrote rivulet-backend.yaml: every option")
	require.Contains(t, out, "wrote env.schema.json: an example")
	require.Contains(t, out, "\n  rivulet backend render -out out\n")
	_, loadErr := backend.Load("rivulet-backend.yaml")
	require.NoError(t, loadErr)

	was := tree(t, ".")
	code, out, err = cli("backend", "init")
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Contains(t, err, "rivulet-backend.yaml is there already")
	code, _, err = cli("backend", "init", "-options", "other.yaml")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "env.schema.json is there already")
	require.Equal(t, was, tree(t, "."), "nothing was written, not the other one either")

	// A schema of one's own, seen from the options file.
	require.NoError(t, os.Mkdir("deploy", 0o700))
	code, out, err = cli("backend", "init", "-schema", "env.schema.json", "-options", "deploy/my.yaml")
	require.Zero(t, code, err)
	require.NotContains(t, out, "an example")
	require.Contains(t, out, "rivulet backend render -options deploy/my.yaml -out out")
	m, loadErr := backend.Load("deploy/my.yaml")
	require.NoError(t, loadErr)
	require.Equal(t, []string{"../env.schema.json"}, m.Schemas)

	require.NoError(t, os.WriteFile("bad.json", []byte("{}"), 0o600))
	for args, want := range map[string]string{
		"-options a.yaml -schema none.json":               "none.json",
		"-options a.yaml -schema bad.json":                "bad.json: record: ",
		"-options nowhere/a.yaml -schema env.schema.json": "nowhere",
	} {
		code, _, err = cli(append([]string{"backend", "init"}, strings.Fields(args)...)...)
		require.Equal(t, exitFailed, code, args)
		require.Contains(t, err, want)
	}
}

func TestBackendRender(t *testing.T) {
	started(t)
	code, out, err := cli("backend", "render", "-out", "a/out")
	require.Zero(t, code, err)
	require.Contains(t, out, "a/out: the backend of the table my_project.env: ")
	require.Contains(t, out, "\n  new     glue/env_stream_etl.py\n")
	require.Contains(t, out, "0 changed, 0 the same, 0 removed\n")
	require.Contains(t, out, "next: read "+filepath.Join("a/out", "README.md"))
	m, loadErr := backend.Load("rivulet-backend.yaml")
	require.NoError(t, loadErr)
	files, renderErr := backend.Render(m)
	require.NoError(t, renderErr)
	written := tree(t, "a/out")
	require.Len(t, written, len(files)+1)
	for _, f := range files {
		require.Equal(t, string(f.Data), written[f.Path])
	}
	if _, lookErr := exec.LookPath("sha256sum"); lookErr == nil {
		check := exec.Command("sha256sum", "-c", "--strict", sumsFile)
		check.Dir = "a/out"
		report, err := check.CombinedOutput()
		require.NoError(t, err, string(report))
	}

	code, out, err = cli("backend", "render", "-out", "a/out", "-json")
	require.Zero(t, code, err)
	var result rendering
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	require.Equal(t, "my_project.env", result.Table)
	require.Len(t, result.Files, len(files))
	for i, f := range result.Files {
		require.Equal(t, renderedFile{files[i].Path, len(files[i].Data), sum(files[i].Data), "same"}, f)
	}
	require.Equal(t, written, tree(t, "a/out"))

	require.NoError(t, os.Mkdir("empty", 0o700))
	code, _, err = cli("backend", "render", "-out", "empty")
	require.Zero(t, code, err)
}

// edit changes the text of a file.
func edit(t *testing.T, path, old, new string) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), old)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600))
}

func TestBackendRenderAgain(t *testing.T) {
	started(t)
	render := func() (int, string, string) { return cli("backend", "render", "-out", "out") }
	code, _, err := render()
	require.Zero(t, code, err)

	// A second version, which adds a field; the file of an older rendering goes away.
	require.NoError(t, os.Rename("env.schema.json", "v2.json"))
	edit(t, "v2.json", `"version": 1`, `"version": 2`)
	edit(t, "v2.json", `"fields": [`, `"fields": [ {"name": "co2", "kind": "int", "unit": "ppm"},`)
	edit(t, "rivulet-backend.yaml", "env.schema.json", "v2.json")
	require.NoError(t, os.MkdirAll("out/terraform/.terraform", 0o700))
	require.NoError(t, os.WriteFile("out/terraform/terraform.tfstate", nil, 0o600))
	edit(t, "out/registry/devices.csv", "device_id", "device_id,site\npi-1,north")
	code, out, err := render()
	require.Zero(t, code, err)
	require.Contains(t, out, "  changed model.json\n")
	require.Contains(t, out, "  new     schema/env-v2.json\n")
	require.Contains(t, out, "  removed schema/env-v1.json\n")
	require.Contains(t, out, "  kept    registry/devices.csv\n")
	got := tree(t, "out")
	require.NotContains(t, got, "schema/env-v1.json")
	require.Contains(t, got, "terraform/terraform.tfstate", "it is not of the rendering")
	require.Contains(t, got["registry/devices.csv"], "pi-1,north")

	// What harms the table changes nothing.
	refused := func(want string) {
		was := tree(t, "out")
		code, out, err := render()
		require.Equal(t, exitFailed, code)
		require.Empty(t, out)
		require.Contains(t, err, want)
		require.Equal(t, was, tree(t, "out"))
	}
	edit(t, "v2.json", `"name": "co2", "kind": "int"`, `"name": "co2", "kind": "float"`)
	refused("out has an earlier rendering: options: 2 are wrong:\n    schemas = co2: the table has this column as bigint, it would become double")
	edit(t, "v2.json", `"name": "co2", "kind": "float"`, `"name": "co2", "kind": "int"`)

	edit(t, "out/model.json", `"format": 1`, `"format": 2`)
	refused("the earlier model has format 2")
	edit(t, "out/model.json", `"format": 2`, `"format": 1`)
	edit(t, "out/schema/env-v2.json", "air", "soil")
	refused(filepath.Join("out", "schema", "env-v2.json") + " was edited since it was rendered")
	edit(t, "out/schema/env-v2.json", "soil", "air")
	require.NoError(t, os.Remove("out/schema/env-v2.json"))
	code, out, err = render()
	require.Zero(t, code, err)
	require.Contains(t, out, "  new     schema/env-v2.json\n")

	edit(t, "rivulet-backend.yaml", "  - \"v2.json\"", "  - v2.json\n  - v3.json")
	v2, readErr := os.ReadFile("v2.json")
	require.NoError(t, readErr)
	require.NoError(t, os.WriteFile("v3.json", bytes.Replace(v2, []byte(`"version": 2`), []byte(`"version": 3`), 1), 0o600))
	require.NoError(t, os.WriteFile("out/schema/env-v3.json", []byte("mine"), 0o600))
	refused("env-v3.json is in the way, and was not rendered")
	require.NoError(t, os.Remove("out/schema/env-v3.json"))

	require.NoError(t, os.Remove("out/model.json"))
	refused("has SHA256SUMS and no model.json")
	edit(t, "out/SHA256SUMS", "  model.json", "  ../model.json")
	refused("is no line of it")
}

func TestBackendRenderFailures(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, err := cli("backend", "render", "-out", "out")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, `"rivulet backend init" writes one`)
	_, _, _ = cli("backend", "init")
	code, _, err = cli("backend", "render", "-out", ".")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, ". has files and no SHA256SUMS of an earlier rendering")
	edit(t, "rivulet-backend.yaml", "#window_seconds: 60", "window_seconds: 5")
	code, _, err = cli("backend", "render", "-out", "out")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "rivulet-backend.yaml: options: job.window_seconds = 5: is 60 to 100")
	require.NoDirExists(t, "out")

	for _, verb := range []string{"init", "render"} {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var stderr bytes.Buffer
		require.Equal(t, exitFailed, run(ctx, []string{"backend", verb, "-options", "c.yaml"}, nil, io.Discard, &stderr))
		require.NoFileExists(t, "c.yaml")
	}
}

// tree returns the files below a directory.
func tree(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(os.DirFS(dir), path)
		files[path] = string(data)
		return err
	}))
	return files
}
