// Package retry is what stands between a device and a bad day: the bounded
// buffer that holds every record from Put to acknowledgement.
//
// Most programs hand what [Open] returns, a buffer on disk that survives kill -9 and
// power cuts, or nothing, which means one in memory, to producer.Config.Buffer, and
// read the rest when they want to know why. A [Buffer] is a log with one consumer:
//
//	Append  adds an entry at the end, under an id of its own
//	Next    leases the entries from the read place on; they stay in the log
//	Ack     finishes leased entries, in any order, each with one Outcome
//	Return  gives leases back; the entries may be dropped, or leased again
//	Seek    moves the read place
//
// What is appended is in exactly one state at every instant, and [Ledger] counts
// them: pending, or finished with one outcome. When the log is full the overflow
// policy decides; what it drops is reported by Sweep with exact id ranges. A leased
// entry is never dropped, and never more than half of the log leased, so that
// there is always something that can be.
//
// Options.Sync of [Open] is the choice between flash and risk. SyncGroup, the
// default, loses at most the last second in a power cut and writes a page of 4 KiB a
// second; SyncSpill at most the last minute, and on a good link it writes nothing;
// SyncAlways nothing at all, at a page and a wait for each entry. When the disk fails
// the buffer goes on in memory; [Disk.Health] tells.
package retry
