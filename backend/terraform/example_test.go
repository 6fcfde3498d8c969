package terraform_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/terraform"
	"github.com/rivulet-iot/rivulet/record"
)

func Example() {
	options, err := model.Parse([]byte(`
project: green-house
schemas: [env.schema.json]
`))
	check(err)
	schema, err := record.NewSchema("env", 1, record.Field{Name: "temperature", Kind: record.Float, Unit: "Cel"})
	check(err)
	m, err := model.New(options, []*record.Schema{schema})
	check(err)
	files, err := terraform.Files(m)
	check(err)
	fmt.Println(slices.Sorted(maps.Keys(files)))
	fmt.Printf("%s\n", files["stream.tf"])
	// Output:
	// [access.tf alarms.tf athena.tf job.tf lake.tf main.tf outputs.tf stream.tf versions.tf]
	// resource "aws_kinesis_stream" "stream" {
	//   name                   = "green-house"
	//   retention_period       = 24
	//   max_record_size_in_kib = 1024
	//   encryption_type        = "KMS"
	//   kms_key_id             = aws_kms_key.key.arn
	//   tags                   = local.tags
	//
	//   stream_mode_details {
	//     stream_mode = "ON_DEMAND"
	//   }
	//
	//   lifecycle {
	//     prevent_destroy = true
	//   }
	// }
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
	}
}
