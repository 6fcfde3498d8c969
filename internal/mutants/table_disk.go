package mutants

import "fmt"

// issue is a link to a bug report.
func issue(repo string, n int) string {
	return fmt.Sprintf("[%s#%d](https://github.com/%s/issues/%d)", repo, n, repo, n)
}

// source is a link to code in which a bug was read.
func source(repo, what string) string {
	return fmt.Sprintf("[%s](https://github.com/%s), %s", repo, repo, what)
}

const ours = "a safeguard of ours"

const (
	syncFailed = "if err := w.file.Sync(); err != nil {"
	crash      = "TestDiskCrashLong"
	model      = "TestDisk/group/against_a_model,_at_random"
)

// durability is what becomes of entries that were said to be on stable storage.
var durability = []Mutant{
	{
		Name:  "the segment is not synced",
		Whose: "OpenTelemetry file_storage: " + issue("open-telemetry/opentelemetry-collector-contrib", 31200) + ", " + issue("open-telemetry/opentelemetry-collector-contrib", 50102),
		Test:  crash,
		Edits: edit("retry/disk_file.go", syncFailed, "if err := error(nil); err != nil {"),
	},
	{
		Name:  "the error of the sync is ignored, and all is acknowledged",
		Whose: source("elastic/beats", "disk queue: `_ = wl.outputFile.Sync()`, then the ACK"),
		Test:  "TestDiskFaults/drop-oldest/fsync_drops_pages",
		Edits: edit("retry/disk_file.go", syncFailed, "if err := w.file.Sync(); false {"),
	},
	{
		Name:  "a sync that failed is tried again on the same file",
		Whose: "PostgreSQL and others: [fsyncgate](https://wiki.postgresql.org/wiki/Fsync_Errors)",
		Test:  "TestDiskFaults/drop-oldest/fsync_drops_pages",
		Edits: edit("retry/disk_file.go", syncFailed, "err := w.file.Sync()\n\tif err != nil {\n\t\terr = w.file.Sync()\n\t}\n\tif err != nil {"),
	},
	{
		Name:  "entries are called durable before the sync",
		Whose: source("vectordotdev/vector", "disk_v2: an acknowledgement may come before the record is synced"),
		Test:  crash,
		Edits: []Edit{
			{"retry/disk_commit.go", "if d.opts.Sync != SyncNever {", "w.dirty = false\n\t\td.publish(fresh)\n\t\tw.dirty = true\n\t\tif d.opts.Sync != SyncNever {"},
			{"retry/disk_commit.go", "\t\td.publish(fresh)\n\t\tn += len(fresh)", "\t\tn += len(fresh)"},
		},
	},
	{
		Name:  "the directory is not synced after a segment is made",
		Whose: source("hashicorp/raft-wal", "found by ALICE, fixed") + "; [tidwall/wal](https://github.com/tidwall/wal) does not sync it",
		Test:  crash,
		Edits: edit("retry/disk_file.go", "if !w.named {", "if false {"),
	},
	{
		Name:  "a used file is written to before its new name is durable",
		Whose: ours + ": under the old name the new blocks are damage",
		Test:  crash,
		Edits: edit("retry/disk_quota.go", "if err := d.syncDir(); err != nil {\n\t\td.discard(", "if err := error(nil); err != nil {\n\t\td.discard("),
	},
	{
		Name:  "the directory is not synced after a small file is replaced",
		Whose: source("nsqio/go-diskqueue", "its metadata"),
		Test:  "TestWriteFileSurvivesCrashes",
		Edits: edit("internal/vfs/durable.go", "return fsys.SyncDir(filepath.Dir(name))", "return nil"),
	},
	{
		Name:  "the cursor is not synced",
		Whose: source("elastic/beats", "state.dat") + "; here a time that was kept would go back",
		Test:  "TestDiskTimeIsDurable",
		Edits: edit("retry/disk_cursor.go", "return w.slots.Sync()", "return nil"),
	},
	{
		Name:  "the cursor is always written in the same place",
		Whose: source("elastic/beats", "state.dat is overwritten for each ACK"),
		Test:  "TestDiskCursorSurvives",
		Edits: edit("retry/disk_cursor.go", "Generation: w.cursor.Generation + 1", "Generation: w.cursor.Generation + 2"),
	},
	{
		Name:  "what a killed process wrote and did not sync is taken for durable",
		Whose: ours,
		Test:  "TestDiskKilledThenCut",
		Edits: edit("retry/disk_attach.go", "if f.EndBefore > w.durable && f.Blocks > 0 {", "if false {"),
	},
	{
		Name:  "Close does not write what waits in memory",
		Whose: "KPL: " + issue("awslabs/amazon-kinesis-producer", 263) + "; its memory goes with it",
		Test:  "TestDiskCloseWrites",
		Edits: edit("retry/disk_worker.go", "d.urgent, d.syncNow = true, true", "d.urgent, d.syncNow = false, false"),
	},
	{
		Name:  "entries whose write failed are dropped",
		Whose: "OpenTelemetry persistent queue: what cannot be stored is dropped",
		Test:  "TestDiskFaults/drop-oldest/EIO",
		Edits: edit("retry/disk_commit.go", "p.c.busy = false\n\t}\n\treturn err", "p.c.busy, p.c.live = false, 0\n\t}\n\treturn err"),
	},
	{
		Name:  "Sync does not wait for the disk",
		Whose: ours,
		Test:  "TestDiskSyncIsDurable",
		Edits: edit("retry/disk.go", "for target := m.next; !d.spooledTo(target); {", "for target := uint64(0); !d.spooledTo(target); {"),
	},
}

