package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxLines is the longest file that a reader is asked to take in at once.
const maxLines = 400

// longFiles are the files that may be longer, each with its reason. One that
// has become shorter must be removed from here.
var longFiles = map[string]string{}

func TestFilesAreShort(t *testing.T) {
	for _, complaint := range checkLengths(sources(t), longFiles) {
		t.Error(complaint)
	}
}

func checkLengths(sources []source, long map[string]string) (complaints []string) {
	excused := map[string]bool{}
	for _, s := range sources {
		switch {
		case s.lines <= maxLines:
		case long[s.path] != "":
			excused[s.path] = true
		default:
			complaints = append(complaints, fmt.Sprintf("%s has %d lines, more than %d: split it by what it holds, or give a reason in longFiles",
				s.path, s.lines, maxLines))
		}
	}
	for file := range long {
		if !excused[file] {
			complaints = append(complaints, fmt.Sprintf("longFiles names %s, which is not long, not there, or has no reason", file))
		}
	}
	return complaints
}

// A library may not end the process it runs in, nor its goroutine.
var forbiddenCalls = map[string][]string{
	"os":      {"Exit"},
	"syscall": {"Exit"},
	"runtime": {"Goexit"},
	"log":     {"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"},
}

func TestLibrariesDoNotExitOrPanic(t *testing.T) {
	for _, complaint := range checkCalls(sources(t)) {
		t.Error(complaint)
	}
}

func checkCalls(sources []source) (complaints []string) {
	for _, s := range sources {
		if s.isTest() || s.under("cmd", "examples") {
			continue
		}
		names := map[string]string{} // in this file -> import path
		for _, spec := range s.ast.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if forbiddenCalls[imported] == nil {
				continue
			}
			name := path.Base(imported)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if name == "." {
				complaints = append(complaints, fmt.Sprintf("%s: dot import of %s hides what is called", at(spec), imported))
			}
			names[name] = imported
		}
		// Any mention counts, not only calls: exit := os.Exit is one.
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "panic" && !abortsHandler(n) {
					complaints = append(complaints, fmt.Sprintf("%s: panic: return an error; a device must not stop because of a library", at(n)))
				}
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok {
					for _, f := range forbiddenCalls[names[pkg.Name]] {
						if n.Sel.Name == f {
							complaints = append(complaints, fmt.Sprintf("%s: %s.%s: return an error; only programs may exit", at(n), names[pkg.Name], f))
						}
					}
				}
			}
			return true
		})
	}
	return complaints
}

// abortsHandler reports whether a panic is panic(http.ErrAbortHandler), which
// is how an HTTP handler drops its connection; the server catches it. See
// https://pkg.go.dev/net/http#ErrAbortHandler.
func abortsHandler(call *ast.CallExpr) bool {
	if len(call.Args) != 1 {
		return false
	}
	arg, ok := call.Args[0].(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := arg.X.(*ast.Ident)
	return ok && pkg.Name == "http" && arg.Sel.Name == "ErrAbortHandler"
}

func TestFileRulesBite(t *testing.T) {
	read := func(path, text string) []source {
		s, err := parse(path, text)
		require.NoError(t, err)
		return []source{s}
	}
	long := read("a/b.go", "package a\n"+strings.Repeat("\n", maxLines))
	require.Len(t, checkLengths(long, nil), 1)
	require.Len(t, checkLengths(long, map[string]string{"a/b.go": ""}), 2)
	require.Empty(t, checkLengths(long, map[string]string{"a/b.go": "a table"}))
	require.Len(t, checkLengths(read("a/b.go", "package a"), map[string]string{"a/b.go": "a table"}), 1)

	for _, c := range []struct {
		path, text string
		want       string
	}{
		{"a/a.go", `package a; import "os"; func f() { os.Exit(1) }`, "os.Exit"},
		{"a/a.go", `package a; import sys "os"; var exit = sys.Exit`, "os.Exit"},
		{"a/a.go", `package a; import . "log"; func f() { Fatal() }`, "dot import"},
		{"a/a.go", `package a; import "log"; func f() { log.Panicln() }`, "log.Panicln"},
		{"a/a.go", `package a; func f() { if true { panic("x") } }`, "panic"},
		{"a/main.go", `package main; import "os"; func main() { os.Exit(1) }`, "os.Exit"},
		{"a/a.go", `package a; import "net/http"; func f() { panic(http.ErrAbortHandler) }`, ""},
		{"a/a.go", `package a; import "net/http"; func f() { panic(http.ErrServerClosed) }`, "panic"},
		{"a/a.go", `package a; import "log"; func f() { log.Print("x") }`, ""},
		{"a/a.go", `package a; func f(os T) { os.Exit(1) }`, ""},
		{"a/a_test.go", `package a; func f() { panic("x") }`, ""},
		{"cmd/a/a.go", `package main; import "os"; func main() { os.Exit(1) }`, ""},
		{"examples/a/a.go", `package main; import "log"; func main() { log.Fatal(1) }`, ""},
		{"examplesque/a.go", `package a; import "log"; func f() { log.Fatal(1) }`, "log.Fatal"},
	} {
		got := checkCalls(read(c.path, c.text))
		if c.want == "" {
			require.Empty(t, got, c.text)
			continue
		}
		require.Len(t, got, 1, c.text)
		require.Contains(t, got[0], c.want)
	}
}
