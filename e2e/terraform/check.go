package terraform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// metaArguments are Terraform's own, which every resource may have. Others, such as count,
// are not used here.
var metaArguments = []string{"depends_on"}

// lifecycle is what may stand in Terraform's own block of this name.
var lifecycle = &Block{Attributes: map[string]Attribute{
	"prevent_destroy":       {Type: cty.Bool},
	"create_before_destroy": {Type: cty.Bool},
	"ignore_changes":        {Type: cty.DynamicPseudoType},
}}

// Check holds a configuration to the provider's schema, and returns what is wrong: an unknown
// resource, an attribute or block that is unknown, missing, read-only, given as the other
// of the two, repeated or of a wrong type, and references to what is not there.
func Check(c *Config, s *Schema) []string {
	k := &checker{config: c, schema: s}
	for _, address := range sortedKeys(c.Resources) {
		b := c.Resources[address]
		name := b.Labels[0]
		if b.Type == "data" {
			name = "data." + name
		}
		schema, err := s.Lookup(name)
		if err != nil {
			k.complain(b.DefRange(), "%v", err)
			continue
		}
		k.body(address, b.Body, schema, true)
	}
	for name, a := range c.Locals {
		k.expression("local."+name, a.Expr, cty.DynamicPseudoType)
	}
	for name, o := range c.Outputs {
		k.body("output."+name, o.Body, &Block{Attributes: map[string]Attribute{
			"value":       {Type: cty.DynamicPseudoType, Required: true},
			"description": {Type: cty.String},
		}}, false)
	}
	slices.Sort(k.problems)
	return k.problems
}

type checker struct {
	config   *Config
	schema   *Schema
	problems []string
}

func (k *checker) complain(at hcl.Range, format string, args ...any) {
	k.problems = append(k.problems, fmt.Sprintf("%s:%d: ", at.Filename, at.Start.Line)+fmt.Sprintf(format, args...))
}

func (k *checker) body(path string, body *hclsyntax.Body, schema *Block, resource bool) {
	for name, a := range body.Attributes {
		switch s, ok := schema.Attributes[name]; {
		case resource && slices.Contains(metaArguments, name):
			k.expression(path+"."+name, a.Expr, cty.DynamicPseudoType)
		case schema.Blocks[name].Block != nil:
			k.complain(a.Range(), "%s.%s is a block, not an attribute", path, name)
		case !ok:
			k.complain(a.Range(), "%s has no attribute %s", path, name)
		case s.ReadOnly:
			k.complain(a.Range(), "%s.%s can only be read", path, name)
		default:
			k.expression(path+"."+name, a.Expr, s.Type)
		}
	}
	count := map[string]int{}
	for _, b := range body.Blocks {
		count[b.Type]++
		nested, ok := schema.Blocks[b.Type]
		if resource && b.Type == "lifecycle" {
			nested, ok = NestedBlock{Block: lifecycle, Single: true}, true
		}
		if _, isAttribute := schema.Attributes[b.Type]; isAttribute {
			k.complain(b.DefRange(), "%s.%s is an attribute, not a block", path, b.Type)
		} else if !ok {
			k.complain(b.DefRange(), "%s has no block %s", path, b.Type)
		} else {
			if nested.Single && count[b.Type] > 1 {
				k.complain(b.DefRange(), "%s.%s is there twice", path, b.Type)
			}
			k.body(path+"."+b.Type, b.Body, nested.Block, false)
		}
	}
	for name, s := range schema.Attributes {
		if s.Required && body.Attributes[name] == nil {
			k.complain(body.SrcRange, "%s has no %s, which is required", path, name)
		}
	}
	for name, s := range schema.Blocks {
		if s.Required && count[name] == 0 {
			k.complain(body.SrcRange, "%s has no block %s, which is required", path, name)
		}
	}
}

// expression checks what it refers to, and that its value is of the type.
func (k *checker) expression(path string, e hclsyntax.Expression, want cty.Type) {
	before := len(k.problems)
	for _, t := range e.Variables() {
		if problem := k.refer(reference(t)); problem != "" {
			k.complain(t.SourceRange(), "%s refers to %s: %s", path, reference(t), problem)
		}
	}
	if len(k.problems) > before {
		return // it would only be said again
	}
	v, err := k.config.Value(e, k.variable)
	if err != nil {
		k.complain(e.Range(), "%s: %v", path, err)
		return
	}
	if _, err := convert.Convert(v, want); err != nil {
		k.complain(e.Range(), "%s: %v", path, err)
	}
}

// variable is some value of a variable's type.
func (k *checker) variable(reference string) (cty.Value, bool) {
	name, ok := strings.CutPrefix(reference, "var.")
	if !ok {
		return cty.NilVal, false
	}
	a := k.config.Variables[name].Body.Attributes["type"]
	if a == nil {
		return cty.NilVal, false
	}
	t, diags := typeexpr.TypeConstraint(a.Expr)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	return cty.UnknownVal(t), true
}

// refer says what is wrong with a reference; "" if nothing is.
func (k *checker) refer(reference string) string {
	parts := strings.Split(reference, ".")
	switch {
	case parts[0] == "local" && len(parts) > 1:
		if k.config.Locals[parts[1]] == nil {
			return "no such local"
		}
		return ""
	case parts[0] == "var" && len(parts) > 1:
		if k.config.Variables[parts[1]] == nil {
			return "no such variable"
		}
		return ""
	case reference == "path.module":
		return ""
	}
	name, rest := parts[0], parts[1:]
	if name == "data" && len(rest) > 0 {
		name, rest = "data."+rest[0], rest[1:]
	}
	if len(rest) == 0 || k.config.Resources[name+"."+rest[0]] == nil {
		return "no such resource"
	}
	if len(rest) == 1 {
		return "" // the whole of it, as in depends_on
	}
	schema, err := k.schema.Lookup(name)
	if err != nil {
		return err.Error()
	}
	_, isAttribute := schema.Attributes[rest[1]]
	_, isBlock := schema.Blocks[rest[1]]
	if !isAttribute && !isBlock {
		return "it has no attribute " + rest[1]
	}
	return ""
}
