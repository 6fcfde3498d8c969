package stack_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/record"
)

func ExampleCloudFormation() {
	schema, err := record.NewSchema("env", 1, record.Field{Name: "temperature", Kind: record.Float, Unit: "Cel"})
	if err != nil {
		log.Fatal(err)
	}
	m, err := model.New(model.Options{Project: "weather"}, []*record.Schema{schema})
	if err != nil {
		log.Fatal(err)
	}
	template, err := stack.CloudFormation(m)
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(template)) {
		if strings.Contains(line, "RoleName:") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// RoleName: !Sub "weather-job-${AWS::Region}"
	// RoleName: !Sub "weather-starter-${AWS::Region}"
	// RoleName: !Sub "weather-device-${AWS::Region}"
	// RoleName: !Sub "weather-reader-${AWS::Region}"
}
