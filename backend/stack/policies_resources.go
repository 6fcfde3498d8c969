package stack

import "strings"

// words are what stands in [Files] for placeholders.
var words = strings.NewReplacer(
	Account, "ACCOUNT", Region, "REGION", Partition, "aws",
	KeyARN, "arn:aws:kms:REGION:ACCOUNT:key/KEY",
	Administrators, "arn:aws:iam::ACCOUNT:role/ADMINISTRATOR",
)

// key leaves the key to the account's IAM policies, and lets the services use it that
// act in nobody's name: CloudWatch Logs for the log groups here, and what publishes to
// the topics. EventBridge tells no source when it publishes, so it has no condition:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
func (b builder) key() Document {
	groups := []string{arn("logs", "log-group:"+b.n.JobErrors), arn("logs", "log-group:"+b.n.JobOutput)}
	if b.m.Lambda.Enabled {
		groups = append(groups, arn("logs", "log-group:"+b.n.ConsumerLog))
	}
	return document(
		Statement{
			Sid: "TheAccountsPolicies", Effect: "Allow",
			Principal: map[string][]string{"AWS": {b.root()}},
			Action:    []string{"kms:*"}, Resource: []string{"*"},
		},
		Statement{
			Sid: "Logs", Effect: "Allow",
			Principal: map[string][]string{"Service": {"logs." + Region + ".amazonaws.com"}},
			Action: []string{
				"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo",
				"kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey",
			},
			Resource:  []string{"*"},
			Condition: map[string]map[string][]string{"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": groups}},
		},
		Statement{
			Sid: "Alarms", Effect: "Allow",
			Principal: map[string][]string{"Service": {"cloudwatch.amazonaws.com"}},
			Action:    []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resource: []string{"*"},
			Condition: map[string]map[string][]string{"StringEquals": {"aws:SourceAccount": {Account}}},
		},
		Statement{
			Sid: "Events", Effect: "Allow",
			Principal: map[string][]string{"Service": {"events.amazonaws.com"}},
			Action:    []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resource: []string{"*"},
		},
	)
}

// objects are the actions that read or change what is in a bucket. Those that change the
// bucket and its policy are not among them, so whoever administers IAM is never locked out.
var objects = []string{"s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*", "s3:RestoreObject"}

// onlyFor denies the objects to all but the administrators that the stack was given, the
// account's root, AWS services in their own name, and the principals.
func (b builder) onlyFor(objectsARN string, principals ...string) Statement {
	return Statement{
		Sid: "OnlyTheStackAndAdministrators", Effect: "Deny", Principal: everybody,
		Action: objects, Resource: []string{objectsARN},
		Condition: map[string]map[string][]string{
			"ArnNotEquals":  {"aws:PrincipalArn": append([]string{b.root()}, principals...)},
			"StringNotLike": {"aws:PrincipalArn": {Administrators}},
			"Bool":          {"aws:PrincipalIsAWSService": {"false"}},
		},
	}
}

// encrypted denies what is not sent with TLS 1.2 or later.
func encrypted(bucketARN string) []Statement {
	plain := withoutTLS(bucketARN, bucketARN+"/*")
	plain.Principal, plain.Action = everybody, []string{"s3:*"}
	old := plain
	old.Sid = "NotWithOldTLS"
	old.Condition = map[string]map[string][]string{"NumericLessThan": {"s3:TlsVersion": {"1.2"}}}
	return []Statement{plain, old}
}

// bucket is the lake's. An object that asks for no encryption gets the bucket's, which is
// by the key; one that asks for some must ask for that.
func (b builder) bucket() Document {
	bucket := b.lake()[0]
	statements := append(encrypted(bucket),
		Statement{
			Sid: "OnlyTheKey", Effect: "Deny", Principal: everybody,
			Action: []string{"s3:PutObject"}, Resource: []string{bucket + "/*"},
			Condition: map[string]map[string][]string{
				"Null":            {"s3:x-amz-server-side-encryption": {"false"}},
				"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": {KeyARN}},
			},
		},
		Statement{
			Sid: "NoKeyOfACustomer", Effect: "Deny", Principal: everybody,
			Action: []string{"s3:PutObject"}, Resource: []string{bucket + "/*"},
			Condition: map[string]map[string][]string{
				"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": {"false"}},
			},
		},
		b.onlyFor(bucket+"/*", b.roleARN(b.n.JobRole), b.roleARN(b.n.ReaderRole)),
	)
	return document(statements...)
}

// logs is the policy of the bucket with the access logs, which S3 writes.
func (b builder) logs() Document {
	bucket := "arn:" + Partition + ":s3:::" + b.n.Logs
	statements := append(encrypted(bucket),
		b.onlyFor(bucket+"/*"),
		Statement{
			Sid: "AccessLogs", Effect: "Allow",
			Principal: map[string][]string{"Service": {"logging.s3.amazonaws.com"}},
			Action:    []string{"s3:PutObject"}, Resource: []string{bucket + "/*"},
			Condition: map[string]map[string][]string{
				"ArnEquals":    {"aws:SourceArn": b.lake()},
				"StringEquals": {"aws:SourceAccount": {Account}},
			},
		},
	)
	return document(statements...)
}

// topic lets EventBridge publish and, if alarms are published there, CloudWatch. A condition
// on EventBridge would refuse it, see key.
func (b builder) topic(name string, alarms bool) Document {
	topic := []string{arn("sns", name)}
	plain := withoutTLS(topic...)
	plain.Principal, plain.Action = everybody, []string{"sns:Publish"}
	statements := []Statement{plain, {
		Sid: "Events", Effect: "Allow",
		Principal: map[string][]string{"Service": {"events.amazonaws.com"}},
		Action:    []string{"sns:Publish"}, Resource: topic,
	}}
	if alarms {
		statements = append(statements, Statement{
			Sid: "Alarms", Effect: "Allow",
			Principal: map[string][]string{"Service": {"cloudwatch.amazonaws.com"}},
			Action:    []string{"sns:Publish"}, Resource: topic,
			Condition: map[string]map[string][]string{
				"StringEquals": {"aws:SourceAccount": {Account}},
				"ArnLike":      {"aws:SourceArn": {arn("cloudwatch", "alarm:"+b.m.Project+"-*")}},
			},
		})
	}
	return document(statements...)
}

func (b builder) consumerFailures() Document {
	plain := withoutTLS(arn("sqs", b.n.ConsumerFailures))
	plain.Principal, plain.Action = everybody, []string{"sqs:*"}
	return document(plain)
}
