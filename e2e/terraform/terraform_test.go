package terraform

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
	backend "github.com/rivulet-iot/rivulet/backend/terraform"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/zclconf/go-cty/cty"
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
lake: {expire_days: 900}
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
	{"name": "temperature", "kind": "float", "unit": "Cel", "doc": "of the \"air\", ${not} a %{reference} \\ 2 m"},
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
			if got := pinned(c); got != "~> "+minor(t) {
				t.Errorf("the provider is %q, the schema that it is checked against %s", got, minor(t))
			}
		})
	}
}

// Both forms of the stack are the same, whether the job is to run or not.
func TestParity(t *testing.T) {
	s := schema(t)
	for name, options := range models {
		for _, start := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/start=%v", name, start), func(t *testing.T) {
				m := newModel(t, options)
				_, c := render(t, m)
				for _, difference := range Compare(templateFacts(t, cloudFormation(t, m), start), configFactsOf(c, s, start)) {
					t.Error(difference)
				}
			})
		}
	}
}

func templateFacts(t *testing.T, source []byte, start bool) Facts {
	t.Helper()
	template, err := ParseTemplate(source, parameters(start))
	if err != nil {
		t.Fatal(err)
	}
	return TemplateFacts(template)
}

func parameters(start bool) map[string]any {
	return map[string]any{"Start": fmt.Sprint(start), "Administrators": []any{"ADMIN", "OTHER"}}
}

func configFactsOf(c *Config, s *Schema, start bool) Facts {
	return ConfigFacts(c, s, map[string]cty.Value{
		"var.start":          cty.BoolVal(start),
		"var.administrators": cty.TupleVal([]cty.Value{cty.StringVal("ADMIN"), cty.StringVal("OTHER")}),
	})
}

func cloudFormation(t *testing.T, m *model.Model) []byte {
	t.Helper()
	source, err := stack.CloudFormation(m)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// Every kind of resource, on either side, belongs to one on the other.
func TestEveryTypeIsMapped(t *testing.T) {
	m := newModel(t, models["everything"])
	_, c := render(t, m)
	mapped := map[string]bool{"aws_s3_object": true} // see onlyTerraform
	for _, table := range mapping {
		for _, row := range table.rows {
			name, _, _ := strings.Cut(row.attribute, ":")
			mapped[name] = true
		}
	}
	for address, b := range c.Resources {
		if b.Type == "resource" && !mapped[b.Labels[0]] {
			t.Errorf("mapping.txt does not say what %s is in CloudFormation", address)
		}
	}
	used := map[string]bool{}
	template, err := ParseTemplate(cloudFormation(t, m), parameters(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range template.Resources {
		used[r.Type] = true
	}
	for name := range mapping {
		if !used[name] {
			t.Errorf("mapping.txt has a %s, of which there is none", name)
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

// minor is the version of the provider that the schema is of, without its last number.
func minor(t *testing.T) string {
	t.Helper()
	pins, err := os.ReadFile("../../scripts/terraform/provider.env")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^provider=(\d+\.\d+)\.\d+$`).FindSubmatch(pins)
	if m == nil {
		t.Fatal("provider.env has no provider=")
	}
	return string(m[1])
}
