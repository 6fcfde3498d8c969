package model_test

import (
	"fmt"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/record"
)

func Example() {
	options, err := model.Parse([]byte(`
project: green-house
schemas: [env.schema.json]
records:
  units: {temperature: "[degF]"}
job:
  window_seconds: 90
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	schema, err := record.ParseSchema([]byte(`{"name":"env","version":1,"fields":[
		{"name":"temperature","kind":"float","unit":"Cel","doc":"air"},{"name":"motion","kind":"bool"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := model.New(options, []*record.Schema{schema})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Database(), m.Table(), m.JobName(), m.Stream.Mode)
	for _, c := range m.Columns {
		if c.Field != "" {
			fmt.Printf("%s %s %q\n", c.Name, c.Type, c.Doc)
		}
	}

	options.Job.WindowSeconds = 5
	_, err = model.New(options, []*record.Schema{schema})
	fmt.Println(err)
	// Output:
	// green_house env green-house-env-etl on-demand
	// temperature double "air, in [degF]"
	// motion boolean ""
	// options: job.window_seconds = 5: is 60 to 100
}
