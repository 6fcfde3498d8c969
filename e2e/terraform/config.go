package terraform

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Config is all files of one Terraform folder.
type Config struct {
	Files     map[string]*hcl.File
	Resources map[string]*hclsyntax.Block // by address: "aws_kms_key.main", "data.aws_region.current"
	Locals    map[string]*hclsyntax.Attribute
	Variables map[string]*hclsyntax.Block
	Outputs   map[string]*hclsyntax.Block
	Settings  []*hclsyntax.Block // terraform and provider
}

// ParseConfig parses the files; an error names the file and the line.
func ParseConfig(files map[string][]byte) (*Config, error) {
	c := &Config{
		Files:     map[string]*hcl.File{},
		Resources: map[string]*hclsyntax.Block{},
		Locals:    map[string]*hclsyntax.Attribute{},
		Variables: map[string]*hclsyntax.Block{},
		Outputs:   map[string]*hclsyntax.Block{},
	}
	parser := hclparse.NewParser()
	for _, name := range sortedKeys(files) {
		file, diags := parser.ParseHCL(files[name], name)
		if diags.HasErrors() {
			return nil, diags
		}
		c.Files[name] = file
		body := file.Body.(*hclsyntax.Body)
		if len(body.Attributes) > 0 {
			return nil, fmt.Errorf("%s: an attribute outside of any block", name)
		}
		for _, b := range body.Blocks {
			if err := c.add(b); err != nil {
				return nil, fmt.Errorf("%s: %w", b.DefRange(), err)
			}
		}
	}
	return c, nil
}

func (c *Config) add(b *hclsyntax.Block) error {
	to, want := map[string]*hclsyntax.Block(nil), 1
	switch b.Type {
	case "terraform", "provider":
		c.Settings = append(c.Settings, b)
		return nil
	case "locals":
		for name, a := range b.Body.Attributes {
			if c.Locals[name] != nil {
				return fmt.Errorf("local.%s is there twice", name)
			}
			c.Locals[name] = a
		}
		return nil
	case "resource", "data":
		to, want = c.Resources, 2
	case "variable":
		to = c.Variables
	case "output":
		to = c.Outputs
	default:
		return fmt.Errorf("no block of Terraform's: %s", b.Type)
	}
	if len(b.Labels) != want {
		return fmt.Errorf("%s with %d labels, not %d", b.Type, len(b.Labels), want)
	}
	name := strings.Join(b.Labels, ".")
	if b.Type == "data" {
		name = "data." + name
	}
	if to[name] != nil {
		return fmt.Errorf("%s %s is there twice", b.Type, name)
	}
	to[name] = b
	return nil
}

// Value evaluates an expression. What is only known when it is deployed is a text in its
// place: "${aws_kms_key.main.arn}", or what known says of it.
func (c *Config) Value(e hclsyntax.Expression, known func(reference string) (cty.Value, bool)) (cty.Value, error) {
	root := map[string]map[string]cty.Value{}
	for _, t := range e.Variables() {
		r := reference(t)
		v, ok := known(r)
		if !ok {
			v = cty.StringVal("${" + r + "}")
		}
		if name, isLocal := strings.CutPrefix(r, "local."); isLocal {
			a := c.Locals[name]
			if a == nil {
				return cty.NilVal, fmt.Errorf("%s: no local.%s", t.SourceRange(), name)
			}
			var err error
			if v, err = c.Value(a.Expr, known); err != nil {
				return cty.NilVal, err
			}
		}
		parts := strings.SplitN(r, ".", 2)
		if len(parts) == 1 {
			parts = append(parts, "")
		}
		if root[parts[0]] == nil {
			root[parts[0]] = map[string]cty.Value{}
		}
		root[parts[0]][parts[1]] = v
	}
	variables := map[string]cty.Value{}
	for name, members := range root {
		variables[name] = nest(members)
	}
	v, diags := e.Value(&hcl.EvalContext{Variables: variables, Functions: functions})
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	return v, nil
}

// functions are those of Terraform that the files use. A file is not read: its hash is a text.
var functions = map[string]function.Function{
	"jsonencode":       stdlib.JSONEncodeFunc,
	"filemd5":          nameOf("filemd5"),
	"filesha256":       nameOf("filesha256"),
	"filebase64sha256": nameOf("filebase64sha256"),
}

func nameOf(name string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(name + "(" + args[0].AsString() + ")"), nil
		},
	})
}

// nest makes an object of members that are named by paths, such as "main.arn".
func nest(members map[string]cty.Value) cty.Value {
	if v, ok := members[""]; ok {
		return v
	}
	below := map[string]map[string]cty.Value{}
	for path, v := range members {
		first, rest, _ := strings.Cut(path, ".")
		if below[first] == nil {
			below[first] = map[string]cty.Value{}
		}
		below[first][rest] = v
	}
	object := map[string]cty.Value{}
	for name, m := range below {
		object[name] = nest(m)
	}
	return cty.ObjectVal(object)
}

// reference writes a traversal as in the source, up to an index: "aws_kms_key.main.arn".
func reference(t hcl.Traversal) string {
	parts := []string{t.RootName()}
	for _, step := range t[1:] {
		attr, ok := step.(hcl.TraverseAttr)
		if !ok {
			break
		}
		parts = append(parts, attr.Name)
	}
	return strings.Join(parts, ".")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
