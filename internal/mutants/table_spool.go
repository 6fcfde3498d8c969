package mutants

// format is what the bytes on disk are checked for.
var format = []Mutant{
	{
		Name:  "the checksum of the head is not checked",
		Whose: source("tidwall/wal", "has no checksums"),
		Test:  "TestEveryBitFlip",
		Edits: edit("internal/spool/block.go", "if crc32.Update(seed(salt, off), castagnoli, b[8:headBytes]) !=", "if false && crc32.Update(seed(salt, off), castagnoli, b[8:headBytes]) !="),
	},
	{
		Name:  "the checksum of the body is not checked",
		Whose: "Fluent Bit: off by default; " + source("nsqio/go-diskqueue", "has none"),
		Test:  "TestEveryBitFlip",
		Edits: edit("internal/spool/body.go", "if crc32.Update(seed(salt, h.off), castagnoli, body) != h.bodyCRC {", "if false {"),
	},
	{
		Name:  "the checksum of the cursor is not checked",
		Whose: source("nsqio/go-diskqueue", "its metadata has none"),
		Test:  "TestCursorEveryBit",
		Edits: edit("internal/spool/cursor.go", "|| crc32.Checksum(b[8:slotUsed], castagnoli) != le.Uint32(b[4:]) {", "{"),
	},
	{
		Name:  "the salt is not in the checksums: what an older file left is taken for a block",
		Whose: "logs that recycle files: for it RocksDB had to put the log's number into each record",
		Test:  "TestBlockRoundTrip",
		Edits: edit("internal/spool/block.go", "binary.LittleEndian.PutUint64(b[:], salt)", "_ = salt"),
	},
	{
		Name:  "the offset is not in the checksums: a block in the wrong place is accepted",
		Whose: ours,
		Test:  "TestBlockRoundTrip",
		Edits: edit("internal/spool/block.go", "binary.LittleEndian.PutUint64(b[8:], uint64(off))", "_ = off"),
	},
	{
		Name:  "the length of a head is not bounded before it is allocated",
		Whose: issue("influxdata/telegraf", 18528) + ", a damaged buffer ends the program",
		Test:  "TestHostileHeads",
		Edits: edit("internal/spool/block.go", "n > MaxHead || body > MaxBody", "body > MaxBody"),
	},
	{
		Name:  "the length of a body is not bounded before it is allocated",
		Whose: issue("influxdata/telegraf", 18528),
		Test:  "TestHostileHeads",
		Edits: edit("internal/spool/block.go", "n > MaxHead || body > MaxBody || raw > MaxBody {", "n > MaxHead {"),
	},
	{
		Name:  "an incompatible feature that is not known is ignored",
		Whose: ours + ": a newer version's files would be damaged by an older one",
		Test:  "TestFormat",
		Edits: edit("internal/spool/format.go", "version > Version || unknown != 0 {", "version > Version {"),
	},
	{
		Name:  "flags of a block that are not known are ignored",
		Whose: ours,
		Test:  "TestHostileHeads",
		Edits: edit("internal/spool/body.go", "if h.unwanted {", "if false {"),
	},
}

// recovery is what is found again.
var recovery = []Mutant{
	{
		Name:  "recovery stops at the first damaged block of a segment",
		Whose: issue("prometheus/prometheus", 13027) + " and " + issue("prometheus/prometheus", 13152) + ", the repair deletes what follows",
		Test:  "TestLoadCounts",
		Edits: edit("internal/spool/load_segments.go", "hole, readErr = true, p.Err\n\t\t\tcontinue", "hole, readErr = true, p.Err\n\t\t\tbreak"),
	},
	{
		Name:  "recovery gives up the segments after a damaged one",
		Whose: issue("prometheus/prometheus", 7245),
		Test:  "TestLoadCounts",
		Edits: edit("internal/spool/load_segments.go", "s.Written = max(s.Written, seg.EndBefore)\n", "s.Written = max(s.Written, seg.EndBefore)\n\t\tif seg.Lost > 0 {\n\t\t\ts.Segments = s.Segments[:i+1]\n\t\t\tbreak\n\t\t}\n"),
	},
	{
		Name:  "a torn tail keeps the buffer from being opened",
		Whose: issue("tidwall/wal", 21),
		Test:  "TestLoadTornTail",
		Edits: edit("internal/spool/load_segments.go", "seg.Torn = hole ||", "if hole {\n\t\treturn errors.New(\"log corrupt\")\n\t}\n\tseg.Torn = hole ||"),
	},
	{
		Name:  "a torn tail is counted as corruption",
		Whose: ours + ": nobody was told that it was stored",
		Test:  "TestLoadTornTail",
		Edits: edit("internal/spool/load_segments.go", "if err == nil && seg.EndBefore > s.Durable {", "if false {"),
	},
	{
		Name:  "what damage took is not counted",
		Whose: source("elastic/beats", "disk queue: damaged frames are discarded, not counted"),
		Test:  "TestLoadCounts",
		Edits: edit("internal/spool/load_count.go", "seg.Lost += g.lost", ""),
	},
	{
		Name:  "a segment that is not there any more is counted as lost",
		Whose: issue("vectordotdev/vector", 25570) + ", a file that was delivered and removed is missed",
		Test:  "TestLoadCounts",
		Edits: edit("internal/spool/load_count.go", "case len(later) > 0 && later[0].prev == seg.First:", "case len(later) > 0:"),
	},
	{
		Name:  "without a cursor the backlog is forgotten",
		Whose: source("open-telemetry/opentelemetry-collector", "persistent queue: \"starting with new ones\""),
		Test:  "TestDiskWithoutCursor",
		Pkg:   "retry",
		Edits: edit("internal/spool/load_segments.go", "for i, seg := range s.Segments {\n", "if !s.CursorRead {\n\t\ts.Segments = nil\n\t}\n\tfor i, seg := range s.Segments {\n"),
	},
	{
		Name:  "a disk on which nothing can be read is taken for a damaged buffer",
		Whose: issue("open-telemetry/opentelemetry-collector-contrib", 35899) + ", storage that went away",
		Test:  "TestLoadReadErrors",
		Edits: edit("internal/spool/load_segments.go", "return nil\n\t\t\t}\n\t\t}\n\t}\n\treturn err\n", "return nil\n\t\t\t}\n\t\t}\n\t}\n\treturn nil\n"),
	},
	{
		Name:  "both copies of entries that were written twice count",
		Whose: issue("awslabs/amazon-kinesis-agent", 129) + ", sent again after a restart",
		Test:  "TestLoadDuplicates",
		Edits: edit("internal/spool/load_segments.go", "case h.First >= seg.limit || h.First < from || h.Before >= seg.limitBefore ||", "case h.First < from ||"),
	},
}
