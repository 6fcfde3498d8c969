package terraform

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/rivulet-iot/rivulet/backend/model"
)

//go:embed *.tf.tmpl
var sources embed.FS

// Files returns the files of one Terraform folder, by their names. They expect the job's
// script in ../glue and, if the consumer is enabled, its code in ../lambda.
func Files(m *model.Model) (map[string][]byte, error) {
	v := viewOf(m)
	t, err := template.New("").Funcs(template.FuncMap{
		"str": str, "literal": literal, "policy": v.policy, "dashboard": v.dashboard,
	}).ParseFS(sources, "*.tf.tmpl")
	if err != nil {
		return nil, fmt.Errorf("terraform: %w", err)
	}
	files := map[string][]byte{}
	for _, file := range t.Templates() {
		name, isFile := strings.CutSuffix(file.Name(), ".tmpl")
		if !isFile || name == "lambda.tf" && !m.Lambda.Enabled {
			continue
		}
		var b bytes.Buffer
		if err := file.Execute(&b, v); err != nil {
			return nil, fmt.Errorf("terraform: %w", err)
		}
		files[name] = []byte(align(b.String()))
	}
	return files, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
