package terraform

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/rivulet-iot/rivulet/backend/model"
	backend "github.com/rivulet-iot/rivulet/backend/terraform"
	"github.com/rivulet-iot/rivulet/record"
)

// models are the options that the tests render: what is there by default, all that can be
// switched on, the other sink, and all that can be switched off.
var models = map[string]string{
	"defaults": `
project: green-house
schemas: [env.json]
`,
	"everything": `
project: green-house
schemas: [env.json]
stream: {name: telemetry, mode: provisioned, shards: 12, retention_hours: 168, max_record_kib: 10240, enhanced_monitoring: true}
devices: {credential_seconds: 43200}
records: {units: {temperature: "[degF]"}}
registry: {columns: [site, owner]}
job: {glue_version: "5.1", worker_type: G.2X, max_workers: 9, window_seconds: 100, timeout_minutes: 600, maintenance_window: "Tue:23"}
lake: {bucket: some-bucket, infrequent_access_days: 45, archive_days: 200, expire_days: 700, dead_letter_days: 30, log_days: 365}
athena: {scan_limit_gib: 10240}
alarms: {email: "duty+night@example.com", iterator_age_minutes: 60, dead_letters: 7}
lambda: {enabled: true, memory_mb: 512}
`,
	"iceberg": `
project: green-house
schemas: [env.json]
job: {sink: iceberg, worker_type: G.025X}
lambda: {enabled: true}
`,
	"nothing": `
project: abc
schemas: [env.json]
lake: {infrequent_access_days: -1, archive_days: -1, expire_days: -1}
`,
}

// schemaDocument has, in its texts, whatever could end a string of Terraform's early.
const schemaDocument = `{"name": "env", "version": 1, "fields": [
	{"name": "temperature", "kind": "float", "unit": "Cel", "doc": "of the \"air\", ${not}, $${neither}, a %{reference} \\ 2 m"},
	{"name": "motion", "kind": "bool"}]}`

func newModel(t *testing.T, options string) *model.Model {
	t.Helper()
	o, err := model.Parse([]byte(options))
	if err != nil {
		t.Fatal(err)
	}
	s, err := record.ParseSchema([]byte(schemaDocument))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(o, []*record.Schema{s})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func render(t *testing.T, m *model.Model) (map[string][]byte, *Config) {
	t.Helper()
	files, err := backend.Files(m)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseConfig(files)
	if err != nil {
		t.Fatal(err)
	}
	return files, c
}

// The files are as `terraform fmt` would write them, the same at every run, and hold to
// the schema of the provider.
func TestGenerated(t *testing.T) {
	s := schema(t)
	for name, options := range models {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, options)
			files, c := render(t, m)
			again, _ := render(t, m)
			for file, text := range files {
				if formatted := hclwrite.Format(text); !bytes.Equal(formatted, text) {
					t.Errorf("%s is not formatted:\n%s", file, firstDifference(text, formatted))
				}
				if !bytes.Equal(text, again[file]) {
					t.Errorf("%s: another run gives another text", file)
				}
			}
			for _, problem := range Check(c, s) {
				t.Error(problem)
			}
			if want := "~> " + provider(t)[:strings.LastIndex(provider(t), ".")]; pinned(c) != want {
				t.Errorf("the files ask for the provider %q, and are checked for %q", pinned(c), want)
			}
		})
	}
}

// What scripts/terraform-setup.sh keeps of the provider's schema is what the files use.
func TestResourcesTxt(t *testing.T) {
	s := schema(t)
	_, c := render(t, newModel(t, models["everything"]))
	Check(c, s)
	list, err := os.ReadFile("../../scripts/terraform/resources.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(list)) {
		name = strings.TrimSpace(name)
		if !strings.HasPrefix(name, "#") && !slices.ContainsFunc(sortedKeys(s.types), func(used string) bool { return folder(used) == name }) {
			t.Errorf("resources.txt lists %s, which is not used", name)
		}
	}
}

func firstDifference(a, b []byte) string {
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d:\n- %s\n+ %s", i+1, x[i], y[i])
		}
	}
	return "one is longer"
}

// pinned is the version of the provider that the files ask for.
func pinned(c *Config) string {
	i := slices.IndexFunc(c.Settings, func(b *hclsyntax.Block) bool { return b.Type == "terraform" })
	providers := c.Settings[i].Body.Blocks[0].Body.Attributes["aws"]
	v, diags := providers.Expr.Value(nil)
	if diags.HasErrors() {
		return diags.Error()
	}
	return v.GetAttr("version").AsString()
}
