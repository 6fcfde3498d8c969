package athena_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rivulet-iot/rivulet/backend/athena"
	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/record"
)

func ExampleFiles() {
	schema, err := record.NewSchema("env", 1, record.Field{Name: "temperature", Kind: record.Float})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := &model.Model{Versions: []*record.Schema{schema}}
	m.Project = "my-project"
	files, err := athena.Files(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(slices.Sorted(maps.Keys(files)))
	// Output: [compaction.sql table.sql views.sql]
}
