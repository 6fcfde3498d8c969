package record_test

import (
	"fmt"
	"time"

	"github.com/rivulet-iot/rivulet/record"
)

// Env is what an indoor sensor board says.
type Env struct {
	Temperature float64  `rivulet:"temperature,unit=Cel,min=-40,max=85,required" doc:"air, indoors"`
	Humidity    *float64 `rivulet:"humidity,unit=%RH,min=0,max=100"`
	Motion      bool     `rivulet:"motion"`
}

func Example() {
	schema, err := record.SchemaOf[Env]("env", 1)
	if err != nil {
		panic(err)
	}
	at := time.Date(2026, 11, 22, 21, 40, 1, 123e6, time.UTC)
	row, _, err := schema.AppendTyped(nil, Env{Temperature: 21.5, Motion: true}, at)
	if err != nil {
		panic(err)
	}
	r := record.Record{ID: record.ID{Device: "pi-7f3a", Boot: 0x9f3c1e7a55d20b86, Seq: 4211}}
	if err := record.NewDecoder(schema).Decode(&r, row); err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", record.AppendJSON(nil, &r))

	_, _, err = schema.AppendTyped(nil, Env{Temperature: 131.5}, at)
	fmt.Println(err)
	// Output:
	// {"device_id":"pi-7f3a","boot":"9f3c1e7a55d20b86","seq":4211,"ts":"2026-11-22T21:40:01.123Z","schema":"env/1","readings":{"temperature":21.5,"motion":true}}
	// record: env/1: temperature = 131.5: above the maximum 85 Cel
}
