package terraform

import (
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// Template is a CloudFormation template. What is only known when it is deployed is a
// text in its place: "${Key.Arn}", "${AWS::Region}".
type Template struct {
	Resources map[string]Resource
	Outputs   map[string]any
	Absent    map[string]Resource // whose condition does not hold
}

// Resource is one of its resources.
type Resource struct {
	Type           string
	DeletionPolicy string
	Properties     map[string]any
}

// ParseTemplate parses a template for these parameters. Its functions are replaced by
// their values.
func ParseTemplate(source []byte, parameters map[string]any) (*Template, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(source, &root); err != nil {
		return nil, err
	}
	return evaluate(root.Content[0], parameters)
}

func evaluate(body *yaml.Node, parameters map[string]any) (*Template, error) {
	e := evaluator{known: parameters}
	sections := map[string]map[string]any{}
	for _, section := range []string{"Conditions", "Resources", "Outputs"} {
		for i := 0; i < len(body.Content); i += 2 {
			if body.Content[i].Value != section {
				continue
			}
			v, err := e.value(body.Content[i+1])
			if err != nil {
				return nil, err
			}
			sections[section], _ = v.(map[string]any)
		}
		e.conditions = sections["Conditions"]
	}
	t := &Template{Resources: map[string]Resource{}, Outputs: sections["Outputs"], Absent: map[string]Resource{}}
	for id, v := range sections["Resources"] {
		members, _ := v.(map[string]any)
		r := Resource{}
		r.Type, _ = members["Type"].(string)
		r.DeletionPolicy, _ = members["DeletionPolicy"].(string)
		r.Properties, _ = members["Properties"].(map[string]any)
		if condition, ok := members["Condition"].(string); ok && e.conditions[condition] != true {
			t.Absent[id] = r
		} else {
			t.Resources[id] = r
		}
	}
	return t, nil
}

type evaluator struct {
	known      map[string]any // parameters
	conditions map[string]any
}

func (e evaluator) value(n *yaml.Node) (any, error) {
	var v any
	var err error
	switch n.Kind {
	case yaml.AliasNode:
		return e.value(n.Alias)
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			if m[n.Content[i].Value], err = e.value(n.Content[i+1]); err != nil {
				return nil, err
			}
		}
		v = m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			if list[i], err = e.value(c); err != nil {
				return nil, err
			}
		}
		v = list
	default:
		if isFunction(n) {
			v = n.Value
		} else if err = n.Decode(&v); err != nil {
			return nil, err
		}
	}
	if isFunction(n) {
		return e.call(n.Line, n.Tag[1:], v)
	}
	return v, nil
}

func isFunction(n *yaml.Node) bool {
	return strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!")
}

var literal = regexp.MustCompile(`\$\{!([^}]*)\}`)

func (e evaluator) call(line int, name string, argument any) (any, error) {
	text, isText := argument.(string)
	list, _ := argument.([]any)
	switch {
	case name == "Ref" && isText:
		if v, ok := e.known[text]; ok {
			return v, nil
		}
		return "${" + text + "}", nil
	case name == "GetAtt" && isText:
		return "${" + text + "}", nil
	case name == "Sub" && isText:
		return literal.ReplaceAllString(text, "$${$1}"), nil
	case name == "Equals" && len(list) == 2:
		return list[0] == list[1], nil
	case name == "If" && len(list) == 3:
		if e.conditions[fmt.Sprint(list[0])] == true {
			return list[1], nil
		}
		return list[2], nil
	}
	return nil, fmt.Errorf("line %d: !%s of %v is not understood", line, name, argument)
}
