package python

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// module is a Python file, taken apart. It has: a docstring, which may be missing,
// "from __future__ import annotations", imports, all of them before the first other
// line, and a body, of which what follows the command line's heading is not for others.
type module struct {
	name    string
	doc     string              // with its quotes
	imports []imported          // but those of ours
	ours    map[string][]string // modules of this folder, and the names imported from each
	body    []string
	defines []string // names at the top level of the body, without the command line's part
}

// commandLine is the heading of the part that is not for those who import the module.
const commandLine = "# ---- Command line ----"

const ourPrefix = "rivulet_"

var (
	words       = regexp.MustCompile(`[A-Za-z_][A-Za-z_0-9]*`)
	mainBlock   = regexp.MustCompile(`^if __name__ == "__main__":$`)
	definition  = regexp.MustCompile(`^(?:(?:async )?def|class) (\w+)`)
	assignment  = regexp.MustCompile(`^(\w+(?:, \w+)*)(?:: [^=]+)? = `)
	importsOurs = regexp.MustCompile(`\bimport ` + ourPrefix + `|\bfrom ` + ourPrefix)
)

// parse takes a file apart, or says what of its form is not as it is to be.
func parse(name, text string) (*module, error) {
	m := &module{name: name, ours: map[string][]string{}}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	shown := code(lines)
	fail := func(i int, problem string) error { return fmt.Errorf("%s.py:%d: %s", name, i+1, problem) }

	at := 0
	for at < len(lines) && (strings.HasPrefix(lines[at], "#") || lines[at] == "") {
		at++
	}
	if at < len(lines) && strings.HasPrefix(lines[at], `"""`) {
		end := at
		for end < len(lines) && (!strings.HasSuffix(lines[end], `"""`) || end == at && len(lines[at]) < 6) {
			end++
		}
		if end == len(lines) {
			return nil, fail(at, "the docstring does not end at the end of a line")
		}
		m.doc, at = strings.Join(lines[at:end+1], "\n"), end+1
	}
	future := false
	for ; at < len(lines); at++ {
		line := lines[at]
		if line == "" {
			continue
		}
		if !strings.HasPrefix(line, "import ") && !strings.HasPrefix(line, "from ") {
			break
		}
		begin := at
		for strings.Contains(line, "(") && !strings.Contains(line, ")") && at+1 < len(lines) {
			at++
			line += " " + strings.TrimSpace(lines[at])
		}
		if line == "from __future__ import annotations" {
			future = true
			continue
		}
		if err := m.addImport(strings.NewReplacer("(", "", ")", "").Replace(line)); err != nil {
			return nil, fail(begin, err.Error())
		}
	}
	if !future {
		return nil, fail(0, "there is no \"from __future__ import annotations\", which the others have")
	}
	for i, line := range shown[at:] {
		if importsOurs.MatchString(line) || strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "from ") {
			return nil, fail(at+i, "an import that is not before everything else")
		}
	}
	m.body = lines[at:]
	m.findNames()
	return m, nil
}

// addImport reads an import that is on one line.
func (m *module) addImport(line string) error {
	if strings.Contains(line, "#") {
		return fmt.Errorf("%q: a comment would be lost in one file", line)
	}
	if plain, ok := strings.CutPrefix(line, "import "); ok {
		name, as, _ := strings.Cut(plain, " as ")
		if strings.HasPrefix(name, ourPrefix) {
			return fmt.Errorf("%q: in one file there are no modules; write from %s import …", line, name)
		}
		if strings.Contains(name, ",") || strings.Contains(name, ".") && as == "" {
			return fmt.Errorf("%q: one name an import, dotted ones with as", line)
		}
		m.imports = append(m.imports, imported{module: name, as: as})
		return nil
	}
	from, names, ok := strings.Cut(strings.TrimPrefix(line, "from "), " import ")
	if !ok || names == "*" {
		return fmt.Errorf("%q: not an import of the form from module import name, name", line)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(names), ","), ",") {
		name, as, _ := strings.Cut(strings.TrimSpace(name), " as ")
		switch {
		case !strings.HasPrefix(from, ourPrefix):
			m.imports = append(m.imports, imported{from, name, as})
		case as != "":
			return fmt.Errorf("%q: in one file %s has one name; leave out as", line, name)
		default:
			m.ours[from] = append(m.ours[from], name)
		}
	}
	return nil
}

func (m *module) findNames() {
	for _, line := range code(m.library()) {
		if found := definition.FindStringSubmatch(line); found != nil {
			m.defines = append(m.defines, found[1])
		} else if found := assignment.FindStringSubmatch(line); found != nil {
			m.defines = append(m.defines, strings.Split(found[1], ", ")...)
		}
	}
	slices.Sort(m.defines)
	m.defines = slices.Compact(m.defines)
}

// library returns the body as others need it: without the part for the command line
// and without what runs it.
func (m *module) library() []string {
	lines := m.body
	if at := slices.Index(lines, commandLine); at >= 0 {
		return lines[:at]
	}
	for i, line := range lines {
		if mainBlock.MatchString(line) {
			end := i + 1
			for end < len(lines) && (lines[end] == "" || lines[end][0] == ' ') {
				end++
			}
			return slices.Concat(lines[:i], lines[end:])
		}
	}
	return lines
}

// code returns the lines with blanks for what is in strings and comments.
func code(lines []string) []string {
	out := make([]string, len(lines))
	quote := "" // of the string that a line begins in
	for i, line := range lines {
		var b strings.Builder
		for at := 0; at < len(line); {
			rest := line[at:]
			switch {
			case quote != "" && rest[0] == '\\' && len(rest) > 1:
				at += 2
				continue
			case quote != "" && strings.HasPrefix(rest, quote):
				at += len(quote)
				quote = ""
				continue
			case quote != "":
				at++
				continue
			case rest[0] == '#':
				at = len(line)
				continue
			case rest[0] == '"' || rest[0] == '\'':
				if quote = rest[:1]; strings.HasPrefix(rest, strings.Repeat(quote, 3)) {
					quote = rest[:3]
				}
				at += len(quote)
				b.WriteByte(' ')
				continue
			}
			b.WriteByte(rest[0])
			at++
		}
		if len(quote) == 1 {
			quote = ""
		}
		out[i] = b.String()
	}
	return out
}