// log is what becomes of entries in the order of things.
var log = []Mutant{
	{
		Name:  "the watermark is saved ahead of an unfinished entry",
		Whose: "Kinesis Agent: " + issue("awslabs/amazon-kinesis-agent", 17),
		Test:  crash,
		Edits: edit("retry/disk_tidy.go", "return s.firstUndone() - s.shift", "return s.end - s.shift"),
	},
	{
		Name:  "a segment is removed while one of its entries is pending",
		Whose: "KinesisRecorder: " + issue("aws-amplify/aws-sdk-android", 225) + ", removed before it was acknowledged",
		Test:  model,
		Edits: edit("retry/disk_segment.go", "if s := d.segs[i]; s.pending == 0 &&", "if s := d.segs[i]; s.pending <= 1 &&"),
	},
	{
		Name:  "a segment the body of whose last block cannot be read for now is removed",
		Whose: "like " + issue("nsqio/go-diskqueue", 28) + ", data that was not read is lost",
		Test:  "TestDiskUnreadableEnd",
		Pkg:   "retry",
		Edits: edit("internal/spool/load_segments.go", "if err != nil && Unreadable(err) {", "if false {"),
	},
	{
		Name:  "a segment whose end cannot be read for now is removed",
		Whose: "like " + issue("nsqio/go-diskqueue", 28) + ", data that was not read is lost",
		Test:  "TestDiskUnreadableEnd",
		Edits: edit("retry/disk_segment.go", " || f.Unread", ""),
	},
	{
		Name:  "after recovery the old segment is written to",
		Whose: issue("prometheus/prometheus", 7835) + ", the damaged segment was written to again",
		Test:  "TestDiskLeavesOldSegments",
		Edits: []Edit{
			{"retry/disk_attach.go", "next += positionStride", "next += 0"},
			{"retry/disk_attach.go", "d.segs = append(segs, d.segs...)\n", "d.segs = append(segs, d.segs...)\n" +
				"\tif n := len(segs); n > 0 && d.w.seg == nil {\n" +
				"\t\tif f, err := d.fs.Open(d.path(segs[n-1].name), vfs.ReadWrite); err == nil {\n" +
				"\t\t\td.w.file, d.w.seg, d.w.used, d.w.named = f, segs[n-1], st.Segments[n-1].Used, true\n\t\t}\n\t}\n"},
		},
	},
	{
		Name:  "finished entries on disk are delivered again after Return",
		Whose: issue("elastic/beats", 32560),
		Test:  model,
		Edits: edit("retry/disk_read.go", "if s.free(index, index+1) == 0 {", "if s.leased.count(s.place(index), s.place(index)+1) > 0 {"),
	},
	{
		Name:  "finished entries in memory are delivered again after Return",
		Whose: issue("elastic/beats", 32560),
		Test:  "TestMemory/Return_and_Seek_give_back_all_that_is_unfinished",
		Edits: edit("retry/memory_read.go", "e.Index >= r.index && !c.done.has(i) && !c.leased.has(i)", "e.Index >= r.index && !c.leased.has(i)"),
	},
	{
		Name:  "entries that are not leased can be acknowledged, on disk",
		Whose: ours,
		Test:  "TestDisk/group/what_is_not_leased_cannot_be_acked",
		Edits: edit("retry/disk_segment.go", "n = uint64(s.leased.move(&s.done, from, to))", "s.leased.clear(from, to)\n\t\tn = uint64(to - from - s.done.count(from, to))\n\t\ts.done.set(from, to)"),
	},
	{
		Name:  "entries that are not leased can be acknowledged, in memory",
		Whose: ours,
		Test:  "TestMemory/what_is_not_leased_cannot_be_acked",
		Edits: edit("retry/memory_read.go", "n := c.leased.move(&c.done, c.place(first), c.place(add1(last)))", "a, b := c.place(first), c.place(add1(last))\n\t\tc.leased.clear(a, b)\n\t\tn := b - a - c.done.count(a, b)\n\t\tc.done.set(a, b)"),
	},
	{
		Name:  "what cannot be read is given up at the first error",
		Whose: ours + ": cards fail once",
		Test:  "TestDiskFaults/drop-oldest/EIO_reading_too",
		Edits: edit("retry/disk_find.go", "if err != nil && !d.alive(s) {", "if false {"),
	},
	{
		Name:  "reading stops at the first damaged block of a segment",
		Whose: source("elastic/beats", "disk queue: the rest of the segment is discarded"),
		Test:  "TestDiskDamage",
		Edits: edit("retry/disk_find.go", "f.lost = append(f.lost, h)\n", "f.lost = append(f.lost, h)\n\t\tbreak\n"),
	},
	{
		Name:  "a damaged block is skipped without being counted",
		Whose: source("open-telemetry/opentelemetry-collector", "persistent queue: an item that cannot be decoded is deleted, with a message for debugging"),
		Test:  "TestDiskDamage",
		Edits: []Edit{
			{"retry/disk_find.go", "f.lost = append(f.lost, h)\n", ""},
			{"retry/disk_lose.go", "named := d.loseNamed(s, a, b, Corrupt)", "named := uint64(0)"},
		},
	},
	{
		Name:  "what recovery found damaged is not reported",
		Whose: "KinesisRecorder: " + issue("aws-amplify/aws-sdk-android", 376) + ", silent losses",
		Test:  "TestDiskDamage",
		Edits: edit("retry/disk_attach.go", "m.lost.addRun(Corrupt, \"\", 0, 1, f.Lost)", ""),
	},
	{
		Name:  "the whole backlog is read into memory when it is opened",
		Whose: issue("vectordotdev/vector", 26035),
		Test:  "TestDiskOpensInLittleMemory",
		Pkg:   "retry",
		Edits: []Edit{
			{"internal/spool/load.go", "\tgaps        []gap\n", "\tgaps        []gap\n\tall         [][]byte\n"},
			{"internal/spool/load_segments.go", "\t\tif p.Copied {", "\t\traw, _ := ReadBody(f, seg.Salt, h)\n\t\tseg.all = append(seg.all, raw)\n\t\tif p.Copied {"},
		},
	},
	{
		Name:  "the head of each block is kept in memory",
		Whose: source("tidwall/wal", "caches whole segments") + "; memory should go with the number of segments",
		Test:  "TestDiskOpensInLittleMemory",
		Pkg:   "retry",
		Edits: []Edit{
			{"internal/spool/load.go", "\tgaps        []gap\n", "\tgaps        []gap\n\tall         []*Head\n"},
			{"internal/spool/load_segments.go", "\t\tif p.Copied {", "\t\tseg.all = append(seg.all, h)\n\t\tif p.Copied {"},
		},
	},
}

