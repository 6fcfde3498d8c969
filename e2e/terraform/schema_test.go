package terraform

import (
	"os"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// tools is where scripts/terraform-setup.sh installs the provider's schema.
const tools = "../../.tools/terraform"

// schema opens it; without it, the test is skipped on a person's machine, and fails in CI.
func schema(t *testing.T) *Schema {
	t.Helper()
	if _, err := os.Stat(tools + "/installed"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no provider schema (run scripts/terraform-setup.sh): %v", err)
		}
		t.Skip("no provider schema; scripts/terraform-setup.sh installs it")
	}
	return NewSchema(tools)
}

// What is read from the bindings is what the provider's documentation says.
func TestSchema(t *testing.T) {
	s := schema(t)
	stream, err := s.Lookup("aws_kinesis_stream")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Attribute{
		"name":                   {Type: cty.String, Required: true},
		"max_record_size_in_kib": {Type: cty.Number},
		"shard_level_metrics":    {Type: cty.Set(cty.String)},
		"tags":                   {Type: cty.Map(cty.String)},
	} {
		if got := stream.Attributes[name]; got != want {
			t.Errorf("aws_kinesis_stream.%s = %+v, want %+v", name, got, want)
		}
	}
	mode := stream.Blocks["stream_mode_details"]
	if mode.Block == nil || mode.Required || !mode.Single || !mode.Attributes["stream_mode"].Required {
		t.Errorf("stream_mode_details = %+v", mode)
	}
	if rule, err := s.Lookup("aws_s3_bucket_lifecycle_configuration"); err != nil || rule.Blocks["rule"].Single {
		t.Errorf("lifecycle rules can be repeated: %v %+v", err, rule.Blocks["rule"])
	}
	if region, err := s.Lookup("data.aws_region"); err != nil || !region.Attributes["description"].ReadOnly {
		t.Errorf("data.aws_region: %v", err)
	}
	if _, err := s.Lookup("aws_kinesis_river"); err == nil || !strings.Contains(err.Error(), "aws_kinesis_river") {
		t.Errorf("of a resource that does not exist: %v", err)
	}
}
