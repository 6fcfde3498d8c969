package terraform

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed mapping.txt
var mappingText string

// mapping is mapping.txt: by the type in CloudFormation, the rows of its table.
var mapping = tables(mappingText)

type table struct {
	main string // type in Terraform
	rows []row
}

type row struct {
	property  string
	attribute string // TYPE:ATTRIBUTE; "" if Terraform does not need the property
	as        func(any) any
}

func tables(text string) map[string]table {
	out := map[string]table{}
	name := ""
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case strings.HasPrefix(words[0], "AWS::"):
			name = words[0]
			out[name] = table{main: words[1]}
		default:
			t := out[name]
			r := row{property: words[0], attribute: words[1]}
			if r.attribute == "-" {
				r.attribute = ""
			} else {
				if !strings.Contains(r.attribute, ":") {
					r.attribute = t.main + ":" + r.attribute
				}
				if len(words) == 3 {
					r.as = forms[words[2]]
				}
			}
			t.rows = append(t.rows, r)
			out[name] = t
		}
	}
	return out
}

// forms are how a value is written otherwise in Terraform.
var forms = map[string]func(any) any{
	"tags":       func(v any) any { return pairs(v, "Key") },
	"dimensions": func(v any) any { return pairs(v, "Name") },
	"metrics": func(v any) any { // ALL of them, by name
		if list, ok := v.([]any); ok && len(list) == 1 && list[0] == "ALL" {
			return []any{
				"IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords",
				"WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded", "IteratorAgeMilliseconds",
			}
		}
		return v
	},
	"one": func(v any) any { // the only one of a list
		if list, ok := v.([]any); ok && len(list) == 1 {
			return list[0]
		}
		return v
	},
}

// pairs makes an object of a list of names and values.
func pairs(v any, name string) any {
	m := map[string]any{}
	list, _ := v.([]any)
	for _, item := range list {
		pair, _ := item.(map[string]any)
		key, _ := pair[name].(string)
		m[key] = pair["Value"]
	}
	return m
}

// dataSources are what CloudFormation calls by names of its own.
var dataSources = map[string]string{
	"data.aws_caller_identity.current.account_id": "${AWS::AccountId}",
	"data.aws_partition.current.partition":        "${AWS::Partition}",
	"data.aws_partition.current.dns_suffix":       "${AWS::URLSuffix}",
	"data.aws_region.current.region":              "${AWS::Region}",
}

// references are, for what Terraform refers to, the words by which CloudFormation does.
var references = map[string]map[string]string{
	"aws_kms_key":                     {"arn": "Arn", "key_id": "Ref"},
	"aws_kinesis_stream":              {"arn": "Arn", "name": "Ref"},
	"aws_s3_bucket":                   {"id": "Ref"},
	"aws_iam_role":                    {"arn": "Arn", "name": "Ref"},
	"aws_iot_role_alias":              {"alias": "Ref"},
	"aws_iot_policy":                  {"name": "Ref"},
	"aws_sns_topic":                   {"arn": "Ref"},
	"aws_sqs_queue":                   {"arn": "Arn", "id": "Ref", "name": "QueueName"},
	"aws_cloudwatch_event_rule":       {"name": "Ref"},
	"aws_glue_catalog_database":       {"name": "Ref"},
	"aws_glue_security_configuration": {"name": "Ref"},
	"aws_glue_job":                    {"name": "Ref"},
	"aws_athena_workgroup":            {"name": "Ref"},
	"aws_lambda_function":             {"function_name": "Ref"},
}

// onlyTerraform are the attributes that CloudFormation needs no property for, and why.
var onlyTerraform = map[*regexp.Regexp]string{
	regexp.MustCompile(`^aws_s3_object\.`):                                                   "CloudFormation cannot upload a file; its README says how to",
	regexp.MustCompile(`^aws_lambda_function\.consumer\.source_code_hash$`):                  "it goes with the upload",
	regexp.MustCompile(`^aws_cloudwatch_metric_alarm\.\w+\.metric_query\[0\]\.return_data$`): "true is CloudFormation's default and not Terraform's",
}
