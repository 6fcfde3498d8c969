package mutants

const kpl = "awslabs/amazon-kinesis-producer"

// sender is what the producer does with the answers of Kinesis.
var sender = []Mutant{
	{
		Name:  "the whole call is sent again when one of its records failed",
		Whose: source("fluent/fluent-bit", "kinesis_streams") + "; the Go plugin: " + issue("aws/amazon-kinesis-streams-for-fluent-bit", 249),
		Test:  "TestEveryEntryFailure",
		Edits: edit("producer/call.go", "if err != nil {\n\t\treturn &answer{", "if err == nil && out.FailedRecordCount != nil && *out.FailedRecordCount > 0 {\n\t\terr = errWrongCount\n\t}\n\tif err != nil {\n\t\treturn &answer{"),
	},
	{
		Name:  "FailedRecordCount is ignored when there is no error",
		Whose: "OpenTelemetry awskinesisexporter, Telegraf: " + issue("influxdata/telegraf", 8818) + ", Vector: " + issue("vectordotdev/vector", 359),
		Test:  "TestEveryEntryFailure",
		Edits: edit("producer/verdict.go", "case code != \"\":", "case false:"),
	},
	{
		Name:  "a 200 with an empty body counts as delivered",
		Whose: issue("aws/aws-sdk-go", 4149),
		Test:  "TestBadStream",
		Edits: edit("producer/call.go", "err = errEmptyAnswer", "out = &kinesis.PutRecordsOutput{}\n\t\tfor range entries {\n\t\t\tout.Records = append(out.Records, types.PutRecordsResultEntry{SequenceNumber: new(string), ShardId: new(string)})\n\t\t\t*out.Records[0].SequenceNumber = \"1\"\n\t\t}"),
	},
	{
		Name:  "the key of every aggregate is \"a\"",
		Whose: "KPL: " + issue(kpl, 439),
		Test:  "TestReshardInFlight",
		Edits: edit("producer/entry.go", "if e.aggregate() {", "if e.aggregate() {\n\t\tout.PartitionKey = aws.String(\"a\")\n\t\tout.ExplicitHashKey = aws.String(f.hash.String())"),
	},
	{
		Name:  "every record of an aggregate gets the key of the first",
		Whose: "a8m/kinesis-producer: " + issue("a8m/kinesis-producer", 27),
		Test:  "TestSpreadKeepsOrderPerKey",
		Edits: edit("producer/entry.go", "if e.agg.Add(userRecord(f)) != nil {", "if e.agg.Add(userRecord(&frame{key: e.first().key, ehk: f.ehk, data: f.data})) != nil {"),
	},
	{
		Name:  "of an aggregate that landed on the wrong shard only some records are sent again",
		Whose: "KPL since 0.15.11: [#576](https://github.com/awslabs/amazon-kinesis-producer/pull/576); consumers drop all of it",
		Test:  "TestReshardInFlight",
		Edits: edit("producer/stream.go", "ok = ok && sh.Range.Contains(f.hash)", "if ok && !sh.Range.Contains(f.hash) {\n\t\t\te.frames = e.frames[:1]\n\t\t\tbreak\n\t\t}"),
	},
	{
		Name:  "an aggregate that landed on the wrong shard is not sent again",
		Whose: "a fork of a8m/kinesis-producer drops its shard map and sends nothing again" + "; KPL: " + issue(kpl, 239),
		Test:  "TestReshardInFlight",
		Edits: edit("producer/verdict.go", "shard != e.shard && !belongs(e, shard)", "false"),
	},
	{
		Name:  "aggregates are sent although the stream may not be described",
		Whose: "KPL 1.0.7, on streams whose records AWS distributes",
		Test:  "TestNoAggregatesWithoutPermissionToLook",
		Edits: edit("producer/ask.go", "if err != nil {\n\t\treturn err\n\t}\n\td := sum", "if err != nil {\n\t\tsum = &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: &types.StreamDescriptionSummary{}}\n\t}\n\td := sum"),
	},
	{
		Name:  "records of a key overtake one that has to wait",
		Whose: "KPL: " + issue(kpl, 23) + ", no order after a retry",
		Test:  "TestOrderOfLargeUserRecords",
		Edits: edit("producer/pack.go", "if !joins && (mine != nil && !p.stream.anyOrder() || len(p.entries) == maxRequestRecords) {", "_ = mine\n\tif !joins && len(p.entries) == maxRequestRecords {"),
	},
	{
		Name:  "records are given up after a few failed calls",
		Whose: "KinesisRecorder: " + issue("aws-amplify/aws-sdk-ios", 416) + ", deleted after three tries; KPL: 30 s; OpenTelemetry: 300 s",
		Test:  "TestThirtyDaysOffline",
		Edits: edit("producer/sender.go", "if s.link.calls > 1 ||", "if s.link.calls > 3 {\n\t\t\tfor _, f := range s.win.queue.take(func(*frame) bool { return true }) {\n\t\t\t\ts.win.end(ending{frame: f, outcome: retry.Rejected, err: a.err})\n\t\t\t}\n\t\t}\n\t\tif s.link.calls > 1 ||"),
	},
	{
		Name:  "a failed call is tried again at once, for ever",
		Whose: "KPL: " + issue(kpl, 35) + "; " + source("redpanda-data/connect", "aws_kinesis: no wait after a failed request"),
		Test:  "TestEveryFailureClass",
		Edits: edit("producer/link.go", "l.wait(now, l.backoff.Next())", "l.wait(now, min(l.backoff.Next(), time.Millisecond))"),
	},
	{
		Name:  "a call whose outcome is not known is not counted as a possible duplicate",
		Whose: ours,
		Test:  "TestEveryFailureClass",
		Edits: edit("producer/window.go", "\tf.again = f.records\n", "\tf.again = 0\n\tw.maybe = indexSet{}\n"),
	},
	{
		Name:  "one record that is refused is given up although nothing was ever stored",
		Whose: ours + ": a wrong endpoint would empty the buffer",
		Test:  "TestRefusingEverythingLosesNothing",
		Edits: edit("producer/window.go", "if w.hunt.proven.count(f.runs) > 0 {", "if w.hunt.suspect(f.runs[0].first) || w.hunt.tries > 3 {"),
	},
	{
		Name:  "suspects are condemned at the first success, without being tried again",
		Whose: ours + ": what passes at that moment refused them all",
		Test:  "TestAPassingRefusalRejectsNothing",
		Edits: edit("producer/window.go", "if w.hunt.proven.count(f.runs) > 0 {", "if w.hunt.tries > 1 {"),
	},
	{
		Name:  "more than eight suspects stop everything",
		Whose: ours,
		Test:  "TestBadRecordsAnywhere",
		Edits: edit("producer/link.go", "d := min(max(now.Sub(since)/16, leastRefusedWait), mostRefusedWait)", "d := min(max(now.Sub(since)/16, leastRefusedWait), mostRefusedWait)\n\t\tif tries > 16 {\n\t\t\td = 5 * time.Minute\n\t\t}"),
	},
	{
		Name:  "suspects are not passed over",
		Whose: ours + ": good records behind them would wait",
		Test:  "TestBadRecordsAnywhere",
		Edits: append(edit("producer/window_read.go", "return !w.hunt.suspect(index) && w.lanes.of(key, h) == nil\n\t\t}\n\t}\n\tw.read(&r, f)\n\tif r.seen", "return w.lanes.of(key, h) == nil\n\t\t}\n\t}\n\tw.read(&r, f)\n\tif r.seen"),
			edit("producer/window.go", "if w.hunt.suspect(f.runs[0].first) {\n\t\treturn\n\t}\n\tread :=", "read :=")...),
	},
	{
		Name:  "suspects keep their leases",
		Whose: ours,
		Test:  "TestSuspectsHoldNothing",
		Edits: edit("producer/window.go", "\tw.queue = queue{}\n\tw.buf.Return(0, math.MaxUint64)\n", "\tw.queue = queue{}\n\tif !w.hunt.suspects() {\n\t\tw.buf.Return(0, math.MaxUint64)\n\t}\n"),
	},
	{
		Name:  "the front does not pass a lane in trouble",
		Whose: ours + ": all would wait behind it",
		Test:  "TestOneHotShard",
		Edits: edit("producer/lanes.go", "if len(ls.all) == 0 {", "if true {"),
	},
	{
		Name:  "records sent again are counted at each attempt, sent or not",
		Whose: ours,
		Test:  "TestDuplicatesAreCountedOnce",
		Edits: edit("producer/sender.go", "if j.verdict == delivered || j.verdict == again {", "if true {"),
	},
	{
		Name:  "the size that a proxy takes is not learnt",
		Whose: ours,
		Test:  "TestAProxysLimitIsLearnt",
		Edits: edit("producer/sender.go", "\t\ts.link.size.tooLarge(now, sent)\n", ""),
	},
	{
		Name:  "a stream without order moves one record of a key a call",
		Whose: ours,
		Test:  "TestOpaqueRecordsOfOneKey",
		Edits: edit("producer/stream.go", "return st.auto }", "return false }"),
	},
	{
		Name:  "after two moves within a minute nothing is aggregated",
		Whose: ours,
		Test:  "TestManyReshards",
		Edits: edit("producer/stream.go", "= time.Second\n\tleastDistrust", "= time.Minute\n\tleastDistrust"),
	},
	{
		Name:  "data that is an aggregate itself goes as it is",
		Whose: ours + ": consumers take it apart",
		Test:  "TestDataThatIsAnAggregate",
		Edits: edit("producer/framer.go", "fr.nested = kpl.Looks(data)", "fr.nested = false"),
	},
	{
		Name:  "a panic of OnDelivery ends the process",
		Whose: ours + ": the same record would end it at each start",
		Test:  "TestOnDeliveryThatPanics",
		Edits: edit("producer/delivery.go", "if r := recover(); r != nil {", "if r := any(nil); r != nil {"),
	},
	{
		Name:  "Close waits for OnDelivery however long",
		Whose: ours,
		Test:  "TestCloseKeepsItsTime",
		Edits: edit("producer/close.go", "for held := 0; held < 4; {", "for held := 0; held < 1000; {"),
	},
	{
		Name:  "a schema is chosen by what is first",
		Whose: ours,
		Test:  "TestSeveralSchemas",
		Edits: edit("producer/schemas.go", "if s.Ref() == ref {", "if true {"),
	},
	{
		Name:  "aggregates go by the shards of a stream that was made anew since",
		Whose: ours + ": its shards have the same names, and consumers drop them",
		Test:  "TestAStreamMadeAnew",
		Edits: edit("producer/stream.go", "if rule.Code != \"ResourceNotFoundException\" &&", "if true || rule.Code != \"ResourceNotFoundException\" &&"),
	},
}
