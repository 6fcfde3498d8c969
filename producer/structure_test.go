package producer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parts are the types that the sender is made of, by the files that hold them, and the other
// parts that each may name. Arrows go one way: the sender knows all, and a part that reads rows
// has no means to call the network.
var parts = []struct {
	files []string
	types []string
	may   []string
}{
	{files: []string{"sender.go"}, types: []string{"sender"}, may: []string{"Producer", "window", "stream", "link", "remote", "packer", "verdict", "entry", "frame", "lanes", "doorbell"}},
	{files: []string{"ask.go", "call.go", "shards.go"}, types: []string{"remote"}, may: []string{"API", "stream", "entry", "frame", "verdict"}},
	{files: []string{"window.go", "window_read.go", "framer.go", "queue.go", "marks.go"}, types: []string{"window", "front", "ending", "framer", "queue", "marks", "reading", "facts", "group"},
		may: []string{"frame", "entry", "lanes", "hunt", "verdict", "doorbell"}},
	{files: []string{"hunt.go"}, types: []string{"hunt"}, may: []string{"frame"}},
	{files: []string{"lanes.go"}, types: []string{"lanes", "lane"}},
	{files: []string{"pack.go"}, types: []string{"packer", "target"}, may: []string{"window", "stream", "frame", "lanes", "entry"}},
	{files: []string{"entry.go"}, types: []string{"entry"}, may: []string{"frame"}},
	{files: []string{"verdict.go"}, types: []string{"verdict", "judged", "answer"}, may: []string{"entry"}},
	{files: []string{"stream.go", "pace.go"}, types: []string{"stream", "landings", "paces", "pace"}, may: []string{"entry", "frame", "verdict"}},
	{files: []string{"link.go", "callsize.go"}, types: []string{"link", "callSize"}},
	{files: []string{"frame.go", "indexset.go"}, types: []string{"frame", "indexSet", "run"}},
	{files: []string{"doorbell.go"}, types: []string{"doorbell"}},
	{files: []string{"producer.go"}, types: []string{"Producer"}, may: []string{"API", "sender", "doorbell"}},
}

const (
	mostFields = 12 // of state in a type
	mostLines  = 60 // of a function
)

func TestPartsKnowOnlyWhatIsBelowThem(t *testing.T) {
	owner := map[string]string{"API": "API"}
	for _, p := range parts {
		for _, name := range p.types {
			owner[name] = p.types[0]
		}
	}
	for _, p := range parts {
		for _, file := range p.files {
			for _, name := range typesNamed(parsed(t, file)) {
				if o := owner[name]; o != "" && o != p.types[0] && !slices.Contains(p.may, o) {
					t.Errorf("%s names %s: %s may only know %v", file, name, p.types[0], p.may)
				}
			}
		}
	}
}

// typesNamed returns the names in a file that stand where a type does.
func typesNamed(f *ast.File) (names []string) {
	note := func(e ast.Expr) {
		if e == nil {
			return
		}
		ast.Inspect(e, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names = append(names, id.Name)
			}
			_, selector := n.(*ast.SelectorExpr) // another package's
			return !selector
		})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			note(n.Type)
		case *ast.CompositeLit:
			note(n.Type)
		case *ast.ValueSpec:
			note(n.Type)
		case *ast.TypeAssertExpr:
			note(n.Type)
		case *ast.CallExpr: // a conversion, or new and make
			if id, ok := n.Fun.(*ast.Ident); ok {
				note(id)
				if (id.Name == "new" || id.Name == "make") && len(n.Args) > 0 {
					note(n.Args[0])
				}
			}
		}
		return true
	})
	return names
}

func TestPartsAreSmall(t *testing.T) {
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, f := range files {
		if name := f.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			checkSize(t, name)
		}
	}
}

func checkSize(t *testing.T, name string) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, nil, 0)
	require.NoError(t, err)
	line := func(p token.Pos) int { return set.Position(p).Line }
	data := []string{"Config", "Stats", "frame"} // records of data, not state
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if lines := line(n.End()) - line(n.Pos()); lines > mostLines {
				t.Errorf("%s: %s has %d lines, the limit is %d", name, n.Name.Name, lines, mostLines)
			}
		case *ast.TypeSpec:
			s, ok := n.Type.(*ast.StructType)
			if fields := 0; ok && !slices.Contains(data, n.Name.Name) {
				for _, f := range s.Fields.List {
					fields += max(len(f.Names), 1)
				}
				if fields > mostFields {
					t.Errorf("%s: %s has %d fields, the limit is %d", name, n.Name.Name, fields, mostFields)
				}
			}
		}
		return true
	})
}

func parsed(t *testing.T, name string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	require.NoError(t, err)
	return f
}
