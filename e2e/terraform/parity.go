package terraform

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Facts are all values of one form of a stack, as JSON, by the attributes that they have in
// Terraform, such as "aws_kms_key.key.policy". Resources belong together by their names:
// JobRole of CloudFormation is aws_iam_role.job_role.
type Facts struct {
	Values   map[string]string
	Problems []string // that kept a value from being told
	absent   []string // beginnings of the names that CloudFormation leaves out until the code is uploaded
}

// Compare returns every difference between the two forms of one stack. Nothing may be left
// over on either side: no resource, no property and no attribute, but those that mapping.txt
// and onlyTerraform name with a reason.
func Compare(cloudFormation, terraform Facts) []string {
	out := slices.Concat(cloudFormation.Problems, terraform.Problems)
	for _, name := range sortedKeys(cloudFormation.Values) {
		want := cloudFormation.Values[name]
		if got, ok := terraform.Values[name]; !ok {
			out = append(out, fmt.Sprintf("%s: only CloudFormation has it: %s", name, want))
		} else if got != want {
			out = append(out, fmt.Sprintf("%s: CloudFormation has %s\n\tand Terraform %s", name, want, got))
		}
	}
	for _, name := range sortedKeys(terraform.Values) {
		// Terraform uploads the code of the consumer itself, so it needs no second step for what
		// CloudFormation leaves out at first.
		absent := slices.ContainsFunc(cloudFormation.absent, func(p string) bool { return strings.HasPrefix(name, p) })
		if _, ok := cloudFormation.Values[name]; !ok && !absent && !allowed(name) {
			out = append(out, fmt.Sprintf("%s: only Terraform has it: %s", name, terraform.Values[name]))
		}
	}
	return out
}

// TemplateFacts translates a template by the tables of mapping.txt.
func TemplateFacts(t *Template) Facts {
	f := newFacts()
	for _, id := range sortedKeys(t.Resources) {
		f.translate(id, t.Resources[id])
	}
	for name, output := range t.Outputs {
		o, _ := output.(map[string]any)
		f.put("output."+label(name), o["Value"])
	}
	for id, r := range t.Absent {
		f.absent = append(f.absent, mapping[r.Type].main+"."+label(id)+".")
	}
	return *f
}

func newFacts() *Facts { return &Facts{Values: map[string]string{}} }

func allowed(name string) bool {
	for pattern := range onlyTerraform {
		if pattern.MatchString(name) {
			return true
		}
	}
	return false
}

func (f *Facts) differ(format string, args ...any) {
	f.Problems = append(f.Problems, fmt.Sprintf(format, args...))
}

// translate adds what a resource of CloudFormation's is in Terraform.
func (f *Facts) translate(id string, r Resource) {
	t, ok := mapping[r.Type]
	if !ok {
		f.differ("%s: mapping.txt does not say what a %s is in Terraform", id, r.Type)
		return
	}
	before := len(f.Values)
	for _, name := range sortedKeys(r.Properties) {
		f.property(id, t, name, r.Properties[name])
	}
	if len(f.Values) == before {
		f.differ("%s has no properties", id)
	}
	// RetainExceptOnCreate differs only where a stack could not be created and is taken back,
	// which Terraform does not do.
	if strings.HasPrefix(r.DeletionPolicy, "Retain") {
		f.put(t.main+"."+label(id)+".lifecycle.prevent_destroy", true)
	}
	// The parts that are resources of their own there name the one that they are of.
	for _, row := range t.rows {
		part, attribute, _ := strings.Cut(row.attribute, ":")
		part += "." + label(id) + "."
		if row.property == "@ref" && hasPrefix(f.Values, part) {
			f.put(part+attribute, "${"+id+"}")
		}
	}
}

func hasPrefix(m map[string]string, prefix string) bool {
	for name := range m {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// property goes down to what the table has a row for.
func (f *Facts) property(id string, t table, path string, v any) {
	pattern := index.ReplaceAllString(path, "[]")
	for _, row := range t.rows {
		if row.property != pattern {
			continue
		}
		if row.attribute == "" {
			return
		}
		name := strings.Replace(row.attribute, ":", "."+label(id)+".", 1)
		for _, i := range index.FindAllString(path, -1) {
			name = strings.Replace(name, "[]", i, 1)
		}
		if row.as != nil {
			v = row.as(v)
		}
		f.put(name, v)
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range sortedKeys(v) {
			f.property(id, t, path+"."+name, v[name])
		}
	case []any:
		for i, item := range v {
			f.property(id, t, fmt.Sprintf("%s[%d]", path, i), item)
		}
	default:
		f.differ("%s: mapping.txt does not say what %s is in Terraform (%v)", id, path, v)
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

// put adds a value as JSON with sorted keys. Where a policy has a list of one, the one
// means the same.
func (f *Facts) put(name string, v any) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	v = plain(v)
	if strings.HasSuffix(name, "policy") {
		v = unlist(v)
	}
	if err == nil {
		text, err = json.Marshal(v)
	}
	if err != nil {
		f.differ("%s: %v", name, err)
	}
	if _, twice := f.Values[name]; twice {
		f.differ("%s is there twice", name)
	}
	f.Values[name] = string(text)
}

// plain replaces texts that hold JSON by what they hold, and makes texts of numbers
// and truths: both tools take a number in quotes.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = plain(member)
		}
	case []any:
		for i, item := range v {
			v[i] = plain(item)
		}
	case string:
		var document map[string]any
		if json.Unmarshal([]byte(v), &document) == nil && document != nil {
			return plain(document)
		}
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return v
}

func unlist(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = unlist(member)
		}
	case []any:
		for i, item := range v {
			v[i] = unlist(item)
		}
		if len(v) == 1 {
			return v[0]
		}
	}
	return v
}

// label is a resource's name in Terraform: job_role for JobRole.
func label(id string) string {
	return strings.ToLower(capital.ReplaceAllString(id, "${1}_$2"))
}

var capital = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// logical is a resource's name in CloudFormation: JobRole for job_role.
func logical(label string) string {
	id := ""
	for part := range strings.SplitSeq(label, "_") {
		id += strings.ToUpper(part[:1]) + part[1:]
	}
	return id
}
