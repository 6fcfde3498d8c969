// Package spool is the format of the buffer on disk, byte by byte: what
// retry.Open writes, and what recovery and the command rivulet spool read. It
// only writes when asked to Repair. Start with Builder and Blocks; Inspect reads
// a whole directory.
//
// All integers are little-endian, all checksums CRC-32C, uvarints are those of
// encoding/binary. A directory holds
//
//	LOCK                          held while a process has the buffer open
//	FORMAT                        version and feature bits, four lines of text
//	cursor                        two slots of 4 KiB, written in place in turn
//	schema-FINGERPRINT-CRC.json   documents that entries refer to; both hex
//	FIRST-BEFORE-SALT.seg         segments; each part 16 hex digits
//	spare                         a finished segment, whose space the next one will take
//	FIRST-BEFORE-SALT.bad         a damaged segment, its readable entries sent
//	FIRST-BEFORE-SALT.aside       entries that will not be delivered, kept to be looked at
//
// # Positions
//
// Entries are numbered by position, from 1, in the order in which they were put.
// A position is used once; there are gaps, since entries that were finished
// before they were written take no place on disk, and since each opening skips
// what a torn write may have used.
//
// # Segment
//
// A segment is a file of blocks, each a whole number of 4 KiB pages, back to back
// from offset 0, and then space that is allocated and not written, or was by an
// older segment. It belongs to one opening of the buffer and is not added to after
// it. Its size is a power of two, at most 16 MiB; it covers at most 2^20 positions.
// Its name has the position of its first entry, how many entries were written
// before it, and a random salt. The salt goes into every checksum, so that what an
// older file left in the same place on the disk is not mistaken for a block. In
// used space a page with "RVbF" and a checksum of salt, offset and these bytes
// follows the last block of a segment that is complete. There is no file header
// that could be damaged. Repair writes what can be read of a damaged segment to
// another of the same name but for the salt, whose low 16 bits are then 0x5a1f.
//
// # Block
//
// A block is what was written at once:
//
//	head | body | zeros | head again | length of head, uint32 | "RVbE"
//
// The head is there twice, in different sectors if the block has more than one,
// so that the ids of its entries are known when any one sector is damaged. A head is
//
//	offset size
//	     0    4  "RVb1"
//	     4    4  checksum of salt, offset of the block in the file (both uint64) and bytes 8 to 96 of the head
//	     8    4  length of the head, at most 256 KiB
//	    12    4  length of the body, at most 11 MiB and 1 KiB
//	    16    4  length of the body when inflated, at most the same and 16 times the size of the block
//	    20    4  checksum of salt, offset and directory
//	    24    4  checksum of salt, offset and body
//	    28    4  flags: bit 0: the body is deflated (RFC 1951). A block with other bits set cannot be read
//	    32    4  span: positions that the block covers, at most 2^20
//	    36    4  entries in the block, at most the span
//	    40    8  position of the first entry
//	    48    8  before: entries in all blocks written before this one
//	    56    8  durable: entries that were on stable storage when this was written
//	    64    8  acked: all entries below this position were finished
//	    72    8  prev: FIRST of the segment that was written before; 0: none is known
//	    80    8  clock: ms that the buffer has been open, over all openings, when the newest entry was put
//	    88    8  wall clock when it was written, Unix ms; may be wrong
//	    96       directory
//
// The fixed part has a checksum of its own, so that a length is known to be
// meant before so much is read.
//
// The directory lists what the entries may refer to, and the devices. First come
// uvarint the number of documents and 8 bytes for each, its fingerprint. Then comes
// uvarint the number of devices, and for each its boot: uvarint how many new boots
// ago it was given, 1 being the latest, or 0 and 8 bytes, a new one; uvarint length
// of the name, name, uvarint number of runs, and for each run of sequence numbers
// uvarint first minus the last of the run before (0), uvarint length. A document is
// kept as long as a block lists it.
//
// The inflated body lists the entries in order: uvarint number of the device in
// the directory, from 1, uvarint length, data. The sequence number is the next of
// that device's runs. The number 0 stands for positions that hold nothing and is
// followed by uvarint how many.
//
// # Cursor
//
// A slot is 68 bytes, then zeros up to 4 KiB; that of the higher generation counts:
//
//	offset size
//	     0    4  "RVc1"
//	     4    4  checksum of the slot from byte 8 to 68
//	     8    8  generation; odd ones are in the second slot
//	    16    8  next: positions below were used
//	    24    8  acked, as in a block
//	    32    8  written: entries in all blocks so far that are durable
//	    40    8  clock, as in a block
//	    48    8  wall clock, as in a block
//	    56    8  the latest time that somebody vouched for, Unix ms; 0: none
//	    64    4  low half of the salt of the segment that "written" ends in; 0: none
//
// # Recovery
//
// The truth is what the blocks say. A block whose checksums fail is damaged: if it
// lies before the highest "durable" found in any head or cursor it was stored and
// is now lost, and "before" of its neighbours tells how many entries that are; if
// not it is a write that was cut short, of entries nobody was told were stored.
// What follows is read either way. An entry keeps the boot that its block gives it,
// wherever the directory has been meanwhile, and what is put later has another:
// nothing that is read decides over the ids of what is to come.
//
// A directory may come from anywhere. What reading it costs is bounded by what is
// in it: see [Blocks] and [Load].
package spool
