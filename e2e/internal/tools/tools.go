// Package tools finds what the scripts of this repository installed into .tools.
package tools

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Path returns the path of a file below .tools. Where it is not, the test is skipped,
// and says which script installs it; with CI set it fails.
func Path(t testing.TB, script string, path ...string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(append([]string{"..", "..", ".tools"}, path...)...))
	require.NoError(t, err)
	if _, err := os.Stat(file); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not there; run scripts/%s", file, script)
		}
		t.Skipf("%s is not there; scripts/%s installs it", file, script)
	}
	return file
}
