package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/rivulet-iot/rivulet/backend"
	"github.com/rivulet-iot/rivulet/backend/model"
)

// rendering is what render prints.
type rendering struct {
	Dir     string         `json:"dir"`
	Table   string         `json:"table"` // database.table
	Files   []renderedFile `json:"files"`
	Removed []string       `json:"removed"` // of an earlier rendering
}

type renderedFile struct {
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	State  string `json:"state"` // new, changed, same, or kept: the registry, which is for people to fill in
}

func (c *backendTool) render() error {
	if c.dir == "" {
		return usagef("where to? Give -out DIR")
	}
	m, err := backend.Load(c.options)
	if errors.Is(err, fs.ErrNotExist) && !exists(c.options) {
		return fmt.Errorf("%w; \"rivulet backend init\" writes one", err)
	}
	if err != nil {
		return err
	}
	files, err := backend.Render(m)
	if err != nil {
		return err
	}
	out, err := openOutput(c.dir)
	if err != nil {
		return err
	}
	if out.model != nil {
		if err := m.Replaces(out.model); err != nil {
			return fmt.Errorf("%s has an earlier rendering: %w", c.dir, err)
		}
	}
	result, err := out.write(files)
	if err != nil {
		return err
	}
	result.Table = m.Database() + "." + m.Table()
	if c.json {
		return c.object(result)
	}
	count := map[string]int{}
	for _, f := range result.Files {
		count[f.State]++
	}
	if err := c.print("%s: the backend of the table %s: %d new, %d changed, %d the same, %d removed\n",
		c.dir, result.Table, count["new"], count["changed"], count["same"]+count["kept"], len(result.Removed)); err != nil {
		return err
	}
	for _, f := range result.Files {
		if err := c.print("  %-8s%s\n", f.State, f.Path); err != nil {
			return err
		}
	}
	for _, path := range result.Removed {
		if err := c.print("  %-8s%s\n", "removed", path); err != nil {
			return err
		}
	}
	return c.print("next: read %s, which says how to deploy it\n", filepath.Join(c.dir, "README.md"))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// write writes the files and removes those of an earlier rendering that are not among
// them. It changes nothing if one of either was edited.
func (o *output) write(files []backend.File) (*rendering, error) {
	result := &rendering{Dir: o.dir, Removed: []string{}}
	sums := map[string]string{}
	for _, f := range files {
		sums[f.Path] = sum(f.Data)
		state, err := o.state(f.Path, sums[f.Path])
		if f.Path == model.RegistryFile && errors.As(err, new(editedError)) {
			state, err = "kept", nil
		}
		if err != nil {
			return nil, err
		}
		result.Files = append(result.Files, renderedFile{f.Path, len(f.Data), sums[f.Path], state})
	}
	for path := range o.sums {
		if sums[path] != "" {
			continue
		}
		switch state, err := o.state(path, ""); {
		case err != nil:
			return nil, err
		case state == "changed": // as it was written; else it is gone already
			result.Removed = append(result.Removed, path)
		}
	}
	slices.Sort(result.Removed)
	for i, f := range files {
		if state := result.Files[i].State; state == "new" || state == "changed" {
			if err := o.put(f.Path, f.Data); err != nil {
				return nil, err
			}
		}
	}
	for _, path := range result.Removed {
		if err := o.remove(path); err != nil {
			return nil, err
		}
	}
	return result, o.put(sumsFile, sumLines(sums)) // last: until then, the earlier ones count
}
