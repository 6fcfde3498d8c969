package terraform

import (
	"strings"
	"testing"
)

const sound = `
data "aws_region" "current" {}

locals {
  name = "telemetry"
  rule = jsonencode({ name = local.name, key = aws_kms_key.main.arn })
}

resource "aws_kms_key" "main" {
  enable_key_rotation = true
  policy              = local.rule

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kinesis_stream" "main" {
  name             = "${local.name}-${data.aws_region.current.region}"
  kms_key_id       = aws_kms_key.main.arn
  encryption_type  = "KMS"
  retention_period = 24

  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }

  depends_on = [aws_kms_key.main]
}

output "stream" {
  value = aws_kinesis_stream.main.name
}
`

// Every mistake is found, by its name, and what is right is not.
func TestCheck(t *testing.T) {
	s := schema(t)
	for _, test := range []struct{ name, old, new, want string }{
		{"sound", "", "", ""},
		{"a resource of no provider", `"aws_kinesis_stream"`, `"aws_kinesis_river"`, "no schema of aws_kinesis_river"},
		{"an unknown attribute", "retention_period ", "retention_hours ", "no attribute retention_hours"},
		{"an unknown block", "stream_mode_details {", "stream_mode {", "no block stream_mode"},
		{"an unknown attribute in a block", "stream_mode = ", "mode = ", "no attribute mode"},
		{"a required attribute left out", "  name             = \"${local.name}-${data.aws_region.current.region}\"", "", "no name, which is required"},
		{"a required attribute of a block left out", `stream_mode = "ON_DEMAND"`, "", "no stream_mode, which is required"},
		{"an attribute that can only be read", "enable_key_rotation = true", "arn = \"a\"", "can only be read"},
		{"a block as an attribute", "stream_mode_details {", "stream_mode_details = {", "is a block, not an attribute"},
		{"an attribute as a block", `encryption_type  = "KMS"`, "encryption_type {}", "is an attribute, not a block"},
		{"a block twice", "depends_on = ", "stream_mode_details {\n stream_mode = \"x\"\n}\n depends_on = ", "there twice"},
		{"a text for a number", "retention_period = 24", `retention_period = "a day"`, "number is required"},
		{"a list for a text", "kms_key_id       = aws_kms_key.main.arn", "kms_key_id = [aws_kms_key.main.arn]", "string required"},
		{"a text for a truth", "prevent_destroy = true", `prevent_destroy = "no"`, "bool is required"},
		{"a local that is not there", "policy              = local.rule", "policy = local.rules", "no such local"},
		{"a resource that is not there", "value = aws_kinesis_stream.main.name", "value = aws_kinesis_stream.min.name", "no such resource"},
		{"an attribute that is not there", "value = aws_kinesis_stream.main.name", "value = aws_kinesis_stream.main.names", "no attribute names"},
		{"a data source that is not there", "data.aws_region.current.region", "data.aws_region.here.region", "no such resource"},
		{"a reference inside of a local", "key = aws_kms_key.main.arn", "key = aws_kms_key.min.arn", "no such resource"},
		{"a function that is not there", "jsonencode(", "jsonincode(", "jsonincode"},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := strings.Replace(sound, test.old, test.new, 1)
			if test.want != "" && source == sound {
				t.Fatalf("%q is not in the example", test.old)
			}
			c, err := ParseConfig(map[string][]byte{"main.tf": []byte(source)})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(Check(c, s), "\n")
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
