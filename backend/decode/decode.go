package decode

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/record"
)

// Decoder decodes the data of Kinesis records. Its zero value is ready to use.
// It is for one goroutine at a time.
type Decoder struct {
	// Schemas are those of the records to come: a columnar frame names its schema
	// by a fingerprint only. Frames of records without a schema need none.
	Schemas []*record.Schema
	// MaxBytes is how many bytes all the user records of one Kinesis record may
	// decompress to together, as compress.Decode counts them. One half is shared out
	// by their lengths; of the other each may take a half of what those before it
	// left: what repeats compresses very well, and a bomb leaves something to the rest.
	// Default: 1 GiB for all, and 64 MiB for each, which is about 250,000 records of
	// seven readings; only one is in memory at a time.
	MaxBytes int64
	// MaxUserRecords is the most user records that an aggregate may have, and
	// the most partition keys. Default: 65,536, which is 1 MiB of 16-byte ones.
	MaxUserRecords int
	// MaxRecords is how many records all the user records of one Kinesis record may
	// have together; of what those before it left, each may have a half. Records that
	// repeat take next to no bytes, so those of 1 MiB could take a minute to read.
	// Default: 2,097,152; a producer with 64 MiB of memory makes at most 900,000 of
	// a Kinesis record, and 30,000 of a frame.
	MaxRecords int64
	// Marks, if not nil, is called with each mark of a frame, behind its records: how
	// far a device's records are complete. It is valid only during the call.
	Marks func(compress.Mark)
}

const (
	defaultBytes   = 1 << 30
	defaultUsers   = 1 << 16
	defaultRecords = 2 << 20
)

// Kind tells what an [Item] is.
type Kind uint8

// The kinds.
const (
	Record  Kind = iota // a record out of a frame
	Opaque              // a user record that is no frame: someone's own bytes
	Damaged             // a user record, or a whole aggregate, that can't be read to its end
)

// String returns "record", "opaque" or "damaged".
func (k Kind) String() string {
	return [...]string{"record", "opaque", "damaged", "unknown"}[min(int(k), 3)]
}

// Item is what Decode hands out. All of it is valid only during the call, and
// nothing of it may be changed: Data is part of the data given to Decode. To keep
// a record, Clone it.
type Item struct {
	Kind Kind // which of the fields below are set
	// Record is the record, nil unless Kind is Record.
	Record *record.Record
	// Data is the user record as it was put, which for a record is the frame
	// that it came in. It is the whole data when an aggregate is damaged.
	Data []byte
	// PartitionKey and ExplicitHashKey are those of the user record. The latter
	// is "" if it had none, and outside of aggregates: Kinesis doesn't tell it.
	PartitionKey    string
	ExplicitHashKey string
	// Index is the position of the user record in its aggregate, from 0: what
	// the KCL calls sub-sequence number. It is 0 outside of aggregates and -1
	// for a damaged aggregate.
	Index int
	// Err is an [Error]: what is wrong with what is Damaged, or why Opaque JSON, gzip
	// or zstd isn't record JSON. Otherwise it is nil.
	Err error
}

// Decode calls fn with everything in data, which is that of one Kinesis record,
// in the order it was put: each record, each opaque user record, and each
// damaged one. A frame damaged in the middle gives its records up to there and
// then a Damaged item, so that storing the records and its Data as a dead letter
// loses nothing; other user records of the aggregate are not affected. An error
// of fn ends Decode, which returns it as it is; Decode has no errors of its own.
func (d *Decoder) Decode(data []byte, partitionKey string, fn func(Item) error) error {
	budget, most := d.MaxBytes, d.MaxBytes
	if budget <= 0 {
		budget, most = defaultBytes, compress.DefaultLimit
	}
	records := d.MaxRecords
	if records <= 0 {
		records = defaultRecords
	}
	if !bytes.HasPrefix(data, []byte(kpl.Magic)) {
		_, err := d.userRecord(Item{Data: data, PartitionKey: partitionKey}, limits{most, records}, fn)
		return err
	}
	mostUsers := d.MaxUserRecords
	if mostUsers <= 0 {
		mostUsers = defaultUsers
	}
	users, err := kpl.Parse(data, kpl.Limits{Records: mostUsers, Keys: mostUsers})
	if err == nil && len(users) == 0 {
		err = errors.New("there is no user record in it")
	}
	if err != nil {
		it := Item{Data: data, PartitionKey: partitionKey, Index: -1}
		reason := ErrAggregate
		if errors.Is(err, kpl.ErrLimit) {
			reason = ErrTooLarge
		}
		return damaged(it, reason, 0, err, fn)
	}
	total := 1
	for i := range users {
		total += len(users[i].Data)
	}
	shares, left := budget/2, budget/2
	for i := range users {
		u := &users[i]
		it := Item{Data: u.Data, PartitionKey: u.PartitionKey, ExplicitHashKey: u.ExplicitHashKey, Index: i}
		share := float64(shares) / float64(total) * float64(len(u.Data))
		used, err := d.userRecord(it, limits{min(max(int64(share), left/2), most), max(records/2, 1)}, fn)
		if err != nil {
			return err
		}
		left = max(left-used.bytes, 0)
		records -= used.records
	}
	return nil
}

