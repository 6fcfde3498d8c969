package readme_test

import (
	"bytes"
	"fmt"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/readme"
	"github.com/rivulet-iot/rivulet/record"
)

func ExampleReadme() {
	schema, err := record.NewSchema("env", 1, record.Field{Name: "temperature", Kind: record.Float})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := model.New(model.Options{Project: "my-project", Schemas: []string{"env.json"}}, []*record.Schema{schema})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := readme.Readme(m)
	title, _, _ := bytes.Cut(text, []byte("\n"))
	fmt.Println(string(title), err)
	// Output: # my-project <nil>
}
