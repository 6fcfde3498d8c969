package kpl

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/rivulet-iot/rivulet/internal/md5sum"
)

// DefaultLimit is the number of records, and of keys, that Parse accepts if
// [Limits] does not say otherwise: over what 1.5 MiB can hold. (A user record
// takes 6 bytes at least.)
const DefaultLimit = 1 << 18

// Limits bounds what Parse allocates. A UserRecord takes up to 56 bytes of
// memory and a key 16, besides the key's characters.
type Limits struct {
	Records int // most user records; 0: DefaultLimit
	Keys    int // most entries in each of the two key tables; 0: DefaultLimit
}

// Looks reports whether data is an aggregated record: it starts with the magic
// and ends with the MD5 of what is between, which is not empty. Data that
// starts with the magic by chance does not pass.
func Looks(data []byte) bool {
	return bytes.HasPrefix(data, []byte(Magic)) && len(data) > Overhead && sumOK(data)
}

func sumOK(data []byte) bool {
	tail := len(data) - md5sum.Size
	return md5sum.Sum(data[len(Magic):tail]) == [md5sum.Size]byte(data[tail:])
}

// Parse returns the user records of an aggregate, in order; the position of a
// record is its sub-sequence number. Each Data aliases data: copy what must
// outlive it. Key strings are copies.
//
// Parse gives all records or an [Error], never a part. It is strict about what
// would lose or misroute a record, where other readers differ: the MD5, missing
// fields, indexes outside of their table, known fields of another wire type, key
// strings that are not UTF-8. As protobuf asks, fields may be in any order, of
// a field that repeats against the schema the last one counts, and unknown
// fields are skipped. Tags are checked and dropped. An explicit hash key that
// is empty counts as none; whether it is a number is not checked.
func Parse(data []byte, limits Limits) ([]UserRecord, error) {
	switch {
	case !bytes.HasPrefix(data, []byte(Magic)):
		return nil, &Error{ErrNotAggregated, 0, "no magic F3 89 9A C2"}
	case len(data) <= Overhead:
		return nil, &Error{ErrNotAggregated, 0, fmt.Sprintf("%d bytes, want over %d", len(data), Overhead)}
	case !sumOK(data):
		return nil, &Error{ErrChecksum, len(data) - md5sum.Size, "data is damaged, or no aggregate"}
	}
	p := parser{body: scanner{data, len(Magic), len(data) - md5sum.Size}}
	if err := p.count(limits); err != nil {
		return nil, err
	}
	// The counts are of entries that are really there, so data's own length
	// bounds what is allocated here, and the limits do.
	if err := p.tables(); err != nil {
		return nil, err
	}
	return p.records()
}

type parser struct {
	body scanner // at the start of the AggregatedRecord; copied to walk it

	nKeys, nHashKeys, nRecords int
	keys, hashKeys             []string
}

// Field numbers of AggregatedRecord.
const (
	fieldKey     = 1
	fieldHashKey = 2
	fieldRecord  = 3
)

// count checks the outer structure and counts records and keys.
func (p *parser) count(limits Limits) error {
	for s := p.body; ; {
		f, ok, err := s.next()
		if !ok || err != nil {
			return err
		}
		var n *int
		var what string
		limit := limits.Keys
		switch f.number {
		case fieldKey:
			n, what = &p.nKeys, "partition keys"
		case fieldHashKey:
			n, what = &p.nHashKeys, "explicit hash keys"
		case fieldRecord:
			n, what, limit = &p.nRecords, "records", limits.Records
		default:
			continue
		}
		if f.wire != wireLen {
			return malformed(f.offset, "%s have wire type %d, want %d", what, f.wire, wireLen)
		}
		if limit <= 0 {
			limit = DefaultLimit
		}
		if *n++; *n > limit {
			return &Error{ErrLimit, f.offset, fmt.Sprintf("more than %d %s", limit, what)}
		}
	}
}

// tables collects the two key tables, which may stand behind the records.
func (p *parser) tables() error {
	p.keys, p.hashKeys = make([]string, 0, p.nKeys), make([]string, 0, p.nHashKeys)
	for s := p.body; ; {
		f, ok, err := s.next()
		if !ok || err != nil {
			return err
		}
		var t *[]string
		var what string
		switch f.number {
		case fieldKey:
			t, what = &p.keys, "partition key"
		case fieldHashKey:
			t, what = &p.hashKeys, "explicit hash key"
		default:
			continue
		}
		key := s.data[f.start:f.end]
		if !utf8.Valid(key) {
			return malformed(f.offset, "%s %d is not valid UTF-8", what, len(*t))
		}
		*t = append(*t, string(key))
	}
}

// records collects the user records, with their keys looked up.
func (p *parser) records() ([]UserRecord, error) {
	records := make([]UserRecord, 0, p.nRecords)
	for s := p.body; ; {
		f, ok, err := s.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return records, nil
		}
		if f.number != fieldRecord {
			continue
		}
		u, err := p.record(f)
		if err != nil {
			if e, ok := err.(*Error); ok {
				e.What = fmt.Sprintf("record %d: %s", len(records), e.What)
			}
			return nil, err
		}
		records = append(records, u)
	}
}

// record reads one Record message.
func (p *parser) record(outer field) (u UserRecord, err error) {
	var hasKey, hasData bool
	for s := (scanner{p.body.data, outer.start, outer.end}); ; {
		f, ok, err := s.next()
		if err != nil {
			return UserRecord{}, err
		}
		if !ok {
			break
		}
		switch f.number {
		case 1: // partition_key_index
			u.PartitionKey, err = lookup(f, "partition key index", p.keys)
			hasKey = true
		case 2: // explicit_hash_key_index
			u.ExplicitHashKey, err = lookup(f, "explicit hash key index", p.hashKeys)
		case 3: // data
			err = wantLen(f, "data")
			// The capacity ends with the data, so that an append by the
			// owner of one record does not write into the next.
			u.Data = s.data[f.start:f.end:f.end]
			hasData = true
		case 4: // tags
			if err = wantLen(f, "tag"); err == nil {
				err = checkTag(scanner{s.data, f.start, f.end}, f.offset)
			}
		}
		if err != nil {
			return UserRecord{}, err
		}
	}
	switch {
	case !hasKey:
		return UserRecord{}, malformed(outer.offset, "no partition key index")
	case !hasData:
		return UserRecord{}, malformed(outer.offset, "no data")
	}
	return u, nil
}

// lookup returns the table entry that the index field f names.
func lookup(f field, what string, table []string) (string, error) {
	if f.wire != wireVarint {
		return "", malformed(f.offset, "%s has wire type %d, want %d", what, f.wire, wireVarint)
	}
	if f.varint >= uint64(len(table)) {
		return "", malformed(f.offset, "%s %d, but the table has %d", what, f.varint, len(table))
	}
	return table[f.varint], nil
}

func wantLen(f field, what string) error {
	if f.wire != wireLen {
		return malformed(f.offset, "%s has wire type %d, want %d", what, f.wire, wireLen)
	}
	return nil
}

// checkTag checks that a Tag message is well-formed and has its key.
func checkTag(s scanner, offset int) error {
	hasKey := false
	for {
		f, ok, err := s.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		switch f.number {
		case 1:
			err, hasKey = wantLen(f, "tag key"), true
		case 2:
			err = wantLen(f, "tag value")
		}
		if err != nil {
			return err
		}
	}
	if !hasKey {
		return malformed(offset, "tag without a key")
	}
	return nil
}
