package stack

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
)

// A parsed template has maps, lists and scalars only: what YAML writes as !Ref x is
// {"Ref": "x"}, !GetAtt x.y is {"Fn::GetAtt": ["x", "y"]}, and so on.
type parsed struct {
	object
	text  string
	model *model.Model
}

type object = map[string]any

// parse reads a template. It refuses what CloudFormation does not take: aliases, and
// keys that are given twice. See
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
func parse(text string, m *model.Model) (parsed, error) {
	f, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return parsed{}, err
	}
	if len(f.Docs) != 1 {
		return parsed{}, fmt.Errorf("%d documents", len(f.Docs))
	}
	v, err := value(f.Docs[0].Body)
	if err != nil {
		return parsed{}, err
	}
	o, ok := v.(object)
	if !ok {
		return parsed{}, fmt.Errorf("not a mapping")
	}
	return parsed{o, text, m}, nil
}

func value(n ast.Node) (any, error) {
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return nil, fmt.Errorf("%s: CloudFormation does not take a %s", n.GetPath(), n.Type())
	case *ast.MappingNode:
		return mapping(n.Values)
	case *ast.MappingValueNode:
		return mapping([]*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out := []any{}
		for _, item := range n.Values {
			v, err := value(item)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case *ast.TagNode:
		v, err := value(n.Value)
		name := strings.TrimPrefix(n.Start.Value, "!")
		switch {
		case name == "Ref" || name == "Condition":
			return object{name: v}, err
		case name == "GetAtt":
			s, _ := v.(string)
			of, attribute, _ := strings.Cut(s, ".")
			v = []any{of, attribute}
		}
		return object{"Fn::" + name: v}, err
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case ast.ScalarNode:
		return n.GetValue(), nil
	}
	return nil, fmt.Errorf("%s: CloudFormation does not take a %s", n.GetPath(), n.Type())
}

func mapping(values []*ast.MappingValueNode) (object, error) {
	out := object{}
	for _, pair := range values {
		key, ok := pair.Key.(ast.ScalarNode)
		if !ok {
			return nil, fmt.Errorf("%s: a key that is no scalar", pair.GetPath())
		}
		name, ok := key.GetValue().(string)
		if !ok {
			return nil, fmt.Errorf("%s: the key %v is no string", pair.GetPath(), key)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("%s: %s is given twice", pair.GetPath(), name)
		}
		v, err := value(pair.Value)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

func render(t *testing.T, m *model.Model) parsed {
	text, err := CloudFormation(m)
	require.NoError(t, err)
	p, err := parse(string(text), m)
	require.NoError(t, err)
	return p
}

// at follows keys into maps, and returns nil where one is not there.
func at(v any, keys ...string) any {
	for _, k := range keys {
		o, _ := v.(object)
		v = o[k]
	}
	return v
}

func items(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case nil:
		return nil
	}
	return []any{v} // policies may leave out the list of one
}

// resources calls f with each resource of a type, or of all types for "".
func (p parsed) resources(kind string, f func(name string, properties object)) {
	resources, _ := p.object["Resources"].(object)
	for _, name := range sorted(resources) {
		if kind == "" || at(resources[name], "Type") == kind {
			properties, _ := at(resources[name], "Properties").(object)
			f(name, properties)
		}
	}
}

// walk calls f with every value of a tree.
func walk(v any, f func(any)) {
	f(v)
	switch v := v.(type) {
	case object:
		for _, k := range sorted(v) {
			walk(v[k], f)
		}
	case []any:
		for _, item := range v {
			walk(item, f)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"A: &a [1]\nB: *a":       "does not take",
		"A: 1\nA: 2":             "already defined",
		"Condition:\n  Null: {}": "no string",
		"[1]":                    "not a mapping",
	} {
		_, err := parse(text, nil)
		require.ErrorContains(t, err, want, text)
	}
	p, err := parse("A: !GetAtt B.C.D\nB: !Ref X\nC: !If [S, !Sub \"${Y}\", 3]\nD: |\n  text\n", nil)
	require.NoError(t, err)
	require.Equal(t, object{
		"A": object{"Fn::GetAtt": []any{"B", "C.D"}},
		"B": object{"Ref": "X"},
		"C": object{"Fn::If": []any{"S", object{"Fn::Sub": "${Y}"}, uint64(3)}},
		"D": "text\n",
	}, p.object)
}
