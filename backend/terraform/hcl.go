package terraform

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/rivulet-iot/rivulet/backend/stack"
)

// placeholders are those of package stack, and what stands for them here.
var placeholders = strings.NewReplacer(
	stack.Account, "${local.account}",
	stack.Region, "${local.region}",
	stack.Partition, "${local.partition}",
	stack.KeyARN, "${aws_kms_key.key.arn}",
	stack.Administrators, "${var.administrators}",
	"${", "$${",
	"%{", "%%{",
)

var alone = regexp.MustCompile(`^"\$\{([a-z_.]+)\}"$`)

// str writes a string, its placeholders as references; any other ${ stays what it is.
func str(s string) string {
	quoted := `"` + placeholders.Replace(escape.Replace(s)) + `"`
	if m := alone.FindStringSubmatch(quoted); m != nil {
		return m[1]
	}
	return quoted
}

// literal writes what people wrote, in which nothing is a placeholder.
func literal(s string) string {
	return `"` + strings.NewReplacer("${", "$${", "%{", "%%{").Replace(escape.Replace(s)) + `"`
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// list writes strings, each on its own line if they are long; one alone without the list.
func list(indent int, values []string) string {
	if len(values) == 1 {
		return str(values[0])
	}
	return tuple(indent, values)
}

func tuple(indent int, values []string) string {
	var items []string
	for _, v := range values {
		items = append(items, str(v))
	}
	if line := "[" + strings.Join(items, ", ") + "]"; len(line) <= 100 || len(items) == 1 {
		return line
	}
	in := "\n" + strings.Repeat(" ", indent+2)
	return "[" + in + strings.Join(items, ","+in) + ",\n" + strings.Repeat(" ", indent) + "]"
}

// object writes names and their values; a name that is no word is quoted.
func object(indent int, members [][2]string) string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, m := range members {
		name := m[0]
		if !word.MatchString(name) {
			name = strconv.Quote(name)
		}
		b.WriteString(strings.Repeat(" ", indent+2) + name + " = " + m[1] + "\n")
	}
	b.WriteString(strings.Repeat(" ", indent) + "}")
	return b.String()
}

var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// policy writes a document as an object that jsonencode takes.
func policy(indent int, d stack.Document) string {
	var statements strings.Builder
	for _, s := range d.Statement {
		in := indent + 4
		members := [][2]string{{"Sid", str(s.Sid)}, {"Effect", str(s.Effect)}}
		if len(s.Principal) > 0 {
			var kinds [][2]string
			for _, kind := range sortedKeys(s.Principal) {
				kinds = append(kinds, [2]string{kind, list(in+4, s.Principal[kind])})
			}
			members = append(members, [2]string{"Principal", object(in+2, kinds)})
		}
		members = append(members, [2]string{"Action", list(in+2, s.Action)})
		if len(s.Resource) > 0 {
			members = append(members, [2]string{"Resource", list(in+2, s.Resource)})
		}
		if len(s.Condition) > 0 {
			var operators [][2]string
			for _, operator := range sortedKeys(s.Condition) {
				var keys [][2]string
				for _, key := range sortedKeys(s.Condition[operator]) {
					keys = append(keys, [2]string{key, list(in+6, s.Condition[operator][key])})
				}
				operators = append(operators, [2]string{operator, object(in+4, keys)})
			}
			members = append(members, [2]string{"Condition", object(in+2, operators)})
		}
		statements.WriteString(strings.Repeat(" ", in) + object(in, members) + ",\n")
	}
	return "jsonencode(" + object(indent, [][2]string{
		{"Version", str(d.Version)},
		{"Statement", "[\n" + statements.String() + strings.Repeat(" ", indent+2) + "]"},
	}) + ")"
}

var assignment = regexp.MustCompile(`^( *)([A-Za-z_][A-Za-z0-9_-]*|"[^"]*") += (.*)$`)

// align puts the equals signs of lines that follow each other under each other, as
// `terraform fmt` does. A line that opens a bracket ends such a group, and is not part of it.
func align(text string) string {
	lines := strings.Split(text, "\n")
	for first := 0; first < len(lines); first++ {
		width, last := 0, first
		for ; last < len(lines); last++ {
			m := assignment.FindStringSubmatch(lines[last])
			if m == nil || strings.HasSuffix(m[3], "{") || strings.HasSuffix(m[3], "[") {
				break
			}
			width = max(width, len(m[2]))
		}
		for i := first; i < last; i++ {
			m := assignment.FindStringSubmatch(lines[i])
			lines[i] = m[1] + m[2] + strings.Repeat(" ", width-len(m[2])) + " = " + m[3]
		}
		if last < len(lines) {
			if m := assignment.FindStringSubmatch(lines[last]); m != nil {
				lines[last] = m[1] + m[2] + " = " + m[3]
			}
		}
		first = max(first, last)
	}
	return strings.Join(lines, "\n")
}
