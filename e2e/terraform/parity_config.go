package terraform

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// ConfigFacts evaluates a configuration. Variables are the values of its variables, by
// "var.NAME".
func ConfigFacts(c *Config, s *Schema, variables map[string]cty.Value) Facts {
	f := &configFacts{newFacts(), c, variables}
	for _, address := range sortedKeys(c.Resources) {
		b := c.Resources[address]
		if schema, err := s.Lookup(b.Labels[0]); err == nil && b.Type == "resource" {
			f.block(address, b.Body, schema)
		}
	}
	for name, output := range c.Outputs {
		f.attribute("output."+name, output.Body.Attributes["value"].Expr)
	}
	return *f.Facts
}

type configFacts struct {
	*Facts
	config    *Config
	variables map[string]cty.Value
}

// block adds all attributes of a block of Terraform.
func (f *configFacts) block(path string, body *hclsyntax.Body, schema *Block) {
	for name, a := range body.Attributes {
		if !slices.Contains(metaArguments, name) {
			f.attribute(path+"."+name, a.Expr)
		}
	}
	count := map[string]int{}
	for _, b := range body.Blocks {
		below, nested := path+"."+b.Type, schema.Blocks[b.Type]
		switch {
		case b.Type == "lifecycle":
			nested.Block = lifecycle
		case nested.Block == nil:
			continue // Check complains
		case !nested.Single:
			below += "[" + strconv.Itoa(count[b.Type]) + "]"
			count[b.Type]++
		}
		f.block(below, b.Body, nested.Block)
	}
}

func (f *configFacts) attribute(name string, e hclsyntax.Expression) {
	v, err := f.config.Value(e, f.known)
	if err != nil {
		f.differ("%s: %v", name, err)
		return
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		f.differ("%s: %v", name, err)
		return
	}
	f.put(name, json.RawMessage(text))
}

// known says by which text CloudFormation has what Terraform refers to.
func (f *configFacts) known(reference string) (cty.Value, bool) {
	if v, ok := f.variables[reference]; ok {
		return v, true
	}
	if text, ok := dataSources[reference]; ok {
		return cty.StringVal(text), true
	}
	parts := strings.Split(reference, ".")
	if len(parts) != 3 {
		return cty.NilVal, false
	}
	text := "${" + logical(parts[1])
	switch word := references[parts[0]][parts[2]]; word {
	case "":
		// CloudFormation has no such resource: what it is set to.
		b := f.config.Resources[parts[0]+"."+parts[1]]
		if b == nil || b.Body.Attributes[parts[2]] == nil {
			return cty.NilVal, false
		}
		v, err := f.config.Value(b.Body.Attributes[parts[2]].Expr, f.known)
		return v, err == nil
	case "Ref":
		return cty.StringVal(text + "}"), true
	default:
		return cty.StringVal(text + "." + word + "}"), true
	}
}
