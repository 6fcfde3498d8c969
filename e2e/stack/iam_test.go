package stack

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/model"
	"github.com/rivulet-iot/rivulet/backend/stack"
	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

const (
	account = "123456789012"
	key     = "arn:aws:kms:eu-west-1:123456789012:key/1111"
	lake    = "arn:aws:s3:::my-project-lake-123456789012-eu-west-1"
	logs    = "arn:aws:s3:::my-project-logs-123456789012-eu-west-1"

	device   = "arn:aws:sts::123456789012:assumed-role/my-project-device-eu-west-1/pi"
	job      = "arn:aws:sts::123456789012:assumed-role/my-project-job-eu-west-1/glue"
	reader   = "arn:aws:sts::123456789012:assumed-role/my-project-reader-eu-west-1/ada"
	starter  = "arn:aws:sts::123456789012:assumed-role/my-project-starter-eu-west-1/s"
	consumer = "arn:aws:sts::123456789012:assumed-role/my-project-consumer-eu-west-1/f"
	roles    = "arn:aws:iam::123456789012:role/my-project-"
	admin    = "arn:aws:sts::123456789012:assumed-role/Admin/ada"
	other    = "arn:aws:sts::123456789012:assumed-role/Developer/bob"
	stranger = "arn:aws:sts::210987654321:assumed-role/Admin/eve"
)

func of(service, resource string) string {
	return "arn:aws:" + service + ":eu-west-1:" + account + ":" + resource
}

// deployed is what placeholders are once the stack is deployed.
var deployed = strings.NewReplacer(
	stack.Account, account, stack.Region, "eu-west-1", stack.Partition, "aws", stack.KeyARN, key,
	stack.Administrators, "arn:aws:iam::123456789012:role/Admin",
)

// A request is one to simulate. Context beyond what every request has is of the form
// "key=value".
type request struct {
	who, action, resource string
	context               []string
	want                  string
}

const (
	allowed  = "Allowed"
	implicit = "ImplicitlyDenied"
	denied   = "ExplicitlyDenied"
)

// Which of the policies each principal has; nil: it may do anything, as an administrator.
var policyOf = map[string]string{device: "device", job: "glue", reader: "reader", starter: "starter", consumer: "consumer"}

var anything = json.RawMessage(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)

// simulate asks what becomes of the requests, with the policies that a change has
// been made to, if there is one.
func simulate(t *testing.T, m *model.Model, requests []request, change func(string) string) (answers []string) {
	policies := map[string]json.RawMessage{}
	for name, d := range stack.Policies(m) {
		text, err := d.JSON()
		require.NoError(t, err)
		s := string(text)
		if change != nil {
			s = change(s)
		}
		policies[name] = json.RawMessage(deployed.Replace(s))
	}
	var input []map[string]any
	for _, r := range requests {
		identity, ok := policies[policyOf[r.who]]
		if !ok {
			identity = anything
		}
		context := map[string]any{"aws:SecureTransport": "true"}
		var resourcePolicy any
		switch {
		case strings.HasPrefix(r.resource, lake):
			resourcePolicy = policies["bucket"]
		case strings.HasPrefix(r.resource, logs):
			resourcePolicy = policies["logs"]
		case strings.HasPrefix(r.resource, key):
			resourcePolicy = policies["key"]
		case r.action == "sts:AssumeRole":
			role := strings.TrimSuffix(strings.TrimPrefix(r.resource, roles), "-eu-west-1")
			resourcePolicy = policies[strings.Replace(role, "job", "glue", 1)+"-trust"]
		case r.action == "sns:Publish":
			resourcePolicy = policies[strings.TrimPrefix(r.resource[strings.LastIndex(r.resource, ":")+1:], "my-project-")]
		}
		if strings.HasPrefix(r.action, "s3:") {
			context["s3:TlsVersion"] = "1.3"
		}
		context["aws:PrincipalIsAWSService"] = "false"
		if strings.HasSuffix(r.who, ".amazonaws.com") {
			identity, context["aws:PrincipalIsAWSService"] = nil, "true"
		} else {
			role, _, _ := strings.Cut(strings.TrimPrefix(r.who[strings.Index(r.who, "assumed-role/"):], "assumed-role/"), "/")
			context["aws:PrincipalArn"] = "arn:aws:iam::" + strings.Split(r.who, ":")[4] + ":role/" + role
		}
		for _, c := range r.context {
			name, value, _ := strings.Cut(c, "=")
			context[name] = value
		}
		in := map[string]any{
			"principal": r.who, "action": r.action, "resource": r.resource, "account": account,
			"context": context, "identity": identity, "resourcePolicy": resourcePolicy,
		}
		if r.action == "iot:AssumeRoleWithCertificate" { // the policy of a certificate is no identity's, but works as one
			in["identity"] = policies["iot"]
		}
		input = append(input, in)
	}
	run(t, node(t, "iam.mjs", input), &answers)
	require.Len(t, answers, len(requests))
	return answers
}

