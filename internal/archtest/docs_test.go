package archtest

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

func TestPackagesAreDocumented(t *testing.T) {
	for _, complaint := range checkPackageDocs(sources(t)) {
		t.Error(complaint)
	}
}

// checkPackageDocs wants a doc comment for every package that has more than
// tests, and for every public one an example that go test runs.
func checkPackageDocs(sources []source) (complaints []string) {
	type state struct {
		name            string
		doc             string
		public, example bool
	}
	dirs := map[string]*state{}
	for _, s := range sources {
		if s.isTest() {
			continue
		}
		d := dirs[s.dir()]
		if d == nil {
			d = &state{name: s.ast.Name.Name, public: s.isPublic()}
			dirs[s.dir()] = d
		}
		if s.ast.Doc != nil {
			d.doc += s.ast.Doc.Text()
		}
	}
	for _, s := range sources {
		d := dirs[s.dir()]
		if d == nil || !s.isTest() {
			continue
		}
		for _, e := range doc.Examples(s.ast) {
			d.example = d.example || e.Output != "" || e.EmptyOutput
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		d := dirs[dir]
		if d.doc == "" {
			complaints = append(complaints, fmt.Sprintf("%s: package %s has no doc comment", dir, d.name))
		} else if d.name != "main" && !strings.HasPrefix(d.doc, "Package "+d.name+" ") {
			complaints = append(complaints, fmt.Sprintf("%s: its doc comment does not begin with \"Package %s \"", dir, d.name))
		}
		if d.public && !d.example {
			complaints = append(complaints, fmt.Sprintf("%s: package %s has no Example with an // Output comment", dir, d.name))
		}
	}
	return complaints
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, complaint := range checkNameDocs(sources(t)) {
		t.Error(complaint)
	}
}

// checkNameDocs wants a comment on every exported name of every public package:
// types, their exported fields and methods, functions, constants, variables.
func checkNameDocs(sources []source) (complaints []string) {
	for _, s := range sources {
		if s.isTest() || !s.isPublic() {
			continue
		}
		missing := func(n ast.Node, what string) {
			complaints = append(complaints, fmt.Sprintf("%s: %s is exported but has no doc comment", at(n), what))
		}
		for _, decl := range s.ast.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				name := decl.Name.Name
				if decl.Recv != nil {
					receiver := typeName(decl.Recv.List[0].Type)
					if !ast.IsExported(receiver) {
						continue
					}
					name = receiver + "." + name
				}
				if decl.Name.IsExported() && decl.Doc.Text() == "" {
					missing(decl, name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if !spec.Name.IsExported() {
							continue
						}
						if spec.Doc.Text() == "" && decl.Doc.Text() == "" {
							missing(spec, spec.Name.Name)
						}
						checkMembers(spec, decl.Doc.Text()+spec.Doc.Text(), missing)
					case *ast.ValueSpec:
						// One comment may be for the whole group.
						if name := exported(spec.Names); name != "" &&
							spec.Doc.Text() == "" && spec.Comment.Text() == "" && decl.Doc.Text() == "" {
							missing(spec, name)
						}
					}
				}
			}
		}
	}
	return complaints
}

// checkMembers looks at the fields of a struct or methods of an interface. One
// is documented by its own comment, by the comment above the lines it stands in
// (up to a blank one), or by the type's comment, if that mentions it by name.
func checkMembers(spec *ast.TypeSpec, typeDoc string, missing func(ast.Node, string)) {
	var members *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		members = t.Fields
	case *ast.InterfaceType:
		members = t.Methods
	default:
		return
	}
	line := func(p token.Pos) int { return fset.Position(p).Line }
	covered, last := false, 0
	for _, m := range members.List {
		if line(m.Pos()) > last+1 {
			covered = false // a blank line ends the reach of a comment
		}
		covered = covered || m.Doc.Text() != ""
		last = line(m.End())
		if name := exported(m.Names); name != "" && !covered && m.Comment.Text() == "" && !mentions(typeDoc, name) {
			missing(m, spec.Name.Name+"."+name)
		}
	}
}

