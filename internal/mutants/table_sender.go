package mutants

const kpl = "awslabs/amazon-kinesis-producer"

// sender is what the producer does with the answers of Kinesis.
var sender = []Mutant{
	{
		Name:  "the whole call is sent again when one of its records failed",
		Whose: source("fluent/fluent-bit", "kinesis_streams") + "; the Go plugin: " + issue("aws/amazon-kinesis-streams-for-fluent-bit", 249),
		Test:  "TestEveryEntryFailure",
		Edits: edit("producer/send.go", "s.answered(now)\n\ts.results(", "if aws.ToInt32(out.FailedRecordCount) > 0 {\n\t\ts.callFailed(now, entries, errWrongCount)\n\t\treturn\n\t}\n\ts.answered(now)\n\ts.results("),
	},
	{
		Name:  "FailedRecordCount is ignored when there is no error",
		Whose: "OpenTelemetry awskinesisexporter, Telegraf: " + issue("influxdata/telegraf", 8818) + ", Vector: " + issue("vectordotdev/vector", 359),
		Test:  "TestEveryEntryFailure",
		Edits: edit("producer/send.go", "s.results(now, entries, out.Records)", "done := map[*frame]bool{}\n\tfor i, e := range entries {\n\t\ts.delivered(e, aws.ToString(out.Records[i].ShardId), aws.ToString(out.Records[i].SequenceNumber), done)\n\t}\n\ts.remove(done)"),
	},
	{
		Name:  "a 200 with an empty body counts as delivered",
		Whose: issue("aws/aws-sdk-go", 4149),
		Test:  "TestBadStream",
		Edits: edit("producer/send.go", "err = errEmptyAnswer", "done := map[*frame]bool{}\n\t\tfor _, e := range entries {\n\t\t\ts.delivered(e, \"\", \"\", done)\n\t\t}\n\t\ts.remove(done)\n\t\treturn"),
	},
	{
		Name:  "the key of every aggregate is \"a\"",
		Whose: "KPL: " + issue(kpl, 439),
		Test:  "TestReshardInFlight",
		Edits: edit("producer/pack.go", "if len(e.frames) > 1 {", "if len(e.frames) > 1 {\n\t\tout.PartitionKey = aws.String(\"a\")\n\t\tout.ExplicitHashKey = aws.String(f.hash.String())"),
	},
	{
		Name:  "every record of an aggregate gets the key of the first",
		Whose: "a8m/kinesis-producer: " + issue("a8m/kinesis-producer", 27),
		Test:  "TestSpreadKeepsOrderPerKey",
		Edits: edit("producer/pack.go", "if e.agg.Add(userRecord(f)) != nil {", "if e.agg.Add(userRecord(&frame{key: e.first().key, ehk: f.ehk, data: f.data})) != nil {"),
	},
	{
		Name:  "of an aggregate that landed on the wrong shard only some records are sent again",
		Whose: "KPL since 0.15.11: [#576](https://github.com/awslabs/amazon-kinesis-producer/pull/576); consumers drop all of it",
		Test:  "TestReshardInFlight",
		Edits: edit("producer/send.go", "s.unknown(e)\n\t\tif !s.stream.aggregate {", "if sh, ok := s.stream.shards.ByID(shard); ok {\n\t\t\tfor _, f := range e.frames {\n\t\t\t\tif sh.Range.Contains(f.hash) {\n\t\t\t\t\ts.finish(f, retry.Delivered)\n\t\t\t\t\tdone[f] = true\n\t\t\t\t}\n\t\t\t}\n\t\t}\n\t\ts.unknown(e)\n\t\tif !s.stream.aggregate {"),
	},
	{
		Name:  "an aggregate that landed on the wrong shard is not sent again",
		Whose: "a fork of a8m/kinesis-producer drops its shard map and sends nothing again" + "; KPL: " + issue(kpl, 239),
		Test:  "TestReshardInFlight",
		Edits: edit("producer/send.go", "if s.allBelong(e, shard) {", "if true {"),
	},
	{
		Name:  "aggregates are sent although the stream may not be described",
		Whose: "KPL 1.0.7, on streams whose records AWS distributes",
		Test:  "TestNoAggregatesWithoutPermissionToLook",
		Edits: edit("producer/stream.go", "s.options)\n\tif err != nil {\n\t\treturn err\n\t}\n\td := sum", "s.options)\n\tif err != nil {\n\t\tsum = &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: &types.StreamDescriptionSummary{}}\n\t}\n\td := sum"),
	},
	{
		Name:  "records of a key overtake one that has to wait",
		Whose: "KPL: " + issue(kpl, 23) + ", no order after a retry",
		Test:  "TestBadStream",
		Edits: edit("producer/pack.go", "held[f.key] = true\n", ""),
	},
	{
		Name:  "records are given up after a few failed calls",
		Whose: "KinesisRecorder: " + issue("aws-amplify/aws-sdk-ios", 416) + ", deleted after three tries; KPL: 30 s; OpenTelemetry: 300 s",
		Test:  "TestThirtyDaysOffline",
		Edits: edit("producer/failure.go", "f.calls++\n", "f.calls++\n\tif f.calls > 3 {\n\t\tfor _, o := range s.out {\n\t\t\ts.giveUp(o, retry.Rejected, err)\n\t\t}\n\t\ts.out, s.outBytes = nil, 0\n\t}\n"),
	},
	{
		Name:  "a failed call is tried again at once, for ever",
		Whose: "KPL: " + issue(kpl, 35) + "; " + source("redpanda-data/connect", "aws_kinesis: no wait after a failed request"),
		Test:  "TestEveryFailureClass",
		Edits: edit("producer/failure.go", "s.until = now.Add(f.backoff.Next())", "s.until = now.Add(min(f.backoff.Next(), time.Millisecond))"),
	},
	{
		Name:  "a call whose outcome is not known is not counted as a possible duplicate",
		Whose: ours,
		Test:  "TestEveryFailureClass",
		Edits: edit("producer/failure.go", "case failure.Unknown:\n\t\t\ts.unknown(e)", "case failure.Unknown:"),
	},
	{
		Name:  "one record that is refused is given up although nothing was ever stored",
		Whose: ours + ": a wrong endpoint would empty the buffer",
		Test:  "TestRefusingEverythingLosesNothing",
		Edits: edit("producer/poison.go", "case s.stored > f.storedBefore:", "case true:"),
	},
}
