// Package terraform checks the Terraform that backend/terraform generates, as far as
// that goes without an account: form, references, every resource, block and attribute against
// the schema that the AWS provider publishes, and every value against the
// CloudFormation template of the same model.
package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// Schema is the part of the AWS provider's that scripts/terraform-setup.sh installed.
type Schema struct {
	dir   string // of the bindings: one folder for each resource
	types map[string]*Block
}

// Block is what may stand in a block.
type Block struct {
	Attributes map[string]Attribute
	Blocks     map[string]NestedBlock
}

// Attribute is one that can be set, or only read.
type Attribute struct {
	Type     cty.Type // DynamicPseudoType for one that can only be read
	Required bool
	ReadOnly bool
}

// NestedBlock is a block in a block.
type NestedBlock struct {
	*Block
	Required bool
	Single   bool // may not be repeated
}

// NewSchema reads the bindings below dir as they are asked for.
func NewSchema(dir string) *Schema { return &Schema{dir: dir, types: map[string]*Block{}} }

// Lookup returns the schema of a resource, such as "aws_sqs_queue", or of a data source,
// such as "data.aws_region".
func (s *Schema) Lookup(name string) (*Block, error) {
	if b, ok := s.types[name]; ok {
		return b, nil
	}
	js, err := os.ReadFile(filepath.Join(s.dir, folder(name), "index.js"))
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("no schema of %s: not one of the AWS provider's, or it is missing in scripts/terraform/resources.txt", name)
	}
	if err != nil {
		return nil, err
	}
	b, err := parseBindings(string(js))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s.types[name] = b
	return b, nil
}

// folder is that of a resource: kinesis-stream of aws_kinesis_stream.
func folder(name string) string {
	return strings.NewReplacer("data.", "data-", "_", "-").Replace(strings.TrimPrefix(name, "aws_"))
}

// The bindings are generated, one statement a line. An attribute is known from three places:
// what it is called and its type from the list that is written as HCL, whether it is required
// from a comment, and whether a block may be repeated from the class that holds it.
var (
	functionLine = regexp.MustCompile(`^function (\w+)ToHclTerraform\(`)
	classLine    = regexp.MustCompile(`^class (\w+) extends cdktn\.(\w+)`)
	entryLine    = regexp.MustCompile(`^ {8,12}(\w+): \{$`)
	valueLine    = regexp.MustCompile(`^\s+value: (.*),$`)
	blockLine    = regexp.MustCompile(`^\s+isBlock: (true|false),$`)
	kindLine     = regexp.MustCompile(`^\s+type: "(\w+)",$`)
	storageLine  = regexp.MustCompile(`^\s+storageClassType: "(\w+)",$`)
	needLine     = regexp.MustCompile(`^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$`)
	memberLine   = regexp.MustCompile(`^    _\w+ = new (\w+)\(this, "(\w+)"`)
	nestedName   = regexp.MustCompile(`\b([a-z]\w*)ToHclTerraform`)
)

// class is one class of the bindings: a block.
type class struct {
	entries []entry
	needs   map[string]string // attribute: "required", "optional" or "read-only"
	members map[string]string // block: the class that holds it
}

type entry struct{ name, value, isBlock, kind, storage string }

const rootClass = "" // the resource itself

func parseBindings(js string) (*Block, error) {
	classes := map[string]*class{}
	at := func(name string) *class {
		if classes[name] == nil {
			classes[name] = &class{needs: map[string]string{}, members: map[string]string{}}
		}
		return classes[name]
	}
	var c *class
	var e entry
	for line := range strings.Lines(js) {
		line = strings.TrimRight(line, "\n")
		if m := functionLine.FindStringSubmatch(line); m != nil {
			c = at(strings.ToUpper(m[1][:1]) + m[1][1:])
		} else if m := classLine.FindStringSubmatch(line); m != nil {
			if strings.HasPrefix(m[2], "Terraform") {
				c = at(rootClass)
			} else {
				c = at(strings.TrimSuffix(m[1], "OutputReference"))
			}
		}
		if c == nil {
			continue
		}
		if m := entryLine.FindStringSubmatch(line); m != nil {
			e = entry{name: m[1]}
		} else if m := valueLine.FindStringSubmatch(line); m != nil {
			e.value = m[1]
		} else if m := blockLine.FindStringSubmatch(line); m != nil {
			e.isBlock = m[1]
		} else if m := kindLine.FindStringSubmatch(line); m != nil {
			e.kind = m[1]
		} else if m := storageLine.FindStringSubmatch(line); m != nil {
			e.storage = m[1]
			c.entries = append(c.entries, e)
		} else if m := needLine.FindStringSubmatch(line); m != nil {
			c.needs[m[1]] = map[bool]string{true: "required", false: "optional"}[m[4] == "true"]
			if m[3] == "false" && m[4] == "false" {
				c.needs[m[1]] = "read-only"
			}
		} else if m := memberLine.FindStringSubmatch(line); m != nil {
			c.members[m[2]] = m[1]
		}
	}
	if classes[rootClass] == nil {
		return nil, fmt.Errorf("bindings without a resource; has their form changed?")
	}
	return block(classes, rootClass)
}

// block puts the three together.
func block(classes map[string]*class, name string) (*Block, error) {
	c := classes[name]
	if c == nil {
		return nil, fmt.Errorf("no class %s", name)
	}
	b := &Block{Attributes: map[string]Attribute{}, Blocks: map[string]NestedBlock{}}
	for _, e := range c.entries {
		need, ok := c.needs[e.name]
		if !ok {
			return nil, fmt.Errorf("%s.%s: not said whether it is required", name, e.name)
		}
		if e.isBlock == "true" {
			m := nestedName.FindStringSubmatch(e.value)
			if m == nil {
				return nil, fmt.Errorf("%s.%s: a block of what? %s", name, e.name, e.value)
			}
			nested, err := block(classes, strings.ToUpper(m[1][:1])+m[1][1:])
			if err != nil {
				return nil, err
			}
			b.Blocks[e.name] = NestedBlock{nested, need == "required", strings.HasSuffix(c.members[e.name], "OutputReference")}
			continue
		}
		t, err := attributeType(e.kind, e.storage)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, e.name, err)
		}
		b.Attributes[e.name] = Attribute{Type: t, Required: need == "required"}
	}
	for attribute, need := range c.needs {
		if need == "read-only" {
			b.Attributes[attribute] = Attribute{Type: cty.DynamicPseudoType, ReadOnly: true}
		}
	}
	return b, nil
}

func attributeType(kind, storage string) (cty.Type, error) {
	element := map[string]cty.Type{"string": cty.String, "number": cty.Number, "boolean": cty.Bool}[strings.TrimSuffix(strings.TrimSuffix(storage, "List"), "Map")]
	if element == cty.NilType {
		return cty.NilType, fmt.Errorf("attribute of the unknown type %s", storage)
	}
	switch kind {
	case "simple":
		return element, nil
	case "list":
		return cty.List(element), nil
	case "set":
		return cty.Set(element), nil
	case "map":
		return cty.Map(element), nil
	}
	return cty.NilType, fmt.Errorf("attribute of the unknown kind %s", kind)
}
