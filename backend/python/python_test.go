package python

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

var update = flag.Bool("update", false, "write testdata")

// The job and the function, with a model that has what is hard to quote, compile, are
// as tidy as the modules are, and hold every one of them.
func TestScripts(t *testing.T) {
	m := backendtest.Model(t)
	for name, render := range map[string]func(*model.Model) ([]byte, error){"rivulet_job": Script, "rivulet_lambda": Lambda} {
		t.Run(name, func(t *testing.T) {
			got, err := render(m)
			require.NoError(t, err)
			again, err := render(m)
			require.NoError(t, err)
			require.Equal(t, string(got), string(again))
			require.NotContains(t, string(got), "= None  # the renderer")
			require.NotContains(t, string(got), "from rivulet_")
			require.Contains(t, string(got), "# ======== rivulet_frames.py ========\n")
			require.Contains(t, string(got), "# ======== "+name+".py ========\n")
			require.Contains(t, string(got), strings.TrimSpace(string(m.JSON())))
			file := filepath.Join(t.TempDir(), name+".py")
			require.NoError(t, os.WriteFile(file, got, 0o600))
			run(t, "-m", "py_compile", file)
			lint(t, file)
		})
	}
}

// A module that is in nothing is forgotten, or misspelt.
func TestEveryModuleIsInABundle(t *testing.T) {
	m := backendtest.Model(t)
	script, err := Script(m)
	require.NoError(t, err)
	lambda, err := Lambda(m)
	require.NoError(t, err)
	names, err := fs.Glob(modules, "*.py")
	require.NoError(t, err)
	for _, name := range names {
		if name == "rivulet_try.py" {
			continue // is a program of its own, see Trial
		}
		require.Contains(t, string(script)+string(lambda), "# ======== "+name+" ========\n")
	}
}

// The modules' own tests, in plain CPython: no Spark, no AWS. The modules are those
// that are embedded, which is how mutants reach them.
func TestInCPython(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, modules))
	const program = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_path(sys.argv.pop(1), run_name='__main__')"
	tests, err := filepath.Glob("test_rivulet_*.py")
	require.NoError(t, err)
	require.NotEmpty(t, tests)
	for _, test := range tests {
		if test == "test_rivulet_frames.py" {
			continue // package compress runs it, with its test vectors
		}
		t.Run(test, func(t *testing.T) { run(t, "-B", "-c", program, dir, test) })
	}
}
