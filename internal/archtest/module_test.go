// Package archtest holds no code, only tests of how the module is built: which
// package may import which, what a device binary links, the size of files,
// calls that a library must not make, and that everything public is documented
// and has an example.
//
// Each rule is a function from the parsed module to a list of complaints, and
// is itself tested on a small example that breaks it.
package archtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/rivulet-iot/rivulet"

// root is the module's root, relative to this package.
const root = "../.."

// A source is one parsed Go file. Paths have slashes and begin at the root.
type source struct {
	path  string
	lines int
	ast   *ast.File
}

func (s source) dir() string  { return path.Dir(s.path) }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }
func (s source) isMain() bool { return s.ast.Name.Name == "main" }
func (s source) under(folders ...string) bool {
	for _, f := range folders {
		if s.path == f || strings.HasPrefix(s.path, f+"/") {
			return true
		}
	}
	return false
}

// isPublic reports whether the file's package is for users to import.
func (s source) isPublic() bool {
	return !s.isMain() && !s.under("cmd", "examples") && !strings.Contains("/"+s.dir()+"/", "/internal/")
}

var fset = token.NewFileSet()

// sources returns the parsed module. Every test that looks at the module, even
// if only through goList, calls it: the go command reuses an old result unless
// a file that the test itself opened while it ran has changed, and does not see
// what a go list started by it reads.
func sources(t *testing.T) []source {
	all, err := readOnce()
	require.NoError(t, err)
	_, err = os.Stat(root + "/go.sum") // a new dependency also asks for a new look
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

var readOnce = sync.OnceValues(func() ([]source, error) { return readModule(root) })

// readModule parses every Go file below dir, whatever its build constraints,
// but not what the go command ignores, nor other modules.
func readModule(dir string) ([]source, error) {
	var out []source
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if file == dir {
				return nil
			}
			if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), string(text))
		if err != nil {
			return err
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

func parse(path, text string) (source, error) {
	f, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	return source{path: path, lines: strings.Count(text, "\n"), ast: f}, err
}

// at returns "file:line" of a node.
func at(n ast.Node) string {
	p := fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// A listed is what `go list -json` tells of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
}

// A platform is GOOS/GOARCH.
type platform string

// Files differ by system, and imports with them.
var platforms = []platform{"linux/arm", "darwin/arm64", "windows/amd64"}

// goList runs `go list -e -json` in the module's root for a platform.
func goList(p platform, args ...string) ([]listed, error) {
	goos, goarch, _ := strings.Cut(string(p), "/")
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Standard,Imports,Module"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd.Args, err, stderr.Bytes())
	}
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p listed
		if err := dec.Decode(&p); err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
	return pkgs, nil
}
