package stack

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

// TestFiles: what is written alone is JSON, and has no placeholder that only the stack fills.
func TestFiles(t *testing.T) {
	for name, m := range models(t) {
		files, err := Files(m)
		require.NoError(t, err)
		require.Equal(t, []string{"bucket.json", "device.json", "glue.json", "iot.json", "key.json", "reader.json"}, sorted(files))
		for file, text := range files {
			var d Document
			require.NoError(t, json.Unmarshal(text, &d), "%s: %s", name, file)
			require.NotEmpty(t, d.Statement)
			require.NotContains(t, string(text), "${", "%s: %s", name, file)
		}
	}
}

// TestDeviceMayOnlyPut says in full what each device may do.
func TestDeviceMayOnlyPut(t *testing.T) {
	var allowed []string
	for _, s := range Policies(backendtest.Model(t))["device"].Statement {
		if s.Effect == "Allow" {
			allowed = append(allowed, strings.Join(s.Action, " ")+" on "+strings.Join(s.Resource, " "))
		}
	}
	require.Equal(t, []string{
		"kinesis:PutRecord kinesis:PutRecords kinesis:ListShards kinesis:DescribeStreamSummary on " +
			"arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}:stream/my-project",
		"kms:GenerateDataKey on ${Key.Arn}",
	}, allowed)
}

// TestPlaceholders holds the two ways in which policies are written to each other: YAML
// that CloudFormation substitutes, and JSON.
func TestPlaceholders(t *testing.T) {
	d := document(Statement{
		Sid: "S", Effect: "Deny", Principal: everybody, Action: []string{"a:B"}, Resource: []string{"x", "y-" + Region},
		Condition: map[string]map[string][]string{
			"Null":          {"k": {"false"}},
			"StringNotLike": {"aws:PrincipalArn": {Administrators}, "other": {"1", Account}},
		},
	})
	p, err := parse("Policy:"+d.yaml(2), nil)
	require.NoError(t, err)
	require.Equal(t, object{"Policy": object{"Version": version, "Statement": []any{object{
		"Sid": "S", "Effect": "Deny", "Principal": object{"AWS": "*"}, "Action": "a:B",
		"Resource": []any{"x", object{"Fn::Sub": "y-" + Region}},
		"Condition": object{
			"Null": object{"k": "false"},
			"StringNotLike": object{
				"aws:PrincipalArn": object{"Ref": "Administrators"},
				"other":            []any{"1", object{"Fn::Sub": Account}},
			},
		},
	}}}}, p.object)
}