// mentions reports whether text has name as a word, in any case.
func mentions(text, name string) bool {
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }
	return slices.ContainsFunc(strings.FieldsFunc(text, notLetter), func(w string) bool { return strings.EqualFold(w, name) })
}

// exported returns the first exported name, or "".
func exported(names []*ast.Ident) string {
	for _, n := range names {
		if n.IsExported() {
			return n.Name
		}
	}
	return ""
}

// typeName returns the name of a receiver's type: T of T, *T and T[P].
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ParenExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	}
	return ""
}

func TestDocRulesBite(t *testing.T) {
	read := func(files ...string) (out []source) {
		for i := 0; i < len(files); i += 2 {
			s, err := parse(files[i], files[i+1])
			require.NoError(t, err)
			out = append(out, s)
		}
		return out
	}
	const example = "package p\nfunc Example() {\n\t// Output: x\n}\n"
	for _, c := range []struct {
		files []string
		want  []string
	}{
		{[]string{"p/p.go", "// Package p is.\npackage p", "p/p_test.go", example}, nil},
		{[]string{"p/p.go", "package p", "p/p_test.go", example}, []string{"package p has no doc"}},
		{[]string{"p/p.go", "// About p.\npackage p", "p/p_test.go", example}, []string{"begin with"}},
		{[]string{"p/p.go", "// Package p is.\npackage p"}, []string{"no Example"}},
		{[]string{"p/p.go", "// Package p is.\npackage p", "p/p_test.go", "package p\nfunc Example() {}"}, []string{"no Example"}},
		{[]string{"internal/p/p.go", "// Package p is.\npackage p"}, nil},
		{[]string{"examples/x/p/p.go", "// Package p is.\npackage p"}, nil},
		{[]string{"cmd/p/p.go", "// P does.\npackage main"}, nil},
		{[]string{"cmd/p/p.go", "package main"}, []string{"package main has no doc"}},
		{[]string{"p/p_test.go", "package p"}, nil},
	} {
		got := checkPackageDocs(read(c.files...))
		require.Len(t, got, len(c.want), "%v: %v", c.files, got)
		for i, w := range c.want {
			require.Contains(t, got[i], w)
		}
	}

	for _, c := range []struct {
		text string
		want []string
	}{
		{"func F() {}", []string{"F"}},
		{"// F is.\nfunc F() {}\nfunc f() {}", nil},
		{"//go:noinline\nfunc F() {}", []string{"F"}},
		{"type t int\nfunc (t) M() {}", nil},
		{"// T is.\ntype T[P any] int\nfunc (*T[P]) M() {}", []string{"T.M"}},
		{"type T int", []string{"T"}},
		{"const A, b = 1, 2", []string{"A"}},
		{"// All.\nconst (\nA = 1\nB = 2\n)", nil},
		{"const (\nA = 1 // is\nB = 2\n)", []string{"B"}},
		{"var V int", []string{"V"}},
		{"// T is.\ntype T struct {\n\tA int\n\tb int\n}", []string{"T.A"}},
		{"// T is.\ntype T struct {\n\t// A and B are.\n\tA int\n\tB int\n\n\tC int\n}", []string{"T.C"}},
		{"// T is.\ntype T struct {\n\tA int // is\n\tB int\n}", []string{"T.B"}},
		{"// T has an a, and its boundary.\ntype T struct {\n\tA int\n\tBound int\n}", []string{"T.Bound"}},
		{"// T is.\ntype T interface {\n\tM()\n}", []string{"T.M"}},
	} {
		got := checkNameDocs(read("p/p.go", "package p\n\n"+c.text))
		require.Len(t, got, len(c.want), "%s: %v", c.text, got)
		for i, w := range c.want {
			require.Contains(t, got[i], ": "+w+" is exported", c.text)
		}
		require.Empty(t, checkNameDocs(read("internal/p/p.go", "package p\n\n"+c.text)))
	}
}
