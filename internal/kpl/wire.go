package kpl

import (
	"errors"
	"fmt"
)

// Protobuf wire types.
//
// https://protobuf.dev/programming-guides/encoding/
const (
	wireVarint     = 0
	wireFixed64    = 1
	wireLen        = 2
	wireGroupStart = 3
	wireGroupEnd   = 4
	wireFixed32    = 5
)

// maxGroupDepth is how deep unknown groups may nest; other protobuf decoders
// have 100 as their limit, too.
const maxGroupDepth = 100

// Kinds of [Error], to be tested with [errors.Is].
var (
	// ErrNotAggregated: no magic, or too short to be an aggregate.
	ErrNotAggregated = errors.New("not an aggregated record")
	// ErrChecksum: the MD5 at the end is not that of the protobuf. The KCL
	// takes such data for a plain record that happens to start with the magic.
	ErrChecksum = errors.New("MD5 mismatch")
	// ErrMalformed: the MD5 is right, but the protobuf in it is not.
	ErrMalformed = errors.New("malformed")
	// ErrLimit: more records or keys than the [Limits] allow.
	ErrLimit = errors.New("over the limit")
)

// Error is an error of [Parse].
type Error struct {
	Kind   error  // ErrNotAggregated, ErrChecksum, ErrMalformed or ErrLimit
	Offset int    // in the data given to Parse, of the field at fault
	What   string // which field, and what is wrong with it
}

// Error returns for example "kpl: malformed at offset 7: record 0: no data".
func (e *Error) Error() string {
	return fmt.Sprintf("kpl: %v at offset %d: %s", e.Kind, e.Offset, e.What)
}

// Unwrap returns the Kind.
func (e *Error) Unwrap() error { return e.Kind }

func malformed(offset int, format string, args ...any) error {
	return &Error{ErrMalformed, offset, fmt.Sprintf(format, args...)}
}

// field is one field of a message: its number and wire type, where it starts
// in the whole data, and its value.
type field struct {
	number uint64
	wire   byte
	offset int
	varint uint64 // if wire is wireVarint
	start  int    // if wire is wireLen: data[start:end]
	end    int
}

// scanner walks over the fields of the message in data[pos:end].
type scanner struct {
	data     []byte
	pos, end int
}

// next reads the next field, or reports false at the end of the message.
// Values of groups and fixed-width fields are skipped: no field that the
// format knows has one.
func (s *scanner) next() (f field, ok bool, err error) {
	if s.pos == s.end {
		return field{}, false, nil
	}
	if err := s.tag(&f); err != nil {
		return field{}, false, err
	}
	if f.wire == wireGroupEnd {
		return field{}, false, malformed(f.offset, "end of group %d without a start", f.number)
	}
	if err := s.value(&f, 0); err != nil {
		return field{}, false, err
	}
	return f, true, nil
}

// tag reads the tag of a field.
func (s *scanner) tag(f *field) error {
	f.offset = s.pos
	tag, err := s.varint("tag")
	if err != nil {
		return err
	}
	f.number, f.wire = tag>>3, byte(tag&7)
	if f.number == 0 || f.number > 1<<29-1 {
		return malformed(f.offset, "field number %d, want 1 to 536870911", f.number)
	}
	return nil
}

// value reads, or skips, the value that follows the tag of f.
func (s *scanner) value(f *field, depth int) (err error) {
	switch f.wire {
	case wireVarint:
		f.varint, err = s.varint("value")
		return err
	case wireFixed64:
		return s.skip(f, 8)
	case wireFixed32:
		return s.skip(f, 4)
	case wireLen:
		n, err := s.varint("length")
		if err != nil {
			return err
		}
		f.start = s.pos
		if err := s.skip(f, n); err != nil {
			return err
		}
		f.end = s.pos
		return nil
	case wireGroupStart:
		if depth == maxGroupDepth {
			return malformed(f.offset, "groups nest over %d deep", maxGroupDepth)
		}
		for s.pos < s.end {
			var in field
			if err := s.tag(&in); err != nil {
				return err
			}
			if in.wire == wireGroupEnd {
				if in.number != f.number {
					return malformed(in.offset, "end of group %d inside group %d", in.number, f.number)
				}
				return nil
			}
			if err := s.value(&in, depth+1); err != nil {
				return err
			}
		}
		return malformed(f.offset, "group %d has no end", f.number)
	}
	return malformed(f.offset, "field %d has wire type %d, which does not exist", f.number, f.wire)
}

// skip moves over n bytes of the value of f.
func (s *scanner) skip(f *field, n uint64) error {
	if left := s.end - s.pos; n > uint64(left) {
		return malformed(f.offset, "field %d is %d bytes long, but %d are left", f.number, n, left)
	}
	s.pos += int(n)
	return nil
}

// varint reads a varint. Like all protobuf decoders it accepts one padded with
// zero bits, as long as it has at most 10 bytes.
func (s *scanner) varint(what string) (v uint64, err error) {
	start := s.pos
	for shift := uint(0); ; shift += 7 {
		if s.pos == s.end {
			return 0, malformed(start, "%s is cut short", what)
		}
		c := s.data[s.pos]
		s.pos++
		if shift == 63 && c > 1 {
			return 0, malformed(start, "%s does not fit 64 bits", what)
		}
		v |= uint64(c&0x7F) << shift
		if c < 0x80 {
			return v, nil
		}
	}
}
