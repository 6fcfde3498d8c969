package stack

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// spec returns what of each template is not as the published specification has it.
func spec(t *testing.T, paths ...string) (complaints [][]string) {
	var parsed []any
	run(t, python(t, append([]string{"template.py"}, paths...)...), &parsed)
	run(t, node(t, "spec.mjs", parsed), &complaints)
	require.Len(t, complaints, len(paths))
	return complaints
}

func TestSpecification(t *testing.T) {
	for i, complaints := range spec(t, templates(t)...) {
		require.Empty(t, complaints, models(t)[i].Project)
	}
	cases := []struct{ old, new, want string }{
		{"MaxRecordSizeInKiB", "MaxRecordSize", "Stream: there is no property MaxRecordSize"},
		{"BucketKeyEnabled: true", "BucketKeys: true", "ServerSideEncryptionConfiguration[0]: there is no property BucketKeys"},
		{"BucketKeyEnabled: true", `BucketKeyEnabled: "true"`, `"true" is no boolean`},
		{"TransitionInDays: 30", `TransitionInDays: "30"`, `TransitionInDays: "30" is no integer`},
		{"StorageClass: STANDARD_IA, ", "", "Transitions[0]: StorageClass is missing"},
		{"KeyId: !GetAtt Key.Arn", "KeyId: !GetAtt Key.ARN", "Key: there is no attribute ARN"},
		{"FunctionResponseTypes: [ReportBatchItemFailures]", "FunctionResponseTypes: ReportBatchItemFailures", "is no array"},
		{"Type: AWS::Scheduler::Schedule", "Type: AWS::Scheduler::Schedules", "there is no type AWS::Scheduler::Schedules"},
		{"!If [Started, true, false]", "!If [Started, true, 0]", "NotStoringAlarm.ActionsEnabled: 0 is no boolean"},
		{`Tags: [{Key: Project, Value: "everything"}]`, `Tags: {Project: everything}`, "is no array"},
	}
	var paths []string
	for _, c := range cases {
		paths = append(paths, broken(t, c.old, c.new))
	}
	for i, complaints := range spec(t, paths...) {
		require.Contains(t, strings.Join(complaints, "\n"), cases[i].want, cases[i].new)
	}
}
