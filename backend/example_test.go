package backend_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/rivulet-iot/rivulet/backend"
)

// What "rivulet backend init" and "rivulet backend render" do.
func Example() {
	dir, err := os.MkdirTemp("", "backend")
	check(err)
	defer os.RemoveAll(dir)
	options := filepath.Join(dir, "rivulet-backend.yaml")
	check(os.WriteFile(options, backend.Init(backend.InitSchemaFile), 0o600))
	check(os.WriteFile(filepath.Join(dir, backend.InitSchemaFile), backend.InitSchema(), 0o600))

	m, err := backend.Load(options)
	check(err)
	files, err := backend.Render(m)
	check(err)
	for _, f := range files {
		switch f.Path {
		case "model.json", "glue/env_stream_etl.py", "schema/env-v1.json":
			fmt.Println(f.Path)
		}
	}
	// Output:
	// glue/env_stream_etl.py
	// model.json
	// schema/env-v1.json
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
	}
}
