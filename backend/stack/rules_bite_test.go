package stack

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

// TestRulesBite breaks the template of the defaults at one place, or takes a small one,
// and wants the rule to complain in these words. Each replacement is of text that is there.
func TestRulesBite(t *testing.T) {
	m := backendtest.Model(t)
	text, err := CloudFormation(m)
	require.NoError(t, err)
	for _, c := range []struct{ rule, old, new, want string }{
		{"lifecycle", "STANDARD_IA, TransitionInDays: 30", "STANDARD_IA, TransitionInDays: 29", "it must be 30 or more"},
		{"lifecycle", "GLACIER_IR, TransitionInDays: 180", "GLACIER_IR, TransitionInDays: 59", "it must be 60 or more"},
		{"lifecycle", "StorageClass: STANDARD_IA", "StorageClass: DEEP_ARCHIVE", "out of order"},
		{"lifecycle", "StorageClass: GLACIER_IR", "StorageClass: GLACIAL", "unknown or out of order"},
		{"lifecycle", "NoncurrentVersionExpiration: {NoncurrentDays: 30}", "ExpirationInDays: 180", "before the transition after 180"},
		{"lifecycle", "- Id: data\n            Status: Enabled", "- Id: data\n            Status: Disabled", "not enabled"},
		{"lifecycle", "AbortIncompleteMultipartUpload", "Abort", "unfinished uploads"},
		{"prefixes", `Prefix: "ledger/"`, `Prefix: "checkpoints/ledger/"`, "checkpoints/ledger/ is inside of checkpoints/"},
		{"prefixes", `Prefix: "ledger/"`, `Prefix: "leger/"`, "leger/ is no prefix"},
		{"prefixes", `Prefix: "iceberg/"`, `Prefix: "scripts/"`, "iceberg/ has no rule"},

		{"events", "env/year*.parquet", "env/*.parquet", "NewDataRule takes curated/env/_temporary/"},
		{"events", "env/year*.parquet", "year*.parquet", "NewDataRule does not take curated/env/year="},
		{"events", "env/year*.parquet", "env/year=*.parquet", "NewDataRule does not take curated/env/year="},
		{"events", `"dead-letters/env/year"`, `"dead-letters/env/"`, "DeadLettersRule takes dead-letters/env/_temporary/"},

		{"buckets", "BlockPublicPolicy: true", "BlockPublicPolicy: false", "Lake: BlockPublicPolicy"},
		{"buckets", "VersioningConfiguration: {Status: Enabled}", "VersioningConfiguration: {Status: Suspended}", "no versions"},
		{"buckets", "LoggingConfiguration:", "Loggings:", "no access logs"},
		{"buckets", "BucketOwnerEnforced", "ObjectWriter", "access control lists"},
		{"buckets", "SSEAlgorithm: \"aws:kms\", ", "", "not encrypted"},
		{"buckets", "BucketKeyEnabled: true", "BucketKeyEnabled: false", "for every object"},
		{"buckets", `aws:SecureTransport: "false"`, `aws:SecureTransport: "true"`, "without TLS"},
		{"buckets", "Bucket: !Ref Lake", "Bucket: !Ref Logs", "Lake: takes requests without TLS"},
		{"retained", "DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Delete", "Key: DeletionPolicy"},
		{"retained", "UpdateReplacePolicy: Retain\n    Properties:\n      Name: ", "Properties:\n      Name: ", "Stream: UpdateReplacePolicy"},
		{"encrypted", "KeyId: !GetAtt Key.Arn", "KeyId: alias/aws/kinesis", "Stream: StreamEncryption.KeyId"},
		{"encrypted", "KmsMasterKeyId: !Ref Key, ", "", "NewData: KmsMasterKeyId"},
		{"encrypted", "EnableKeyRotation: true", "EnableKeyRotation: false", "not rotated"},
		{"encrypted", "RetentionInDays: 90\n      KmsKeyId", "KmsKeyId", "for ever"},

		{"wildcards", `Action: "glue:StartJobRun"`, `Action: "glue:*"`, "glue:*: a wildcard Action"},
		{"wildcards", `- !Sub "arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}:stream/my-project"`, `- "*"`, "ReadTheStream *: a wildcard Resource"},
		{"wildcards", "Sid: WriteMetrics", "Sid: WriteAll", "WriteAll *"},
		{"wildcards", `Action: "iot:AssumeRoleWithCertificate"`, `NotAction: "iot:Connect"`, "a wildcard NotAction"},
		{"wildcards", `AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"`, `AWS: "*"`, "everybody is allowed"},
		{"own policies", "MaxSessionDuration: 3600", `ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"]`, "managed policies"},
		{"own policies", "Type: AWS::IoT::Policy", "Type: AWS::IAM::ManagedPolicy", "belong into the role"},
		{"roles", "RoleArn: !GetAtt StarterRole.Arn", "RoleArn: arn", "StarterRole is not used"},
		{"roles", "Policies:\n        - PolicyName: job", "Policy:\n        - PolicyName: job", "JobRole may do nothing"},
		{"references", "Role: !GetAtt JobRole.Arn", "Role: !GetAtt GlueRole.Arn", "GlueRole is used but not defined"},
		{"references", "s3://${Lake}/curated", "s3://${Laek}/curated", "Laek is used"},
		{"references", "Topics: [!Ref Alerts]", "Topics: [!Ref Alarms]", "Alarms is used"},
		{"references", "DependsOn: [JobErrors", "DependsOn: [JobError", "JobError is used"},
		{"references", "!If [Started, ENABLED", "!If [Start, ENABLED", "condition Start is used"},
		{"references", "[!Ref Start, ", "[yes, ", "Start is defined but not used"},
		{"names", "BucketName: !Sub \"my-project-logs", "BucketName: !Sub \"my-project-of-quite-a-long-name-logs", "Logs: BucketName"},
		{"columns", `{Name: "boot", Type: "string"`, `{Name: "boot", Type: "bigint"`, "column 1"},
		{"columns", "          Columns:\n", "          Columns:\n            - {Name: more, Type: string}\n", "columns, the model"},
		{"columns", "projection.month.type: integer", "projection.month.type: enum", "month is no projected"},
		{"columns", "{Name: day, Type: int,", "{Name: day, Type: string,", "day is no projected"},
		{"metrics", "MetricName: StreamLagSeconds", "MetricName: StreamLag", "no metric StreamLag of Rivulet/my-project Table"},
		{"metrics", "MetricName: IncomingRecords", "MetricName: RecordsIncoming", "NotStoringAlarm"},
		{"metrics", "[{Name: StreamName, Value: !Ref Stream}]", "[{Name: Stream, Value: !Ref Stream}]", "of AWS/Kinesis Stream"},
		{"metrics", "AlarmActions: [!Ref Alerts]", "AlarmActions: []", "tells nobody"},
		{"metrics", `"IncomingBytes", "StreamName"`, `"Bytes", "StreamName"`, "Dashboard: there is no metric Bytes"},
		{"metrics", `{"widgets": [`, `{"widgets": [[`, "cannot be read"},
		{"metrics", "      TreatMissingData: notBreaching\n", "", "does not say"},
	} {
		require.True(t, strings.Contains(string(text), c.old), "%s: %s", c.rule, c.old)
		p, err := parse(strings.Replace(string(text), c.old, c.new, 1), m)
		require.NoError(t, err, c.new)
		require.Contains(t, strings.Join(rules[c.rule](p), "\n"), c.want, "%s: %s", c.rule, c.new)
	}
}