// policy is what the buffer may take, and what it does when the disk fails.
var policy = []Mutant{
	{
		Name:  "eviction takes a leased segment",
		Whose: "Fluent Bit: `storage.total_limit_size` drops the oldest chunk",
		Test:  "TestDisk/group/against_a_model,_at_random",
		Edits: edit("retry/disk_lose.go", "return s.leases == 0 && s != d.w.seg", "return s != d.w.seg"),
	},
	{
		Name:  "eviction takes leased entries in memory",
		Whose: ours,
		Test:  "TestMemory/drop-oldest_spares_what_is_leased",
		Edits: edit("retry/memory_chunk.go", "if c.leases == 0 && c.live > 0 && !c.busy {", "if c.live > 0 && !c.busy {"),
	},
	{
		Name:  "the quota is not enforced",
		Whose: issue("tailscale/tailscale", 1108) + ", a buffer of 368 GB",
		Test:  "TestDiskQuotaAcrossACut",
		Edits: edit("retry/disk_quota.go", "func (d *Disk) quota(n int64) error {\n", "func (d *Disk) quota(n int64) error {\n\tif true {\n\t\treturn nil\n\t}\n"),
	},
	{
		Name:  "the quota forgets files that a power cut may give back",
		Whose: ours,
		Test:  "TestDiskQuotaAcrossACut",
		Edits: edit("retry/disk_quota.go", "if free-d.w.ghosts >= n {", "if free >= n {"),
	},
	{
		Name:  "what was evicted is not reported",
		Whose: issue("influxdata/telegraf", 8818) + ", silent losses",
		Test:  "TestDisk/group/drop-oldest_loses_the_oldest,_and_says_which",
		Edits: edit("retry/disk_lose.go", "d.m.lost.addRun(o, device, boot, r.First, r.Last)", "_ = r"),
	},
	{
		Name:  "age is by the wall clock",
		Whose: ours + ": a device without a clock of its own starts in 1970",
		Test:  "TestDiskAgeIsTimeOpen",
		Edits: edit("retry/memory_append.go", "return m.clock + time.Since(m.started).Milliseconds()", "return time.Now().UnixMilli()"),
	},
	{
		Name:  "leased entries expire",
		Whose: ours,
		Test:  "TestDisk/group/entries_expire_by_their_age",
		Edits: edit("retry/disk_lose.go", "free := s.free(a, b)\n", "s.leased.clear(s.place(a), s.place(b))\n\tfree := s.free(a, b)\n"),
	},
	{
		Name:  "a full disk degrades the buffer for good",
		Whose: issue("vectordotdev/vector", 19155) + " and " + issue("prometheus/prometheus", 3283) + ", stuck until restarted",
		Test:  "TestDiskFaults/drop-oldest/ENOSPC",
		Edits: edit("retry/disk_health.go", "d.health.Degraded, d.health.Err, d.health.Since = false, nil, time.Now()", "d.health.Since = time.Now()"),
	},
	{
		Name:  "an error of the disk ends the process",
		Whose: source("vectordotdev/vector", "disk_v2: it exits when a flush fails"),
		Test:  "TestDiskFaults/drop-oldest/EIO",
		Edits: []Edit{
			{"retry/disk_health.go", "import (\n", "import (\n\t\"os\"\n"},
			{"retry/disk_health.go", "was, now := d.health.Degraded, time.Now()\n", "was, now := d.health.Degraded, time.Now()\n\tos.Exit(1)\n"},
		},
	},
	{
		Name:  "flash is written although the link is good",
		Whose: issue("fluent/fluent-bit", 10477) + ", SD cards worn out",
		Test:  "TestDiskSpillWritesNothing",
		Edits: edit("retry/disk_worker.go", "group := d.opts.Sync == SyncGroup ||", "group := d.opts.Sync == SyncSpill || d.opts.Sync == SyncGroup ||"),
	},
	{
		Name:  "the lock is not taken",
		Whose: ours + ": two processes would write the same directory",
		Test:  "TestDiskIsLocked",
		Edits: edit("retry/disk_attach.go", "if w.lock == nil {\n", "if false {\n"),
	},
	{
		Name:  "a file that is gone when it is to be removed is an error",
		Whose: issue("vectordotdev/vector", 25570) + ", files removed before the ledger knows",
		Test:  "TestDiskFilesGone",
		Edits: edit("retry/disk_tidy.go", "d.remove(t)\n\t\tif err != nil && !spool.Missing(err) {", "d.remove(t)\n\t\tif err != nil {"),
	},
}
