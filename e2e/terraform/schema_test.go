package terraform

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// schema opens what scripts/terraform-setup.sh installed. Without it, nothing is checked.
func schema(t *testing.T) *Schema {
	t.Helper()
	return NewSchema(tools(t, "TERRAFORM_TOOLS"))
}

// tools is a folder that a script installed.
func tools(t *testing.T, variable string) string {
	t.Helper()
	dir := os.Getenv(variable)
	if dir == "" {
		t.Skip(variable + " is not set: run scripts/terraform.sh")
	}
	return dir
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
	js, err := os.ReadFile(filepath.Join(s.dir, "kinesis-stream", "index.js"))
	if err != nil || !strings.Contains(string(js), "hashicorp/aws/"+provider(t)+"/docs") {
		t.Errorf("the bindings are not of the provider %s: %v", provider(t), err)
	}
	if _, err := s.Lookup("aws_kinesis_river"); err == nil || !strings.Contains(err.Error(), "aws_kinesis_river") {
		t.Errorf("of a resource that does not exist: %v", err)
	}
}

// provider is the version of the provider that the schema is said to be of.
func provider(t *testing.T) string {
	t.Helper()
	pins, err := os.ReadFile("../../scripts/terraform/provider.env")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^provider=(\d+\.\d+\.\d+)$`).FindSubmatch(pins)
	if m == nil {
		t.Fatal("provider.env has no provider=")
	}
	return string(m[1])
}
