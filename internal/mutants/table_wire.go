package mutants

const (
	answers  = "producer/internal/guard/answer.go"
	sending  = "producer/internal/guard/sending.go"
	provider = "producer/internal/guard/credentials.go"
	economy  = "producer/wire/economy.go"
)

// link is what is between the sender and Kinesis: the network, and who gives the
// credentials.
var link = []Mutant{
	{
		Name:  "a redirect is followed, with the session token in its headers",
		Whose: "whoever hands the SDK a plain net/http client",
		Test:  "TestRedirectsAreNotFollowed",
		Edits: edit("producer/internal/guard/options.go", "c.inner, c.replay = &still, true", "c.inner, c.replay = inner, true"),
		Pkg:   "producer",
	},
	{
		Name:  "an answer is read for as long as it goes on",
		Whose: "the SDK: its protocols read the whole body",
		Test:  "TestHostileLink/an_endless_text,_wire",
		Edits: edit(answers, "\tvar b bytes.Buffer\n", "\tmost = 64 << 20\n\tvar b bytes.Buffer\n"),
		Pkg:   "producer",
	},
	{
		Name:  "an answer may be nested as deep as it likes",
		Whose: "the SDK: its decoder of CBOR calls itself, until the stack is full and the process dies",
		Test:  "TestShape",
		Edits: edit("producer/internal/guard/shape.go", "const mostDepth = 16", "const mostDepth = 100_000"),
	},
	{
		Name:  "nobody counts of how many values an answer is made",
		Whose: ours + ": a byte of CBOR is forty of a result",
		Test:  "TestShape",
		Edits: edit("producer/internal/guard/shape.go", "if values--; values < 0 {\n\t\t\treturn tooMuch(false)", "if values--; false {\n\t\t\treturn tooMuch(false)"),
	},
	{
		Name:  "the list of shards is read for as long as it goes on",
		Whose: "everybody who follows NextToken",
		Test:  "TestEndlessPages",
		Edits: edit("producer/shards.go", "for range mostShardPages {", "for range 100 * mostShardPages {"),
	},
	{
		Name:  "a provider of credentials never hears that its time is over",
		Whose: "the SDK: its cache strips cancellation",
		Test:  "TestAProviderThatWaitsOnItsContext",
		Edits: edit(provider, "context.WithTimeout(context.WithoutCancel(ctx), Patience)", "context.WithTimeout(context.WithoutCancel(ctx), 1000*Patience)"),
	},
	{
		Name:  "each call asks a provider that hangs once more",
		Whose: ours + ": a goroutine each",
		Test:  "TestAProviderThatHangs",
		Edits: edit(provider, "if c.hung > mostHung &&", "if false &&"),
	},
	{
		Name:  "a provider that answers with a 500 is taken for one that refuses",
		Whose: ours,
		Test:  "TestCodesOfProviders",
		Edits: edit(provider, "n >= 400 && n < 500 && n != 408", "n >= 400 && n != 408"),
	},
	{
		Name:  "what a proxy refused before anything was sent counts as a lost answer",
		Whose: "net/http, whose error for it is two words",
		Test:  "TestNothingWasSent/the_proxy_finds_no_way",
		Edits: edit("producer/classify.go", "case errors.As(err, &unsent):\n\t\treturn codeOfConnect(err)", "case false:\n\t\treturn codeOfConnect(err)"),
	},
	{
		Name:  "a captive portal's page counts as a lost answer",
		Whose: ours,
		Test:  "TestAnswersThatKinesisDidNotWrite",
		Edits: edit(answers, "failure.Foreign(kind, id):", "id == \"?\":"),
		Pkg:   "producer",
	},
	{
		Name:  "a region that does not match is taken for a wrong clock",
		Whose: "AWS, whose code for both is the same",
		Test:  "TestNothingWasSent/the_region_of_another",
		Edits: edit("producer/classify.go", "instead = failure.CodeWrongRegion", "_ = message"),
	},
	{
		Name:  "a request of which a part was sent counts as one that may have been stored",
		Whose: ours,
		Test:  "TestLostBeforeItWasWritten",
		Edits: []Edit{
			{sending, "s.traced.Load() && !s.got.Load(), !s.read.Load():", "s.traced.Load() && !s.got.Load():"},
			{sending, "return s.wrote.Load() != writeFailed", "return true"},
		},
		Pkg: "producer",
	},
	{
		Name:  "a request that was sent counts as one that was not",
		Whose: ours + ": duplicates would not be counted",
		Test:  "TestLostBeforeItWasWritten",
		Edits: edit(sending, "return s.wrote.Load() != writeFailed", "return false"),
		Pkg:   "producer",
	},
	{
		Name:  "a request on a connection that goes away cannot be sent again",
		Whose: "the SDK: its requests have no GetBody",
		Test:  "TestGoAwayLosesNoCall",
		Edits: edit(sending, "r.GetBody = again", "_ = again"),
		Pkg:   "producer/wire",
	},
	{
		Name:  "after one refusal of any cause a client speaks JSON for good",
		Whose: ours,
		Test:  "TestOtherRefusalsAreNotTheForm",
		Edits: edit(economy, "\te.futile.set(futileFor)\n", "\te.cbor.set(refusedFor)\n"),
	},
	{
		Name:  "a request that is too large is sent again as JSON, which is larger",
		Whose: ours,
		Test:  "TestOtherRefusalsAreNotTheForm",
		Edits: edit(economy, "413: true, ", ""),
	},
	{
		Name:  "an economy that was refused is never tried again",
		Whose: ours,
		Test:  "TestEachEconomyHasAWayBack",
		Edits: edit(economy, "return time.Now().Before(r.until)", "return !r.until.IsZero()"),
	},
	{
		Name:  "trimmed headers that are refused stay trimmed",
		Whose: ours,
		Test:  "TestEachEconomyHasAWayBack",
		Edits: edit(economy, "{&e.headers, !doubt.plain,", "{&e.headers, true,"),
	},
	{
		Name:  "a lost answer to the plainer form is forgotten for the refusal before it",
		Whose: ours,
		Test:  "TestALostAnswerIsNotForgotten",
		Edits: edit(economy, "== form{} && !refused(again):", "== form{} && false:"),
	},
	{
		Name:  "nobody notices that a peer cannot read our headers",
		Whose: ours,
		Test:  "TestOurCompressionHasAWayBack",
		Edits: edit("producer/wire/frames.go", "if code == errorProtocol || code == errorCompression {", "if code == 1<<30 {"),
	},
	{
		Name:  "a connection that ends without a word says nothing about our headers",
		Whose: ours,
		Test:  "TestASilentRefusalOfOurCompression",
		Edits: edit("producer/wire/frames.go", "if c.peers.unanswered.Add(1) >= mostUnanswered {", "if false {"),
	},
	{
		Name:  "a first request whose headers cannot be read fails",
		Whose: "net/http, which does not try again on a new connection",
		Test:  "TestOurCompressionHasAWayBack/the_connection,_from_the_first_request_on",
		Edits: edit("producer/wire/transport.go", "via == t.sparing && neverRead(err) {", "via == nil && neverRead(err) {"),
	},
	{
		Name:  "what a device learnt of the time is not used for certificates",
		Whose: "every device whose clock stands at 1970",
		Test:  "TestTrustedTime",
		Edits: edit("producer/wire/clock.go", "if now.Before(c.learned) && !c.doubted {", "if false {"),
	},
	{
		Name:  "a date at which its own certificate is not valid is believed",
		Whose: ours + ": one wrong answer, and every certificate has expired",
		Test:  "TestTimeThatIsNotTrusted",
		Edits: edit("producer/wire/clock.go", "if t.Before(cert.NotBefore) || t.After(cert.NotAfter) {", "if t.IsZero() || cert == nil {"),
	},
	{
		Name:  "a time that was kept wrongly locks a device out for good",
		Whose: ours,
		Test:  "TestWrongTimeLearned",
		Edits: edit("producer/wire/transport.go", "if err != nil && t.clock.doubt(err) {", "if err != nil && t.Client == nil {"),
	},
	{
		Name:  "the session token goes over http:// to whoever is on the way",
		Whose: "the SDK: an endpoint of http:// is like any other",
		Test:  "TestNoTokenInClear",
		Edits: edit(answers, "if r.Header.Get(\"X-Amz-Security-Token\") == \"\" ||", "if r.Header.Get(\"X-Amz-Security-Token\") != \"?\" ||"),
		Pkg:   "producer/wire",
	},
	{
		Name:  "an endpoint that says our credentials back puts them into the log",
		Whose: "AWS: its answer to a wrong signature holds all headers that were signed",
		Test:  "TestHostileLink/an_error_that_says_it_all,_wire",
		Edits: edit(answers, "\t\thide(b, r)\n", ""),
		Pkg:   "producer",
	},
	{
		Name:  "a session token in an error's text is not hidden",
		Whose: ours,
		Test:  "TestCleanHidesCredentials",
		Edits: edit("internal/failure/secret.go", "longRun = 64", "longRun = 6400"),
	},
	{
		Name:  "an error's text can turn the direction of what a person reads",
		Whose: ours,
		Test:  "TestCleanEscapes",
		Edits: edit("internal/failure/clean.go", "case strconv.IsPrint(r):", "case r >= ' ':"),
	},
	{
		Name:  "MD5 panics in a program that runs under GODEBUG=fips140=only",
		Whose: "crypto/md5, which knows no placement",
		Test:  "TestUnderFIPS",
		Edits: edit("internal/md5sum/md5sum.go", "if own {", "if false {"),
		Pkg:   "producer",
	},
}
