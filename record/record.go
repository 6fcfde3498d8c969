package record

import (
	"strconv"
	"time"
)

// Limits of one record. They keep a row far below the Kinesis record limit (1
// MiB unless the stream says more) even when JSON escapes every byte of it.
const (
	MaxRowBytes  = 128 << 10 // of an encoded row
	MaxReadings  = 512       // in a record, and fields in a schema
	MaxMeta      = 64        // metadata pairs in a record
	MaxNameBytes = 128       // of a reading's or a metadata name, in bytes
	MaxDevice    = 128       // characters of a device id, as of an AWS IoT thing name
)

// ID names a record for ever: the device, the boot, and the record's number of that
// device since that boot, from 1. A consumer drops what comes twice by it. Boot is
// 64 random bits that each opening of a buffer draws afresh, so that no directory
// that was wiped, restored or copied, and no second gateway, can give an id again.
type ID struct {
	Device string // 1 to 128 characters
	Boot   uint64 // of the opening of the buffer that numbered it; 0 in a record without id
	Seq    uint64 // from 1
}

// String returns "device/boot/seq", the boot as [FormatBoot] writes it.
func (id ID) String() string {
	b := make([]byte, 0, len(id.Device)+40)
	b = append(b, id.Device...)
	b = append(b, '/')
	b = AppendBoot(b, id.Boot)
	b = append(b, '/')
	b = strconv.AppendUint(b, id.Seq, 10)
	return string(b)
}

// Reading is one sensor's value in a record.
type Reading struct {
	Name  string // 1 to 128 bytes
	Value Value  // of any kind
}

// Meta is one pair of a record's metadata: what describes the observation
// without being measured, such as a site or a firmware version.
type Meta struct {
	Name, Value string // UTF-8; a name has 1 to 128 bytes
}

// Record is one observation of one device, in its dynamic form.
//
// As input to a producer, the zero values mean: Device "" is the producer's
// own, Boot and Seq are assigned by it, Time is stamped by it, Schema "" is the
// producer's schema if the producer has one, else none. Readings keep their
// order; a name may come once.
type Record struct {
	ID       ID        // Boot and Seq are ignored as input
	Time     time.Time // kept to the millisecond
	Schema   string    // a schema's Ref, such as "env/1"; "" for none
	Meta     []Meta    // at most 64
	Readings []Reading // at most 512
}

// Get returns the reading of that name.
func (r *Record) Get(name string) (Value, bool) {
	for i := range r.Readings {
		if r.Readings[i].Name == name {
			return r.Readings[i].Value, true
		}
	}
	return Value{}, false
}

// What a record, and each of its readings, counts in [Record.Size] beside the bytes
// of its strings.
const (
	BaseSize    = 64 // of a record
	ReadingSize = 16 // of a reading
)

// Size is about how many bytes r takes as record JSON: what a frame's decoder
// counts it as against its limit.
func (r *Record) Size() int64 {
	n := BaseSize + len(r.ID.Device)
	for i := range r.Meta {
		n += len(r.Meta[i].Name) + len(r.Meta[i].Value)
	}
	for i := range r.Readings {
		n += ReadingSize + len(r.Readings[i].Name) + len(r.Readings[i].Value.str)
	}
	return int64(n)
}

// Clone returns a copy that shares no memory with r. What a [Decoder] or a
// frame reader yields is valid only until its next step; clone what you keep.
func (r *Record) Clone() Record {
	c := *r
	c.ID.Device = clone(r.ID.Device)
	c.Schema = clone(r.Schema)
	c.Meta = make([]Meta, len(r.Meta))
	for i, m := range r.Meta {
		c.Meta[i] = Meta{clone(m.Name), clone(m.Value)}
	}
	c.Readings = make([]Reading, len(r.Readings))
	for i, rd := range r.Readings {
		c.Readings[i] = Reading{clone(rd.Name), rd.Value.clone()}
	}
	return c
}

// reset empties r and keeps its slices for reuse.
func (r *Record) reset() {
	*r = Record{Meta: r.Meta[:0], Readings: r.Readings[:0]}
}
