package backend

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/record"
)

// Load reads an options file, and the schema documents that it names, relative to its
// own folder. The error says what to put right, and in which file.
func Load(path string) (*model.Model, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	options, err := model.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	schemas := make([]*record.Schema, len(options.Schemas))
	for i, name := range options.Schemas {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), filepath.FromSlash(name))
		}
		data, err := read(name)
		if err != nil {
			return nil, fmt.Errorf("%s: schemas[%d]: %w", path, i, err)
		}
		if schemas[i], err = record.ParseSchema(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	m, err := model.New(options, schemas)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// read reads a file, as much of it as no document may have.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 2<<20))
}
