package backend

import (
	_ "embed"
	"encoding/json"
	"strings"
)

//go:embed init/rivulet-backend.yaml
var initOptions string

//go:embed init/env.schema.json
var initSchema []byte

// InitSchemaFile is the name of the example schema that [Init] goes with.
const InitSchemaFile = "env.schema.json"

// Init returns an options file to begin with: every option with its default, what it
// means and its limits, for the schema document at a path.
func Init(schema string) []byte {
	quoted, _ := json.Marshal(schema) // of a string it does not fail; YAML reads it too
	return []byte(strings.Replace(initOptions, `"`+InitSchemaFile+`"`, string(quoted), 1))
}

// InitSchema returns an example of a schema document: an environment sensor's.
func InitSchema() []byte { return append([]byte(nil), initSchema...) }