var requests = []request{
	// A device puts to its stream, over TLS, and does nothing else.
	{device, "kinesis:PutRecord", of("kinesis", "stream/my-project"), nil, allowed},
	{device, "kinesis:PutRecords", of("kinesis", "stream/my-project"), nil, allowed},
	{device, "kinesis:ListShards", of("kinesis", "stream/my-project"), nil, allowed},
	{device, "kinesis:DescribeStreamSummary", of("kinesis", "stream/my-project"), nil, allowed},
	{device, "kms:GenerateDataKey", key, []string{"kms:ViaService=kinesis.eu-west-1.amazonaws.com"}, allowed},
	{device, "kinesis:PutRecord", of("kinesis", "stream/my-project"), []string{"aws:SecureTransport=false"}, denied},
	{device, "kinesis:PutRecords", of("kinesis", "stream/my-project"), []string{"aws:SecureTransport=false"}, denied},
	{device, "kinesis:PutRecords", of("kinesis", "stream/my-project-2"), nil, implicit},
	{device, "kinesis:PutRecords", of("kinesis", "stream/other"), nil, implicit},
	{device, "kinesis:PutRecords", "arn:aws:kinesis:us-east-1:123456789012:stream/my-project", nil, implicit},
	{device, "kinesis:GetRecords", of("kinesis", "stream/my-project"), nil, implicit},
	{device, "kinesis:GetShardIterator", of("kinesis", "stream/my-project"), nil, implicit},
	{device, "kinesis:DeleteStream", of("kinesis", "stream/my-project"), nil, implicit},
	{device, "kinesis:SplitShard", of("kinesis", "stream/my-project"), nil, implicit},
	{device, "kms:Decrypt", key, []string{"kms:ViaService=kinesis.eu-west-1.amazonaws.com"}, implicit},
	{device, "kms:GenerateDataKey", key, nil, implicit},
	{device, "kms:GenerateDataKey", key, []string{"kms:ViaService=s3.eu-west-1.amazonaws.com"}, implicit},
	{device, "kms:GenerateDataKey", of("kms", "key/2222"), []string{"kms:ViaService=kinesis.eu-west-1.amazonaws.com"}, implicit},
	{device, "s3:GetObject", lake + "/curated/env/x.parquet", nil, denied},
	{device, "s3:PutObject", lake + "/curated/env/x.parquet", nil, denied},
	{device, "s3:ListBucket", lake, nil, implicit},
	{device, "glue:StartJobRun", of("glue", "job/my-project-env-etl"), nil, implicit},
	{device, "iot:AssumeRoleWithCertificate", of("iot", "rolealias/my-project-device"), nil, allowed},
	{device, "iot:AssumeRoleWithCertificate", of("iot", "rolealias/admin"), nil, implicit},
	{device, "iot:AssumeRoleWithCertificate", "arn:aws:iot:us-east-1:123456789012:rolealias/my-project-device", nil, implicit},

	// The job reads the stream and writes the lake, but not its own script.
	{job, "kinesis:GetRecords", of("kinesis", "stream/my-project"), nil, allowed},
	{job, "kinesis:PutRecord", of("kinesis", "stream/my-project"), nil, implicit},
	{job, "kinesis:GetRecords", of("kinesis", "stream/other"), nil, implicit},
	{job, "s3:GetObject", lake + "/scripts/env_stream_etl.py", nil, allowed},
	{job, "s3:PutObject", lake + "/scripts/env_stream_etl.py", nil, implicit},
	{job, "s3:DeleteObject", lake + "/scripts/env_stream_etl.py", nil, implicit},
	{job, "s3:GetObject", lake + "/registry/devices.csv", nil, allowed},
	{job, "s3:PutObject", lake + "/registry/devices.csv", nil, implicit},
	{job, "s3:PutObject", lake + "/curated/env/year=2026/x.parquet", nil, allowed},
	{job, "s3:PutObject", lake + "/dead-letters/env/x.json.gz", nil, allowed},
	{job, "s3:PutObject", lake + "/checkpoints/env/offsets/1", nil, allowed},
	{job, "s3:DeleteObject", lake + "/ledger/env/commits/1", nil, allowed},
	{job, "s3:DeleteObject", lake + "/replay/env/x.json.gz", nil, allowed},
	{job, "s3:GetObject", lake + "/query-results/x.csv", nil, implicit},
	{job, "s3:PutObject", lake + "/iceberg/my_project.db/env/data/x.parquet", nil, implicit},
	{job, "s3:DeleteObjectVersion", lake + "/curated/env/x.parquet", []string{"s3:VersionId=1"}, implicit},
	{job, "s3:PutBucketPolicy", lake, nil, implicit},
	{job, "s3:GetObject", "arn:aws:s3:::another/x", nil, implicit},
	{job, "s3:GetObject", logs + "/lake/x", nil, denied},
	{job, "kms:Decrypt", key, nil, allowed},
	{job, "kms:ScheduleKeyDeletion", key, nil, implicit},
	{job, "cloudwatch:PutMetricData", "*", []string{"cloudwatch:namespace=Rivulet/my-project"}, allowed},
	{job, "cloudwatch:PutMetricData", "*", []string{"cloudwatch:namespace=AWS/Kinesis"}, implicit},
	{job, "logs:PutLogEvents", of("logs", "log-group:/aws-glue/jobs/my-project-role/my-project-job-eu-west-1/output:log-stream:jr_1"), nil, allowed},
	{job, "logs:PutLogEvents", of("logs", "log-group:/aws-glue/jobs/output:log-stream:jr_1"), nil, implicit},
	{job, "iam:PassRole", "arn:aws:iam::123456789012:role/Admin", nil, implicit},

	// A reader reads the table's files and nothing of what the job keeps for itself.
	{reader, "athena:StartQueryExecution", of("athena", "workgroup/my-project"), nil, allowed},
	{reader, "athena:StartQueryExecution", of("athena", "workgroup/primary"), nil, implicit},
	{reader, "s3:GetObject", lake + "/curated/env/x.parquet", nil, allowed},
	{reader, "s3:PutObject", lake + "/curated/env/x.parquet", nil, implicit},
	{reader, "s3:DeleteObject", lake + "/curated/env/x.parquet", nil, implicit},
	{reader, "s3:GetObject", lake + "/checkpoints/env/offsets/1", nil, implicit},
	{reader, "s3:GetObject", lake + "/ledger/env/ids/1", nil, implicit},
	{reader, "s3:GetObject", lake + "/dead-letters/env/x.json.gz", nil, implicit},
	{reader, "s3:PutObject", lake + "/scripts/env_stream_etl.py", nil, implicit},
	{reader, "s3:PutObject", lake + "/query-results/x.csv", nil, allowed},
	{reader, "s3:GetObject", lake + "/query-results/x.csv", nil, allowed},
	{reader, "glue:GetTable", of("glue", "table/my_project/env"), nil, allowed},
	{reader, "glue:UpdateTable", of("glue", "table/my_project/env"), nil, implicit},
	{reader, "glue:GetDatabase", of("glue", "database/default"), nil, allowed},
	{reader, "glue:GetDatabase", of("glue", "database/other"), nil, implicit},
	{reader, "glue:GetTable", of("glue", "table/default/x"), nil, implicit},
	{reader, "kms:Decrypt", key, []string{"kms:ViaService=s3.eu-west-1.amazonaws.com"}, allowed},
	{reader, "kms:Decrypt", key, nil, implicit},
	{reader, "kinesis:GetRecords", of("kinesis", "stream/my-project"), nil, implicit},

	{starter, "glue:StartJobRun", of("glue", "job/my-project-env-etl"), nil, allowed},
	{starter, "glue:StartJobRun", of("glue", "job/other"), nil, implicit},
	{starter, "glue:UpdateJob", of("glue", "job/my-project-env-etl"), nil, implicit},

	{consumer, "kinesis:GetRecords", of("kinesis", "stream/my-project"), nil, allowed},
	{consumer, "kinesis:PutRecord", of("kinesis", "stream/my-project"), nil, implicit},
	{consumer, "sqs:SendMessage", of("sqs", "my-project-consumer-failures"), nil, allowed},
	{consumer, "sqs:ReceiveMessage", of("sqs", "my-project-consumer-failures"), nil, implicit},
	{consumer, "s3:GetObject", lake + "/curated/env/x.parquet", nil, denied},

	// Who may take the roles.
	{"credentials.iot.amazonaws.com", "sts:AssumeRole", roles + "device-eu-west-1", nil, allowed},
	{"iot.amazonaws.com", "sts:AssumeRole", roles + "device-eu-west-1", nil, implicit},
	{admin, "sts:AssumeRole", roles + "device-eu-west-1", nil, implicit},
	{"glue.amazonaws.com", "sts:AssumeRole", roles + "job-eu-west-1", nil, allowed},
	{admin, "sts:AssumeRole", roles + "job-eu-west-1", nil, implicit},
	{admin, "sts:AssumeRole", roles + "reader-eu-west-1", nil, allowed},
	{stranger, "sts:AssumeRole", roles + "reader-eu-west-1", nil, implicit},
	{"scheduler.amazonaws.com", "sts:AssumeRole", roles + "starter-eu-west-1", []string{"aws:SourceAccount=" + account, "aws:SourceArn=" + of("scheduler", "schedule-group/default")}, allowed},
	{"scheduler.amazonaws.com", "sts:AssumeRole", roles + "starter-eu-west-1", []string{"aws:SourceAccount=210987654321", "aws:SourceArn=arn:aws:scheduler:eu-west-1:210987654321:schedule-group/default"}, implicit},
	{"lambda.amazonaws.com", "sts:AssumeRole", roles + "consumer-eu-west-1", nil, allowed},

	// The bucket holds back even those whom IAM lets do anything.
	{admin, "s3:PutObject", lake + "/scripts/env_stream_etl.py", nil, allowed},
	{admin, "s3:GetObject", lake + "/curated/env/x.parquet", nil, allowed},
	{admin, "s3:GetObject", lake + "/curated/env/x.parquet", []string{"aws:SecureTransport=false"}, denied},
	{admin, "s3:GetObject", lake + "/curated/env/x.parquet", []string{"s3:TlsVersion=1.1"}, denied},
	{admin, "s3:ListBucket", lake, []string{"aws:SecureTransport=false"}, denied},
	{admin, "s3:PutObject", lake + "/x", []string{"s3:x-amz-server-side-encryption=AES256"}, denied},
	{admin, "s3:PutObject", lake + "/x", []string{"s3:x-amz-server-side-encryption=aws:kms"}, denied},
	{admin, "s3:PutObject", lake + "/x", []string{"s3:x-amz-server-side-encryption=aws:kms", "s3:x-amz-server-side-encryption-aws-kms-key-id=arn:aws:kms:eu-west-1:123456789012:key/2222"}, denied},
	{admin, "s3:PutObject", lake + "/x", []string{"s3:x-amz-server-side-encryption=aws:kms", "s3:x-amz-server-side-encryption-aws-kms-key-id=" + key}, allowed},
	{admin, "s3:PutObject", lake + "/x", []string{"s3:x-amz-server-side-encryption-customer-algorithm=AES256"}, denied},
	{other, "s3:GetObject", lake + "/curated/env/x.parquet", nil, denied},
	{other, "s3:PutObject", lake + "/scripts/env_stream_etl.py", nil, denied},
	{other, "s3:GetObject", logs + "/lake/x", nil, denied},
	{other, "s3:PutBucketPolicy", lake, nil, allowed}, // nobody is locked out of mending it
	{stranger, "s3:GetObject", lake + "/curated/env/x.parquet", nil, denied},
	{stranger, "s3:ListBucket", lake, nil, implicit},
	{"logging.s3.amazonaws.com", "s3:PutObject", logs + "/lake/x", []string{"aws:SourceArn=" + lake, "aws:SourceAccount=" + account}, allowed},
	{"logging.s3.amazonaws.com", "s3:PutObject", logs + "/lake/x", []string{"aws:SourceArn=arn:aws:s3:::another", "aws:SourceAccount=" + account}, implicit},
	{"events.amazonaws.com", "sns:Publish", of("sns", "my-project-alerts"), nil, allowed},
	{"events.amazonaws.com", "sns:Publish", of("sns", "my-project-dead-letters"), nil, allowed},
	{"cloudwatch.amazonaws.com", "sns:Publish", of("sns", "my-project-alerts"), []string{"aws:SourceAccount=" + account, "aws:SourceArn=arn:aws:cloudwatch:eu-west-1:123456789012:alarm:my-project-lag"}, allowed},
	{"cloudwatch.amazonaws.com", "sns:Publish", of("sns", "my-project-alerts"), []string{"aws:SourceAccount=210987654321", "aws:SourceArn=arn:aws:cloudwatch:eu-west-1:210987654321:alarm:my-project-lag"}, implicit},
	{"cloudwatch.amazonaws.com", "sns:Publish", of("sns", "my-project-new-data"), []string{"aws:SourceAccount=" + account, "aws:SourceArn=arn:aws:cloudwatch:eu-west-1:123456789012:alarm:my-project-lag"}, implicit},
}

