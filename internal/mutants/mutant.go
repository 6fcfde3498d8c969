package mutants

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Mutant is a bug to be put into the code.
type Mutant struct {
	Name  string // in the order of words of a sentence: what the code does wrong
	Whose string // who had it, or what it breaks, as Markdown
	Test  string // that must fail, as go test prints it: Test/subtest
	Edits []Edit
	Pkg   string // folder of the test; empty: that of the first edit
}

// Edit is a change to a file: Old, which must be there exactly once, becomes New.
type Edit struct {
	File     string // from the root of the module, with slashes
	Old, New string
}

// All returns every mutant, grouped as the published table is.
func All() []Mutant {
	return slices.Concat(durability, log, policy, room, outside, format, recovery, sender, link, columnar, identity, cloud)
}

// edit is one change of one file, as most mutants are.
func edit(file, old, now string) []Edit { return []Edit{{file, old, now}} }

func (m *Mutant) pkg() string {
	if m.Pkg != "" {
		return m.Pkg
	}
	return path.Dir(m.Edits[0].File)
}

// pattern is for the flag -run.
func (m *Mutant) pattern() string {
	parts := strings.Split(m.Test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}

// Apply returns the changed files of the module in root, by name.
func (m *Mutant) Apply(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, e := range m.Edits {
		text, changed := files[e.File]
		if !changed {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return nil, fmt.Errorf("mutant %q: %w", m.Name, err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return nil, fmt.Errorf("mutant %q: %s has %q %d times, not once: the code has changed, so must the mutant", m.Name, e.File, e.Old, n)
		}
		files[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return files, nil
}

// Document returns the published table.
func Document(all []Mutant) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Mutants

Each row is a bug that was put into the code, and the test that failed because of it. They are %d: what others have
published about buffers on disk and Kinesis producers, and what is left when a safeguard of ours is deleted. A test that
does not fail for such a bug proves nothing by passing.

`+"`scripts/mutants.sh`"+` puts them in again, one at a time, runs the test named beside each, and fails if one survives, does not
build or is caught by nothing; `+"`scripts/mutants.sh -write`"+` writes this file. The changes are in internal/mutants.

| what the code does | whose bug it is | changed | caught by |
|---|---|---|---|
`, len(all))
	for i := range all {
		m := &all[i]
		var files []string
		for _, e := range m.Edits {
			if !slices.Contains(files, e.File) {
				files = append(files, e.File)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s: `%s` |\n", m.Name, m.Whose, strings.Join(files, ", "), m.pkg(), m.Test)
	}
	return b.String()
}
