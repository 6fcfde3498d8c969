package python

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"unicode"
)

// imported is one name that a module imports from elsewhere.
type imported struct {
	module string
	name   string // "": the module itself
	as     string // "": under its own name
}

// thirdParty are the packages that are not Python's own: they come after those.
var thirdParty = []string{"boto3", "botocore", "pyarrow", "pyspark", "zstandard"}

// binds returns the name that it has in the importing module.
func (i imported) binds() string { return cmp.Or(i.as, i.name, i.module) }

func (i imported) isThirdParty() bool {
	top, _, _ := strings.Cut(i.module, ".")
	return slices.Contains(thirdParty, top)
}

// String returns the statement.
func (i imported) String() string {
	s := "import " + i.module
	if i.name != "" {
		s = "from " + i.module + " import " + i.name
	}
	if i.as != "" {
		s += " as " + i.as
	}
	return s
}

type importList []imported

// write writes the statements as ruff sorts them.
func (list importList) write(w io.StringWriter) {
	for _, third := range []bool{false, true} {
		var plain, from importList
		for _, i := range list {
			switch {
			case i.isThirdParty() != third:
			case i.name == "":
				plain = append(plain, i)
			default:
				from = append(from, i)
			}
		}
		if len(plain)+len(from) == 0 {
			continue
		}
		_, _ = w.WriteString("\n")
		slices.SortFunc(plain, func(a, b imported) int { return cmp.Compare(a.module, b.module) })
		for _, i := range plain {
			_, _ = w.WriteString(i.String() + "\n")
		}
		from.writeFrom(w)
	}
}

// writeFrom writes a statement for each module, and one for each name that has another.
func (list importList) writeFrom(w io.StringWriter) {
	slices.SortFunc(list, func(a, b imported) int {
		return cmp.Or(cmp.Compare(a.module, b.module), cmp.Compare(a.as, b.as), cmp.Compare(rank(a.name), rank(b.name)), cmp.Compare(a.name, b.name))
	})
	for n := 0; n < len(list); {
		i := list[n]
		end := n + 1
		for end < len(list) && i.as == "" && list[end].module == i.module && list[end].as == "" {
			end++
		}
		names := make([]string, 0, end-n)
		for _, i := range list[n:end] {
			names = append(names, i.name)
		}
		n = end
		i.name = strings.Join(names, ", ")
		if line := i.String(); len(line) <= 130 { // the length in ruff.toml
			_, _ = w.WriteString(line + "\n")
		} else {
			_, _ = w.WriteString("from " + i.module + " import (\n    " + strings.Join(names, ",\n    ") + ",\n)\n")
		}
	}
}

// rank sorts names as ruff does: CONSTANTS, Classes, others.
func rank(name string) int {
	switch {
	case len(name) > 1 && strings.ToUpper(name) == name:
		return 0
	case unicode.IsUpper(rune(name[0])):
		return 1
	}
	return 2
}
