// Package athena runs the generated SQL: what sqlglot and DuckDB make of it.
package athena

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// rendered are the SQL files that package backend/athena's own test holds to what it renders.
const rendered = "../../backend/athena/testdata"

// python returns the interpreter of an environment in .tools, which a script installs.
func python(t *testing.T, environment, script string) string {
	path, err := filepath.Abs("../../.tools/" + environment + "/bin/python")
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not there; run scripts/%s", path, script)
		}
		t.Skipf("%s is not there; scripts/%s installs it", path, script)
	}
	return path
}

func run(t *testing.T, command ...string) string {
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	return string(out)
}

func TestStatementsParse(t *testing.T) {
	files, err := filepath.Glob(rendered + "/*/*.sql")
	require.NoError(t, err)
	require.Len(t, files, 6)
	out := run(t, append([]string{python(t, "cli", "cli-setup.sh"), "parse.py"}, files...)...)
	require.Contains(t, out, "parquet/compaction.sql: 6 statements")
}

func TestViewsAndCompaction(t *testing.T) {
	out := run(t, python(t, "spark41", "spark-setup.sh"), "views.py", rendered, t.TempDir())
	for _, what := range []string{"iceberg\nlatest: 2 rows", "parquet\nlatest: 2 rows", "all, with late records: "} {
		require.Contains(t, out, what)
	}
}
