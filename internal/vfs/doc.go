// Package vfs is the file system that a crash-safe log stands on, kept as small
// as such a log allows, so that it can be replaced by one that fails and by one
// that loses power. Start with FS and File; use them through
//
//   - OS, the real one;
//   - Fault, which wraps another FS and fails a chosen call;
//   - Crash, in memory, which knows what a power cut may leave behind and makes
//     a new file system of each possibility.
//
// MkdirAll and WriteFile are the two sequences of calls that are easily got
// wrong; they work with any FS.
//
// # What a user of FS may rely on
//
//   - WriteAt changes what ReadAt returns at once, and what a power cut leaves at
//     some time between the call and the return of the next successful Sync.
//   - After Sync has returned nil the bytes and the size of the file stay. After
//     it has returned an error nothing is known about any byte written since the
//     Sync before, for ever: a later nil does not cover them (Linux marks pages
//     clean that it failed to write). Write them again, to another file.
//   - The name of a new file, a rename and a removal stay after SyncDir of the
//     directory, of both for a rename between two. Before, each may be undone by a
//     power cut, whatever was synced within the file.
//   - A rename is atomic: one of the two names is there, and a file that it
//     replaced is there or the new one is, never neither.
//   - Close promises nothing.
//
// # The model of Crash
//
// A file has durable pages of 4 KiB and a durable size. WriteAt adds a version
// to each page that it touches; Sync makes the newest versions and the size
// durable. A crash leaves, independently of each other,
//
//   - each unsynced page in any of its versions, the durable one included, or torn
//     between two of them: each of its eight 512-byte sectors is of the one or of
//     the other;
//   - each unsynced size of each file, durable size included: a page kept beyond
//     it is cut off, a page lost within it reads as zeros, as preallocated space
//     does, or with Crash.Garbage as noise or as pages of a file removed before;
//   - each directory change (create, mkdir, rename, remove) that SyncDir has not
//     covered, done or undone, except that a change needs those before it that
//     touch the same name or the same file, a rename the making of the directory
//     that it goes to, and the removal of a directory those in it. A file whose
//     directory is gone is gone.
//
// This assumes of the disk that a synced byte stays and is read back as it was,
// that a 512-byte sector is written whole or not at all, that writing one page
// does not harm another, that a rename is atomic and that Sync reaches the flash
// and not merely its cache. Real disks do break these: cheap cards lose synced
// data in a cut, damage neighbours of the page being written (they share an
// erase block), and rot. A log finds that by its checksums; Crash does not make
// such states, flip bits for them. Crash is stricter than most: ext4 in its
// default mode orders directory changes among themselves and would not show
// noise; f2fs, XFS, btrfs, FAT and data=writeback each have some of the freedom
// that is modelled here.
package vfs