func sample(t *testing.T) *model.Model {
	return backendtest.Model(t, func(o *model.Options) { o.Lambda.Enabled = true })
}

func TestAccess(t *testing.T) {
	answers := simulate(t, sample(t), requests, nil)
	for i, r := range requests {
		if answers[i] != r.want {
			t.Errorf("%s %s on %s %v: %s, not %s", r.who, r.action, r.resource, r.context, answers[i], r.want)
		}
	}
}

// TestAccessBites makes the policies wider, or takes a statement's teeth, and wants
// the table above to see it.
func TestAccessBites(t *testing.T) {
	for _, c := range []struct{ old, new string }{
		{`"Bool": {`, `"Bool": {"aws:ViaAWSService": ["true"],`},
		{`"kinesis:PutRecord",`, `"kinesis:*",`},
		{`stream/my-project"`, `stream/my-project*"`},
		{`kinesis:${AWS::Region}:`, `kinesis:*:`},
		{`"kms:ViaService"`, `"kms:CallerAccount"`},
		{`rolealias/my-project-device`, `rolealias/*`},
		{`/registry/*`, `/*`},
		{`/ledger/*`, `/*`},
		{`"cloudwatch:namespace": [`, `"cloudwatch:namespace": ["AWS/Kinesis",`},
		{`workgroup/my-project"`, `workgroup/*"`},
		{`"glue:GetTables",`, `"glue:*",`},
		{`database/default`, `database/*`},
		{`database/default`, `database/none`},
		{`job/my-project-env-etl`, `job/*`},
		{`"1.2"`, `"1.0"`},
		{`"Null": {`, `"Bool": {`},
		{`"${Administrators}"`, `"*"`},
		{`"ArnLike"`, `"ArnNotLike"`},
		{`credentials.iot.amazonaws.com`, `iot.amazonaws.com`},
		{`iam::${AWS::AccountId}:root"`, `iam::210987654321:root"`},
		{`schedule-group/default`, `schedule-group/other`},
	} {
		changed := 0
		answers := simulate(t, sample(t), requests, func(text string) string {
			changed += strings.Count(text, c.old)
			return strings.ReplaceAll(text, c.old, c.new)
		})
		require.NotZero(t, changed, c.old)
		seen := false
		for i, r := range requests {
			seen = seen || answers[i] != r.want
		}
		require.True(t, seen, "nothing shows that %s became %s", c.old, c.new)
	}
}
