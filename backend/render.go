package backend

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rivulet-iot/rivulet/backend/athena"
	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/python"
	"github.com/rivulet-iot/rivulet/backend/readme"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/backend/terraform"
)

// File is one file of the output.
type File struct {
	Path string // relative to the output's folder, with slashes
	Data []byte // all of it
}

// part renders some of the files, by their paths.
type part func(*model.Model) (map[string][]byte, error)

// parts are all of them.
var parts = []part{
	documents, scripts, template,
	in("terraform/", terraform.Files), in("policies/", stack.Files), in("athena/", athena.Files),
}

// in puts files into a folder.
func in(folder string, files part) part {
	return func(m *model.Model) (map[string][]byte, error) {
		out := map[string][]byte{}
		found, err := files(m)
		for name, data := range found {
			out[folder+name] = data
		}
		return out, err
	}
}

// template is the CloudFormation, with the README that says how to deploy it.
func template(m *model.Model) (map[string][]byte, error) {
	yaml, err := stack.CloudFormation(m)
	if err != nil {
		return nil, err
	}
	text, err := readme.Readme(m)
	return map[string][]byte{"cloudformation/backend.yaml": yaml, "README.md": text}, err
}

// Render returns all files of the backend, sorted by path.
func Render(m *model.Model) ([]File, error) {
	all := map[string][]byte{}
	for _, render := range parts {
		files, err := render(m)
		if err != nil {
			return nil, fmt.Errorf("render: %w", err)
		}
		for path, data := range files {
			if _, twice := all[path]; twice {
				return nil, fmt.Errorf("render: %s comes from two parts", path)
			}
			all[path] = data
		}
	}
	out := make([]File, 0, len(all))
	for path, data := range all {
		out = append(out, File{path, data})
	}
	slices.SortFunc(out, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return out, nil
}

// documents are the model, the schema's versions and the beginning of the registry.
func documents(m *model.Model) (map[string][]byte, error) {
	files := map[string][]byte{
		ModelFile:          m.JSON(),
		model.RegistryFile: []byte(strings.Join(append([]string{"device_id"}, m.Registry.Columns...), ",") + "\n"),
	}
	for _, s := range m.Versions {
		doc, err := s.MarshalJSON()
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := json.Indent(&b, doc, "", "  "); err != nil {
			return nil, err
		}
		b.WriteByte('\n')
		files[fmt.Sprintf("schema/%s-v%d.json", s.Name(), s.Version())] = b.Bytes()
	}
	return files, nil
}

// ModelFile is where the model document is among the files, by which an output is
// known to be one.
const ModelFile = "model.json"

// scripts are the Python of the job and, if it is wanted, of the Lambda function.
func scripts(m *model.Model) (map[string][]byte, error) {
	job, err := python.Script(m)
	files := map[string][]byte{"glue/" + m.ScriptName(): job}
	if err == nil && m.Lambda.Enabled {
		files["lambda/handler.py"], err = python.Lambda(m)
	}
	return files, err
}
