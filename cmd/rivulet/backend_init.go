package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rivulet-iot/rivulet/backend"
	"github.com/rivulet-iot/rivulet/record"
)

// init writes the options file, and the example of a schema if there is none yet.
func (c *backendTool) init() error {
	folder := filepath.Dir(c.options)
	schema := backend.InitSchemaFile
	texts := map[string][]byte{}
	paths := []string{c.options}
	if c.schema != "" {
		data, err := os.ReadFile(c.schema)
		if err != nil {
			return err
		}
		if _, err := record.ParseSchema(data); err != nil {
			return fmt.Errorf("%s: %w", c.schema, err)
		}
		if schema, err = relative(folder, c.schema); err != nil {
			return err
		}
	} else {
		example := filepath.Join(folder, schema)
		paths = append(paths, example)
		texts[example] = backend.InitSchema()
	}
	texts[c.options] = backend.Init(filepath.ToSlash(schema))
	for _, path := range paths { // all or nothing, as far as one can tell before
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			if err == nil {
				err = fmt.Errorf("%s is there already, and nothing is overwritten; remove it, or give another name with -options", path)
			}
			return err
		}
	}
	for _, path := range paths {
		if err := create(path, texts[path]); err != nil {
			return err
		}
	}
	flag := ""
	if c.options != "rivulet-backend.yaml" {
		flag = " -options " + c.options
	}
	if err := c.print("wrote %s: every option and its default\n", c.options); err != nil {
		return err
	}
	if c.schema == "" {
		if err := c.print("wrote %s: an example; yours is what json.Marshal makes of the device's record.Schema\n", paths[1]); err != nil {
			return err
		}
	}
	return c.print("next: set project and schemas in %s, then run\n  rivulet backend render%s -out out\n", c.options, flag)
}

// relative returns the way from a folder to a file.
func relative(folder, path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	return filepath.Rel(folder, path)
}

// create writes a file that is not there yet.
func create(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
