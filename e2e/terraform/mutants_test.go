package terraform

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"gopkg.in/yaml.v3"
)

// Nothing in the Terraform files is without effect on the comparison: each word, number
// and reference in a resource or output is changed, one at a time, and found.
func TestParityFindsEveryChangeInTerraform(t *testing.T) {
	s := schema(t)
	m := newModel(t, models["everything"])
	files, c := render(t, m)
	source := cloudFormation(t, m)
	want := []Facts{templateFacts(t, source, true), templateFacts(t, source, false)}
	if found := Compare(want[0], configFactsOf(c, s, true)); len(found) > 0 {
		t.Fatalf("without a change: %v", found)
	}
	changes := 0
	for address, b := range c.Resources {
		if b.Type != "resource" || allowed(address+".") {
			continue
		}
		eachAttribute(address, b.Body, func(path string, a *hclsyntax.Attribute) {
			if a.Name == "depends_on" || allowed(path) {
				return
			}
			whole := a.Expr
			defer func() { a.Expr = whole }()
			for _, e := range eachValue(whole) {
				at, in := e.Range(), whole.Range()
				text := string(files[at.Filename])
				change := changed(e)
				if strings.HasSuffix(text[:at.End.Byte], "\n") {
					change += "\n" // of a heredoc
				}
				mutant := text[in.Start.Byte:at.Start.Byte] + change + text[at.End.Byte:in.End.Byte] + "\n"
				expression, diags := hclsyntax.ParseExpression([]byte(mutant), at.Filename, in.Start)
				if diags.HasErrors() {
					t.Fatalf("%s: %v", path, diags)
				}
				a.Expr = expression
				if len(Compare(want[0], configFactsOf(c, s, true))) == 0 && len(Compare(want[1], configFactsOf(c, s, false))) == 0 {
					t.Errorf("%s:%d: %s as %s is not found", at.Filename, at.Start.Line, text[at.Start.Byte:at.End.Byte], change)
				}
				changes++
			}
		})
	}
	if changes < 500 {
		t.Errorf("only %d changes were tried", changes)
	}
	t.Logf("%d changes, each found", changes)
}

func eachAttribute(path string, body *hclsyntax.Body, do func(string, *hclsyntax.Attribute)) {
	for name, a := range body.Attributes {
		do(path+"."+name, a)
	}
	count := map[string]int{}
	for _, b := range body.Blocks {
		eachAttribute(fmt.Sprintf("%s.%s[%d]", path, b.Type, count[b.Type]), b.Body, do)
		count[b.Type]++
	}
}

// eachValue returns the literals in an expression, or itself if it has none.
func eachValue(e hclsyntax.Expression) []hclsyntax.Expression {
	var out []hclsyntax.Expression
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if l, ok := n.(*hclsyntax.LiteralValueExpr); ok && strings.TrimSpace(fmt.Sprint(l.Val)) != "" {
			out = append(out, l)
		}
		return nil
	})
	if len(out) == 0 {
		out = append(out, e)
	}
	return out
}

func changed(e hclsyntax.Expression) string {
	l, ok := e.(*hclsyntax.LiteralValueExpr)
	switch {
	case !ok:
		return `"mutant"`
	case l.Val.Type() == cty.Bool:
		return fmt.Sprint(!l.Val.True())
	case l.Val.Type() == cty.Number:
		return "12345"
	}
	return "mutant"
}

// Nor is anything in the CloudFormation template.
func TestParityFindsEveryChangeInCloudFormation(t *testing.T) {
	s := schema(t)
	m := newModel(t, models["everything"])
	_, c := render(t, m)
	got := []Facts{configFactsOf(c, s, true), configFactsOf(c, s, false)}
	if found := Compare(templateFacts(t, cloudFormation(t, m), true), got[0]); len(found) > 0 {
		t.Fatalf("without a change: %v", found)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(cloudFormation(t, m), &root); err != nil {
		t.Fatal(err)
	}
	changes := 0
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i < len(n.Content); i += 2 {
				walk(path+"."+n.Content[i].Value, n.Content[i+1])
			}
		case yaml.SequenceNode:
			for _, item := range n.Content {
				walk(path, item)
			}
		case yaml.ScalarNode:
			if strings.HasSuffix(path, ".CatalogId") {
				return // see mapping.txt
			}
			was := *n
			n.Value, n.Tag, n.Style = "mutant", "!!str", 0
			found := false
			for i, start := range []bool{true, false} {
				template, err := evaluate(root.Content[0], parameters(start))
				found = found || err != nil || len(Compare(TemplateFacts(template), got[i])) > 0
			}
			*n = was
			if !found {
				t.Errorf("line %d: %s without %q is not found", n.Line, path, n.Value)
			}
			changes++
		}
	}
	resources := member(root.Content[0], "Resources")
	for i := 0; i < len(resources.Content); i += 2 {
		id, r := resources.Content[i].Value, resources.Content[i+1]
		walk(id, member(r, "Properties"))
		if policy := member(r, "DeletionPolicy"); policy != nil {
			walk(id+".DeletionPolicy", policy)
		}
	}
	if changes < 500 {
		t.Errorf("only %d changes were tried", changes)
	}
	t.Logf("%d changes, each found", changes)
}

func member(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}
