package stack

import "github.com/rivulet-iot/rivulet/backend/model"

// device may put to the stream and ask what it needs for that: the shards, for what is
// aggregated, and the record limit. Kinesis encrypts with the key in its name.
func (b builder) device() Document {
	return document(
		Statement{
			Sid: "PutRecords", Effect: "Allow",
			Action: []string{
				"kinesis:PutRecord", "kinesis:PutRecords",
				"kinesis:ListShards", "kinesis:DescribeStreamSummary",
			},
			Resource: []string{b.streamARN()},
		},
		Statement{
			Sid: "EncryptThroughKinesis", Effect: "Allow",
			Action: []string{"kms:GenerateDataKey"}, Resource: []string{KeyARN},
			Condition: via("kinesis"),
		},
		withoutTLS("*"),
	)
}

// iot is what a certificate must have attached: it may turn into the device role. There
// is no condition on the thing: its variables are there only if the device names its thing.
func (b builder) iot() Document {
	return document(Statement{
		Sid: "TakeTheDeviceRole", Effect: "Allow",
		Action:   []string{"iot:AssumeRoleWithCertificate"},
		Resource: []string{arn("iot", "rolealias/"+b.n.RoleAlias)},
	})
}

// job is the Glue job's.
func (b builder) job() Document {
	written := []string{DataPrefix(b.m), model.DeadLetters, model.Replay, model.Checkpoints, model.Ledger}
	statements := []Statement{
		b.readStream(),
		// On the whole bucket: S3 answers 403 instead of 404 for an object that is not there
		// if listing is allowed for prefixes only, and Spark looks for many that are not.
		{
			Sid: "ListTheLake", Effect: "Allow",
			Action:   []string{"s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"},
			Resource: b.lake(),
		},
		{
			Sid: "ReadScriptAndRegistry", Effect: "Allow",
			Action: []string{"s3:GetObject"}, Resource: b.lake(model.Scripts, model.RegistryPath),
		},
		{
			Sid: "WriteData", Effect: "Allow",
			Action: []string{
				"s3:GetObject", "s3:PutObject", "s3:DeleteObject",
				"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
			},
			Resource: b.lake(written...),
		},
		{
			Sid: "UseTheKey", Effect: "Allow",
			Action: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resource: []string{KeyARN},
		},
		{
			Sid: "WriteLogs", Effect: "Allow",
			Action: []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:AssociateKmsKey"},
			Resource: []string{
				arn("logs", "log-group:"+b.n.JobErrors+":*"), arn("logs", "log-group:"+b.n.JobOutput+":*"),
			},
		},
		// PutMetricData knows no resources, only namespaces. Glue's own is that of --enable-metrics.
		{
			Sid: "WriteMetrics", Effect: "Allow",
			Action: []string{"cloudwatch:PutMetricData"}, Resource: []string{"*"},
			Condition: map[string]map[string][]string{
				"StringEquals": {"cloudwatch:namespace": {b.m.Metrics(), "Glue"}},
			},
		},
	}
	if b.m.Job.Sink == "iceberg" {
		statements = append(statements, Statement{
			Sid: "KeepTheTable", Effect: "Allow",
			Action:   []string{"glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable"},
			Resource: b.catalog(b.m.Table()),
		})
	}
	return document(statements...)
}

func (b builder) readStream() Statement {
	return Statement{
		Sid: "ReadTheStream", Effect: "Allow",
		Action: []string{
			"kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards",
			"kinesis:GetShardIterator", "kinesis:GetRecords",
		},
		Resource: []string{b.streamARN()},
	}
}

// catalog returns the ARNs of a table, with those above it.
func (b builder) catalog(table string) []string {
	return []string{
		arn("glue", "catalog"),
		arn("glue", "database/"+b.m.Database()),
		arn("glue", "table/"+b.m.Database()+"/"+table),
	}
}

// reader queries the table, and views on it, through the workgroup.
func (b builder) reader() Document {
	tables := []string{DataPrefix(b.m)}
	if b.m.Job.Sink != "iceberg" {
		tables = append(tables, model.Iceberg) // to which compaction copies days that are over
	}
	return document(
		Statement{
			Sid: "Query", Effect: "Allow",
			Action: []string{
				"athena:GetWorkGroup", "athena:StartQueryExecution", "athena:StopQueryExecution",
				"athena:GetQueryExecution", "athena:BatchGetQueryExecution", "athena:ListQueryExecutions",
				"athena:GetQueryResults", "athena:GetQueryResultsStream",
			},
			Resource: []string{arn("athena", "workgroup/"+b.m.Workgroup())},
		},
		Statement{
			Sid: "ReadCatalog", Effect: "Allow",
			Action:   []string{"glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions"},
			Resource: b.catalog("*"),
		},
		// Athena looks at it before any query, whether there is one or not:
		// https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
		Statement{
			Sid: "LookAtTheDefaultDatabase", Effect: "Allow",
			Action:   []string{"glue:GetDatabase"},
			Resource: []string{arn("glue", "catalog"), arn("glue", "database/default")},
		},
		Statement{
			Sid: "ListTheLake", Effect: "Allow",
			Action: []string{"s3:ListBucket", "s3:GetBucketLocation"}, Resource: b.lake(),
		},
		Statement{
			Sid: "ReadData", Effect: "Allow",
			Action: []string{"s3:GetObject"}, Resource: b.lake(tables...),
		},
		Statement{
			Sid: "KeepResults", Effect: "Allow",
			Action:   []string{"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
			Resource: b.lake(model.QueryResults),
		},
		Statement{
			Sid: "UseTheKeyThroughS3", Effect: "Allow",
			Action: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resource: []string{KeyARN},
			Condition: via("s3"),
		},
	)
}

// readerTrust leaves it to the account whom it allows to take the role.
func (b builder) readerTrust() Document {
	return document(Statement{
		Sid: "WhomTheAccountAllows", Effect: "Allow",
		Principal: map[string][]string{"AWS": {b.root()}},
		Action:    []string{"sts:AssumeRole"},
	})
}

func (b builder) starter() Document {
	return document(Statement{
		Sid: "StartTheJob", Effect: "Allow",
		Action: []string{"glue:StartJobRun"}, Resource: []string{arn("glue", "job/"+b.m.JobName())},
	})
}

// starterTrust has the conditions that EventBridge Scheduler documents:
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
func (b builder) starterTrust() Document {
	d := trustService("scheduler.amazonaws.com")
	d.Statement[0].Condition = map[string]map[string][]string{
		"StringEquals": {"aws:SourceAccount": {Account}},
		"ArnEquals":    {"aws:SourceArn": {arn("scheduler", "schedule-group/default")}},
	}
	return d
}

// consumer is the optional Lambda function's.
func (b builder) consumer() Document {
	return document(
		b.readStream(),
		Statement{
			Sid: "KeepFailures", Effect: "Allow",
			Action: []string{"sqs:SendMessage"}, Resource: []string{arn("sqs", b.n.ConsumerFailures)},
		},
		Statement{
			Sid: "UseTheKey", Effect: "Allow",
			Action: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resource: []string{KeyARN},
		},
		Statement{
			Sid: "WriteLogs", Effect: "Allow",
			Action:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resource: []string{arn("logs", "log-group:"+b.n.ConsumerLog+":*")},
		},
	)
}
