package backend

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/record"
)

func example(t *testing.T) *record.Schema {
	s, err := record.ParseSchema(InitSchema())
	require.NoError(t, err)
	return s
}

var commented = regexp.MustCompile(`(?m)^( *)#( *[a-z_]+:.*)$`)

// What init writes says of every option that is commented out what its default is.
func TestInitTellsTheDefaults(t *testing.T) {
	text := string(Init(InitSchemaFile))
	as, err := model.Parse([]byte(text))
	require.NoError(t, err)
	require.Equal(t, model.Options{Project: "my-project", Schemas: []string{InitSchemaFile}}, as, "all else is commented out")
	m, err := model.New(as, []*record.Schema{example(t)})
	require.NoError(t, err)

	all, err := model.Parse([]byte(commented.ReplaceAllString(text, "$1$2")))
	require.NoError(t, err)
	// Examples of what has no value by default, and what is not a default as it is.
	require.Equal(t, "my-lake", all.Lake.Bucket)
	require.Equal(t, "ops@example.com", all.Alarms.Email)
	require.Equal(t, []string{"site", "model"}, all.Registry.Columns)
	require.Equal(t, map[string]string{"temperature": "[degF]"}, all.Records.Units)
	require.Equal(t, 1, all.Stream.Shards, "of a provisioned stream")
	require.Equal(t, -1, all.Lake.ExpireDays)
	all.Stream.Shards = 0
	_, err = model.New(all, []*record.Schema{example(t)})
	require.NoError(t, err, "the examples are right")
	all.Lake.Bucket, all.Alarms.Email, all.Registry.Columns, all.Records.Units, all.Lake.ExpireDays = "", "", nil, nil, 0
	require.Equal(t, m.Options, all)
}

func TestInitHasEveryOption(t *testing.T) {
	text := string(Init(InitSchemaFile))
	for _, part := range reflect.VisibleFields(reflect.TypeFor[model.Options]()) {
		name := part.Tag.Get("yaml")
		require.Contains(t, text, "\n"+name+":")
		if part.Type.Kind() != reflect.Struct {
			continue
		}
		section := strings.SplitAfterN(text, "\n"+name+":\n", 2)[1]
		for _, field := range reflect.VisibleFields(part.Type) {
			require.Contains(t, strings.SplitN(section, "\n\n", 2)[0], "  #"+field.Tag.Get("yaml")+":")
		}
	}
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len(line), 90, line)
	}
}

func TestInitWithASchema(t *testing.T) {
	for _, path := range []string{"a.json", "../x y/é\"'.json", `C:\a: b #c.json`} {
		o, err := model.Parse(Init(path))
		require.NoError(t, err)
		require.Equal(t, []string{path}, o.Schemas)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("schemas/env.json", string(InitSchema()))
	options := write("b.yaml", "project: my-project\nschemas: [schemas/env.json]\n")
	m, err := Load(options)
	require.NoError(t, err)
	require.Equal(t, "env/1", m.Newest().Ref())
	m, err = Load(write("deep/b.yaml", "project: my-project\nschemas: [../schemas/env.json, '"+filepath.ToSlash(filepath.Join(dir, "schemas/env.json"))+"']\n"))
	require.ErrorContains(t, err, "env/1 is given twice", "it was found both ways")
	require.Nil(t, m)

	bad := write("bad.json", `{"name":"env"`)
	for text, want := range map[string]string{
		"project: my-project\n":                                         options + ": options: schemas: names no schema document",
		"project: 1\nschemas: [schemas/env.json]\n":                     options + `: options: project = "1": is 3 to 24`,
		"projekt: 1\n":                                                  options + `: options: [1:1] unknown field "projekt"`,
		"project: my-project\nschemas: [schemas/absent.json]\n":         options + ": schemas[0]: open " + filepath.Join(dir, "schemas", "absent.json"),
		"project: my-project\nschemas: [bad.json]\n":                    bad + ": record: schema document: unexpected EOF",
		"project: my-project\n" + strings.Repeat("#aaaaaaa\n", 250_000): "the limit is 1048576",
	} {
		write("b.yaml", text)
		_, err := Load(options)
		require.ErrorContains(t, err, want)
	}
	_, err = Load(filepath.Join(dir, "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
