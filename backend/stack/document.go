package stack

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Document is a policy of IAM, of a resource, or of AWS IoT: the Version of the
// language and, of Statement, each.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement is one statement of a [Document]: Sid, Effect and Action, and Principal,
// Resource and Condition, which are left out where they are empty.
type Statement struct {
	Sid       string
	Effect    string              // Allow or Deny
	Principal map[string][]string `json:",omitempty"`
	Action    []string
	Resource  []string                       `json:",omitempty"`
	Condition map[string]map[string][]string `json:",omitempty"`
}

// JSON returns the document, indented by two spaces, with a line end.
func (d Document) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(d)
	return b.Bytes(), err
}

// yaml writes the document as part of a template: what has placeholders is a !Sub.
func (d Document) yaml(indent int) string {
	var b strings.Builder
	w := func(depth int, text string) {
		b.WriteString("\n" + strings.Repeat(" ", indent+depth) + text)
	}
	w(0, "Version: "+quote(d.Version))
	w(0, "Statement:")
	for _, s := range d.Statement {
		w(2, "- Sid: "+s.Sid)
		w(4, "Effect: "+s.Effect)
		if len(s.Principal) > 0 {
			w(4, "Principal:")
			for _, kind := range slices.Sorted(maps.Keys(s.Principal)) {
				w(6, kind+": "+list(s.Principal[kind]))
			}
		}
		w(4, "Action: "+list(s.Action))
		if len(s.Resource) > 0 {
			w(4, "Resource:")
			for _, r := range s.Resource {
				w(6, "- "+scalar(r))
			}
		}
		if len(s.Condition) > 0 {
			w(4, "Condition:")
		}
		for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
			if operator == "Null" { // else it would be YAML's null
				w(6, quote(operator)+":")
			} else {
				w(6, operator+":")
			}
			for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
				w(8, key+": "+list(s.Condition[operator][key]))
			}
		}
	}
	return b.String()
}

// list writes strings as a YAML list on one line; one alone without the list.
func list(values []string) string {
	if len(values) == 1 {
		if values[0] == Administrators {
			return "!Ref Administrators"
		}
		return scalar(values[0])
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = scalar(v)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// scalar writes a string as YAML; one with placeholders as a !Sub.
func scalar(s string) string {
	if strings.Contains(s, "${") {
		return "!Sub " + quote(s)
	}
	return quote(s)
}

// quote writes a string as YAML has it between double quotes, which is as JSON does.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
