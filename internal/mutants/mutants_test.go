package mutants

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var write = flag.Bool("write", false, "write docs/mutants.md")

const root = "../.."

// The published table is that of the mutants.
func TestDocument(t *testing.T) {
	name := filepath.Join(root, "docs", "mutants.md")
	want := Document(All())
	if *write {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
	}
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, want, strings.ReplaceAll(string(got), "\r\n", "\n"), "run scripts/mutants.sh -write")
}

// Every mutant still finds the code that it changes.
func TestMutantsApply(t *testing.T) {
	names := map[string]bool{}
	for _, m := range All() {
		if _, err := m.Apply(root); err != nil {
			t.Error(err)
		}
		require.False(t, names[m.Name], "%q is there twice", m.Name)
		names[m.Name] = true
		require.NotContains(t, m.Name+m.Whose+m.Test, "|")
		require.NotContains(t, m.Test, " ", "a test's name has underscores for spaces")
	}
	require.GreaterOrEqual(t, len(names), 24)
}

// TestMutants runs the mutants whose names MUTANTS, a regular expression, matches.
// Without it, a few that are quick.
func TestMutants(t *testing.T) {
	all := All()
	if expr, given := os.LookupEnv("MUTANTS"); given {
		re, err := regexp.Compile(expr)
		require.NoError(t, err)
		all = slices.DeleteFunc(all, func(m Mutant) bool { return !re.MatchString(m.Name) })
	} else {
		all = slices.DeleteFunc(all, func(m Mutant) bool { return !slices.Contains(sample, m.Name) })
		require.Len(t, all, len(sample))
	}
	require.NotEmpty(t, all)
	r := Runner{Root: root, Parallel: 2, Log: os.Stdout}
	require.NoError(t, r.Run(t.Context(), all))
}

// sample is what make test runs.
var sample = []string{
	"every opening of a buffer draws the same boot",
	"a torn tail keeps the buffer from being opened",
	"entries that are not leased can be acknowledged, in memory",
}
