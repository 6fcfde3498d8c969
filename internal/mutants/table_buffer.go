package mutants

const (
	faults    = ours + ", after a fault that was seen"
	accepts   = "TestDiskAcceptsWhatItCanWrite"
	rotate    = "TestDevicesRotate/memory"
	inTrouble = "TestMemoryKeyInTrouble"
)

// room is what one key, device or document may take from the others.
var room = []Mutant{
	{
		Name:  "a consumer may lease all that is in memory",
		Whose: faults + ": one throttled key filled the buffer for all",
		Test:  "TestMemory/against_a_model,_at_random",
		Edits: edit("retry/memory_read.go", "if m.leases > 0 && m.pinned+n > m.opts.MaxBytes/2 {", "if false {"),
	},
	{
		Name:  "a consumer may lease all that is on disk",
		Whose: faults,
		Test:  "TestDiskIsNotFilledByLeases",
		Edits: edit("retry/disk_read.go", "return sum <= d.opts.MaxBytes/2", "return true"),
	},
	{
		Name:  "a chunk keeps its room for one entry that is not finished",
		Whose: faults + ": 5,184 of 60,000 evicted for one key of a hundred",
		Test:  inTrouble,
		Edits: edit("retry/memory_chunk.go", "case m.squeezeOne():", "case false:"),
	},
	{
		Name:  "what is returned stays leased, in memory",
		Whose: ours,
		Test:  "TestMemory/Return_and_Seek_give_back_all_that_is_unfinished",
		Edits: edit("retry/memory_read.go", "m.unpin(c, c.leased.clear(c.place(first), c.place(add1(last))))", "_ = c"),
	},
	{
		Name:  "a disk that hangs holds all that waits for it",
		Whose: ours,
		Test:  "TestDiskThatHangs",
		Edits: edit("retry/disk_commit.go", "size > d.opts.MaxMemory/4 {", "false {"),
	},
	{
		Name:  "the slots of devices are never free again",
		Whose: faults + ": a gateway whose devices change their addresses had to be restarted",
		Test:  rotate,
		Edits: edit("retry/memory_devices.go", "if !used.has(int(d.slot)) {", "if false {"),
	},
	{
		Name:  "a device that comes back begins again at 1 with the boot that it had",
		Whose: ours + ": ids would be given out twice",
		Test:  rotate,
		Edits: edit("retry/memory_devices.go", "m.boot, m.recent = randomBoot(), nil", "m.recent = nil"),
	},
	{
		Name:  "names may make a block larger than a segment",
		Whose: faults + ": 450 devices with long names were never written",
		Test:  accepts,
		Edits: edit("retry/memory_chunk.go", "if m.maxBlock == 0 {", "if true {"),
	},
	{
		Name:  "entries are accepted for which there is no room on the disk",
		Whose: ours,
		Test:  accepts,
		Edits: edit("retry/disk_quota.go", "return free >= 0\n", "return true\n"),
	},
	{
		Name:  "a segment grows into the room of entries that were accepted",
		Whose: ours,
		Test:  accepts,
		Edits: edit("retry/disk_quota.go", "if free < n && (c == nil || d.opts.Overflow != DropOldest) {", "if false {"),
	},
	{
		Name:  "documents are never removed",
		Whose: faults + ": 40 of them filled the quota",
		Test:  "TestDiskOldDocumentsGo",
		Edits: edit("retry/disk_docs.go", "if d.backlog != nil || !d.attached {", "if true {"),
	},
	{
		Name:  "a document is removed while an entry refers to it",
		Whose: ours,
		Test:  "TestDiskDocumentOfTheLastEntry",
		Edits: edit("retry/disk_docs.go", "if !slices.Contains(m.docs, id) && !needed(id) {", "if !slices.Contains(m.docs, id) {"),
	},
	{
		Name:  "a document is removed before the removal of its segment is durable",
		Whose: ours,
		Test:  crash,
		Edits: edit("retry/disk_tidy.go", "if t.doc && !settled {", "if false {"),
	},
	{
		Name:  "who reads in vain puts off the next try of the disk",
		Whose: ours + ": it was never tried again",
		Test:  "TestDiskLossesHaveIDs",
		Edits: edit("retry/disk_health.go", "if !was || !now.Before(d.w.probeAt) {", "if true {"),
	},
	{
		Name:  "what a segment holds is known by its file alone",
		Whose: faults + ": the loss of a removed spool had no ids",
		Test:  "TestDiskLossesHaveIDs",
		Edits: edit("retry/disk_commit.go", "d.w.builder.Note(&s.ids, &p.head)", ""),
	},
	{
		Name:  "the time that is kept goes back",
		Whose: ours,
		Test:  "TestDiskKeepsTime",
		Edits: edit("retry/disk_time.go", "ms > d.trusted {", "ms != d.trusted {"),
	},
	{
		Name:  "each time that is kept is written",
		Whose: ours + ": flash",
		Test:  "TestDiskKeepsTime",
		Edits: edit("retry/disk_time.go", ">= (24 * time.Hour).Milliseconds()", ">= 1"),
	},
	{
		Name:  "messages are logged under the buffer's lock",
		Whose: faults + ": a handler that puts waited for ever",
		Test:  "TestDiskHandlerMayUseTheBuffer",
		Edits: edit("retry/disk_notes.go", "\tn.list = append(n.list, note{level, text, args})\n", "\tn.logger.Log(context.Background(), level, text, args...)\n\tif true {\n\t\treturn\n\t}\n\tn.list = append(n.list, note{level, text, args})\n"),
	},
}