// limits are what a user record may come to, or came to.
type limits struct{ bytes, records int64 }

// userRecord hands out what is in it.Data, and returns about how much that was. It
// never looks for an aggregate: one that is in an aggregate, or in a frame's place,
// is somebody's own data.
func (d *Decoder) userRecord(it Item, most limits, fn func(Item) error) (used limits, err error) {
	if compress.Sniff(it.Data) == compress.Unknown {
		it.Kind = Opaque
		return used, fn(it)
	}
	var stop error // of fn
	// As many bytes as are here already are no bomb; and a limit of 0 would mean the default.
	most.bytes = max(most.bytes, int64(len(it.Data)), 1)
	frames := compress.Decoder{Schemas: d.Schemas, MaxBytes: most.bytes, MaxRecords: most.records, Marks: d.Marks}
	err = frames.Decode(it.Data, func(r *record.Record) error {
		of := it
		of.Kind, of.Record = Record, r
		stop = fn(of)
		used.records++
		used.bytes += r.Size()
		return stop
	})
	records := int(used.records)
	if err == nil && records == 0 {
		err = errors.New("there is no record in it")
	}
	switch {
	case stop != nil:
		return used, stop
	case err == nil:
		return used, nil
	case errors.Is(err, compress.ErrTooLarge):
		return most, damaged(it, ErrTooLarge, records, err, fn)
	case errors.Is(err, compress.ErrSchema):
		return limits{}, damaged(it, ErrSchema, records, err, fn)
	case errors.Is(err, compress.ErrNotRecords):
		it.Kind = Opaque
		it.Err = &Error{Reason: ErrNotRecord, Index: it.Index, PartitionKey: it.PartitionKey, Cause: err}
		return used, fn(it)
	}
	return used, damaged(it, ErrFrame, records, err, fn)
}

func damaged(it Item, reason error, records int, cause error, fn func(Item) error) error {
	it.Kind = Damaged
	it.Err = &Error{Reason: reason, Index: it.Index, PartitionKey: it.PartitionKey, Records: records, Cause: cause}
	return fn(it)
}

// Reasons of an [Error], to be told apart with errors.Is.
var (
	// ErrAggregate: the aggregate is damaged.
	ErrAggregate = errors.New("damaged aggregate")
	// ErrFrame: the frame is truncated, fails its checksum, or holds something
	// other than record JSON.
	ErrFrame = errors.New("damaged frame")
	// ErrTooLarge: a limit of the Decoder is exceeded.
	ErrTooLarge = errors.New("over the limit")
	// ErrSchema: the records are of a schema that is not among Decoder.Schemas.
	// Nothing is wrong with the frame: with the schema it can be decoded.
	ErrSchema = errors.New("unknown schema")
	// ErrNotRecord: it is JSON, gzip or zstd, and opaque: there are no records in it.
	ErrNotRecord = errors.New("not record JSON")
)

// Error says what is wrong with one user record.
type Error struct {
	Reason       error  // ErrAggregate, ErrFrame, ErrTooLarge, ErrSchema or ErrNotRecord
	Index        int    // as in Item
	PartitionKey string // likewise
	Records      int    // how many records of the frame were handed out before
	Cause        error  // the details
}

// Error returns for example `user record 3 with key "pi-7f3a", after 12 records:
// compress: damaged frame: gzip: invalid checksum`.
func (e *Error) Error() string {
	where := fmt.Sprintf("user record %d", e.Index)
	if e.Index < 0 {
		where = "aggregate"
	}
	const most = 64
	key, more := e.PartitionKey, ""
	if len(key) > most {
		key, more = key[:most], "…"
	}
	where += fmt.Sprintf(" with key %q%s", key, more)
	if e.Records > 0 {
		where += fmt.Sprintf(", after %d records", e.Records)
	}
	return fmt.Sprintf("%s: %v", where, e.Cause)
}

// Unwrap returns Reason and Cause.
func (e *Error) Unwrap() []error { return []error{e.Reason, e.Cause} }
