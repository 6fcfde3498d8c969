package mutants

const (
	rules    = "TestInCPython/test_rivulet_rules.py"
	inJSON   = "numbers in JSON are exact up to 2^53, and a boot has 64 bits"
	terminal = "a device can write to the terminal of who looks at its dead letters"
	anyText  = ours + ": two devices look the same, and one drives the terminal of who lists them"
)

// cloud is what stands behind the stream.
var cloud = []Mutant{
	{
		Name:  "a number is taken for no boot",
		Whose: ours + ": " + inJSON,
		Test:  rules,
		Edits: edit("backend/python/rivulet_parse.py", "if given is None or given == NO_BOOT:", "if given is None or given == NO_BOOT or type(given) is int:"),
	},
	{
		Name:  "a boot may have any digits",
		Whose: ours + ": two texts of one boot are two boots for the ledger",
		Test:  rules,
		Edits: edit("backend/python/rivulet_parse.py", `_BOOT = re.compile("[0-9a-f]{16}")`, `_BOOT = re.compile("[0-9a-fA-F]{1,16}")`),
	},
	{
		Name:  "each record has the boot of the first",
		Whose: ours + ": what is kept to save time is not looked at again",
		Test:  rules,
		Edits: edit("backend/python/rivulet_rules.py", "if boot != self.boot:", "if self.boot is None:"),
	},
	{
		Name:  "the job takes any text for a device's id",
		Whose: anyText,
		Test:  rules,
		Edits: edit("backend/python/rivulet_rules.py", "            if problem:\n", "            if problem and not device:\n"),
	},
	{
		Name:  "a dead letter quotes its data as it is",
		Whose: ours + ": " + terminal + ", and half a surrogate pair stops every batch",
		Test:  rules,
		Edits: edit("backend/python/rivulet_rows.py", "letter._replace(detail=visible(letter.detail), device_id=device and visible(device))", "letter"),
	},
	{
		Name:  "the function logs what devices say as it is",
		Whose: ours + ": " + terminal,
		Test:  "TestInCPython/test_rivulet_lambda.py",
		Edits: edit("backend/python/rivulet_lambda.py", "print(json.dumps(said), flush=True)", "print(json.dumps(said, ensure_ascii=False), flush=True)"),
	},
	{
		Name:  "the README's recipe shows dead letters as they are",
		Whose: ours + ": " + terminal,
		Test:  "TestWhatDevicesSendIsEscaped",
		Edits: edit("backend/readme/readme.md.tmpl", "jq -ac '[.reason, .device_id, .detail]'", "jq -r '[.reason, .device_id, .detail] | @tsv'"),
	},
	{
		Name:  "rivulet backend try prints JSON as it is",
		Whose: ours + ": " + terminal,
		Test:  "TestBackendTryEscapes",
		Edits: edit("cmd/rivulet/backend.go", `c.print("%s\n", term.EscapeJSON(nil, b))`, `c.print("%s\n", append(term.EscapeJSON(nil, nil), b...))`),
	},
	{
		Name:  "rivulet backend try prints why a record is dead as it is",
		Whose: ours + ": " + terminal,
		Test:  "TestBackendTryEscapes",
		Edits: edit("cmd/rivulet/backend_try_print.go", "term.Escape(l.Detail)", "l.Detail"),
	},
	{
		Name:  "rivulet backend try prints what Spark says as it is",
		Whose: ours + ": it quotes the input",
		Test:  "TestBackendTryEscapes",
		Edits: edit("cmd/rivulet/backend_spark.go", `term.Escape(strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", "    "))`, "line"),
	},
}
