// Package athena runs the generated SQL: what sqlglot and DuckDB make of it.
package athena

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/tools"
)

// rendered are the SQL files that package backend/athena's own test holds to what it renders.
const rendered = "../../backend/athena/testdata"

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
	out := run(t, append([]string{tools.Path(t, "cli-setup.sh", "cli", "bin", "python"), "parse.py"}, files...)...)
	require.Contains(t, out, "parquet/compaction.sql: 6 statements")
}

func TestViewsAndCompaction(t *testing.T) {
	out := run(t, tools.Path(t, "spark-setup.sh", "spark41", "bin", "python"), "views.py", rendered, t.TempDir())
	for _, what := range []string{"iceberg\nlatest: 2 rows", "parquet\nlatest: 2 rows", "all, with late records: "} {
		require.Contains(t, out, what)
	}
}