// outside is what a directory from anywhere can do.
var outside = []Mutant{
	{
		Name:  "heads that claim to be long are read as often as pages claim it",
		Whose: faults + ": 16 MiB took 10 s and 7 GiB",
		Test:  "TestLoadOfCraftedFiles",
		Edits: edit("internal/spool/scan.go", "|| s.vain+n > s.size", ""),
	},
	{
		Name:  "a segment is read however long it is",
		Whose: faults + ": a sparse file of 8 GiB took 19 s",
		Test:  "TestLoadOfCraftedDirectories",
		Edits: edit("internal/spool/scan.go", "size: min(size, MaxSegment)", "size: size"),
	},
	{
		Name:  "a page may inflate to anything",
		Whose: ours,
		Test:  "TestHostileHeads",
		Edits: edit("internal/spool/block.go", " || int64(h.rawLen) > maxInflate*h.Size()", ""),
	},
	{
		Name:  "a link in the place of a file is followed",
		Whose: faults + ": LOCK on a returned card made the tool write elsewhere",
		Test:  "TestOSOpensRegularFilesOnly",
		Edits: []Edit{
			{"internal/vfs/os.go", "if err == nil && !info.Mode().IsRegular() {", "if false {"},
			{"internal/vfs/os_unix.go", "openSafely = unix.O_NOFOLLOW | unix.O_NONBLOCK", "openSafely = unix.O_NONBLOCK"},
		},
	},
	{
		Name:  "a file elsewhere is written to by another name",
		Whose: ours,
		Test:  "TestOSOpensRegularFilesOnly",
		Edits: edit("internal/vfs/os.go", " || flags&os.O_RDWR != 0 && links(info) > 1", ""),
	},
	{
		Name:  "a directory that its group can write to is trusted",
		Whose: faults,
		Test:  "TestTrust",
		Edits: edit("internal/vfs/os_unix.go", "mode&0o022 != 0 {", "mode&0o002 != 0 {"),
	},
	{
		Name:  "the tools print names as they are",
		Whose: faults + ": escape sequences reached the terminal",
		Test:  "TestSpoolEscapesNames",
		Edits: edit("cmd/rivulet/spool_ls.go", "fmt.Fprint(w, term.Escape(fmt.Sprint(cell)))", "fmt.Fprint(w, cell)"),
	},
}
