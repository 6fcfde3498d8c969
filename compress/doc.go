// Package compress turns batches of records into frames and frames back into
// records. A frame is the data of one Kinesis user record.
//
// A [Codec] names a way of encoding: [Columnar], which is the one to use, or
// [None], [Gzip] and [Zstd], which hold record JSON lines that any tool reads. An
// [Encoder] does it, for one goroutine at a time; it is handed a [record.Batch],
// not bytes, so that a codec may lay records out as it likes. [Decode] reads a
// frame of any codec: a frame tells by its first bytes what it is. Only the schemas
// of columnar frames have to be known to the reader, see [Decoder].
//
//	first bytes    codec   content
//	7B             none    record JSON, one record a line, lines parted by 0A
//	1F 8B          gzip    the same, as gzip (RFC 1952)
//	28 B5 2F FD    zstd    the same, as one Zstandard frame (RFC 8878)
//	D7 52 56       columnar docs/columnar.md
//
// [Sniff] looks at more than these: at some 30 bits, so that other bytes are not
// taken for a damaged frame, nor a damaged frame for other bytes.
//
// A columnar frame takes a quarter to a half of what zstd makes of the same
// records, and less time. Decoders for other languages: backend/python, and the
// test vectors in testdata/columnar.
//
// Decoding never writes out more than the limit it is given and reads the
// content as a stream, so a decompression bomb costs a decompressor's window (at
// most 8 MiB, which a hostile zstd frame may ask for) and ends in [ErrTooLarge].
// Many small records are bounded by [Decoder].MaxRecords.
package compress
