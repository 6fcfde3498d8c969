// Package decode turns the data of Kinesis records back into records: it looks
// into aggregates, decompresses, parses record JSON and drops duplicates.
//
// Give [Decoder.Decode] the data and the partition key of each Kinesis record.
// It calls back for everything that is in there, in order, with an [Item]: a
// record, a user record that is opaque, or one that is damaged. Ask
// [Dedup.Seen] about each record's id, since producers send again what they got
// no answer for:
//
//	var dec decode.Decoder
//	var seen decode.Dedup
//	err := dec.Decode(kinesisRecord.Data, partitionKey, func(it decode.Item) error {
//		switch it.Kind {
//		case decode.Record:
//			if seen.Seen(it.Record.ID) {
//				return nil
//			}
//			err := store(it.Record)
//			if err != nil {
//				seen.Forget(it.Record.ID) // or the next attempt would drop it
//			}
//			return err
//		default: // decode.Opaque, decode.Damaged
//			return deadLetter(it.Data, it.Err)
//		}
//	})
//
// # What is what
//
// The first bytes of the data tell, see package compress for those of frames:
//
//	F3 89 9A C2    an aggregate of the KPL, whoever wrote it: user records
//	a frame's      records
//	any other      opaque, for this package has no opinion on it
//
// What is an aggregate or a frame and isn't a good one is Damaged, never opaque,
// even if it lost its end or has a bit wrong in its first bytes. Some 30 bits say
// that it is one (see compress.Sniff), so that other data is not taken for it. JSON,
// gzip and zstd are everybody's: what is whole and isn't record JSON is opaque,
// with the parser's complaint in Item.Err, unless it looks like record JSON that was
// damaged. An aggregate is looked for in the data of a Kinesis record only: a user
// record that looks like one is opaque.
//
// # Hostile data
//
// Whatever the data, there is no panic, and with the default limits less than 32
// MiB of memory is in use: a decompressor's window of at most 8 MiB, a line of
// at most 1 MiB, 80 bytes for each user record, and what is garbage already.
// Time is bounded by Decoder.MaxBytes and Decoder.MaxRecords, some ten seconds at
// worst with the default limits; an error of the callback ends it at once.
package decode
