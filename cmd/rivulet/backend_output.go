package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rivulet-iot/rivulet/backend"
)

// sumsFile lists what was rendered, as sha256sum writes and checks it.
const sumsFile = "SHA256SUMS"

// output is a directory with what was rendered before, or with nothing.
type output struct {
	dir   string
	model []byte            // the earlier model document; nil: there is none
	sums  map[string]string // of the files that were rendered, by path with slashes
}

// openOutput looks at a directory, which need not be there.
func openOutput(dir string) (*output, error) {
	o := &output{dir: dir, sums: map[string]string{}}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	lines, err := os.ReadFile(o.path(sumsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has files and no %s of an earlier rendering; give -out a directory that is empty, or not there", dir, sumsFile)
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(lines)) {
		hash, name, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "  ")
		if !ok || !filepath.IsLocal(filepath.FromSlash(name)) || path.Clean(name) != name {
			return nil, fmt.Errorf("%s: %q is no line of it; restore it, or render to another directory", o.path(sumsFile), line)
		}
		o.sums[name] = hash
	}
	o.model, err = os.ReadFile(o.path(backend.ModelFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has %s and no %s, by which a change of the table is checked; restore it, or render to another directory", dir, sumsFile, backend.ModelFile)
	}
	return o, err
}

func (o *output) path(name string) string { return filepath.Join(o.dir, filepath.FromSlash(name)) }

// editedError is of a file that somebody edited, or put there.
type editedError struct{ error }

// state compares a file on disk with the sum that it is to have: "new", if it is not
// there, "same", or "changed". One that is neither as it is to be nor as it was
// rendered before is an editedError.
func (o *output) state(name, want string) (string, error) {
	data, err := os.ReadFile(o.path(name))
	switch is := sum(data); {
	case errors.Is(err, fs.ErrNotExist):
		return "new", nil
	case err != nil:
		return "", err
	case is == want:
		return "same", nil
	case is == o.sums[name]:
		return "changed", nil
	case o.sums[name] == "":
		return "", editedError{fmt.Errorf("%s is in the way, and was not rendered; move it, or render to another directory", o.path(name))}
	}
	return "", editedError{fmt.Errorf("%s was edited since it was rendered, which would be lost; remove it, or render to another directory", o.path(name))}
}

// put writes a file as a whole: under another name first.
func (o *output) put(name string, data []byte) error {
	to := o.path(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".rivulet-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // if it is still there
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close(), os.Chmod(f.Name(), 0o644)); err != nil {
		return err
	}
	return os.Rename(f.Name(), to)
}

// remove removes a file, and the folders that are empty then.
func (o *output) remove(name string) error {
	if err := os.Remove(o.path(name)); err != nil {
		return err
	}
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		if os.Remove(o.path(folder)) != nil {
			break
		}
	}
	return nil
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// sumLines writes the lines of sumsFile.
func sumLines(sums map[string]string) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&b, "%s  %s\n", sums[name], name)
	}
	return b.Bytes()
}
