package terraform

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/zclconf/go-cty/cty"
)

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

// Before the consumer's code is there, CloudFormation has no consumer.
func TestParityBeforeTheUpload(t *testing.T) {
	m := newModel(t, models["everything"])
	_, c := render(t, m)
	p := parameters(false)
	p["ConsumerUploaded"] = "false"
	template, err := ParseTemplate(cloudFormation(t, m), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(template.Absent) != 2 {
		t.Errorf("%d resources are absent", len(template.Absent))
	}
	for _, difference := range Compare(TemplateFacts(template), configFactsOf(c, schema(t), false)) {
		t.Error(difference)
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
	return map[string]any{"Start": fmt.Sprint(start), "ConsumerUploaded": "true", "Administrators": []any{"ADMIN", "OTHER"}}
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
