// Package compress turns batches of records into frames and frames back into
// records. A frame is the data of one Kinesis user record.
//
// A [Codec] names a way of encoding: [None], [Gzip] or [Zstd], which all hold
// record JSON lines. An [Encoder] does it, for one goroutine at a time; it is
// handed a [record.Batch], not bytes, so that a codec may lay records out as it
// likes. [Decode] reads a frame of any codec: a frame tells by its first bytes
// what it is, so nothing else has to be agreed on.
//
//	first bytes    codec   content
//	7B             none    record JSON, one record a line, lines parted by 0A
//	1F 8B          gzip    the same, as gzip (RFC 1952)
//	28 B5 2F FD    zstd    the same, as one Zstandard frame (RFC 8878)
//
// Decoding never writes out more than the limit it is given and reads the
// content as a stream, so a decompression bomb costs a decompressor's window (at
// most 8 MiB, which a hostile zstd frame may ask for) and ends in [ErrTooLarge].
package compress
