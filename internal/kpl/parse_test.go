package kpl

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pieces of a body: key "k", and its record with data "hi".
const (
	keyK  = "\x0A\x01k"
	recHi = "\x1A\x06\x08\x00\x1A\x02hi"
)

var badBodies = []struct {
	name, body string
	kind       error
	offset     int // in the body
	what       string
}{
	{"tag cut short", keyK + "\x80", ErrMalformed, 3, "tag is cut short"},
	{"tag of 11 bytes", strings.Repeat("\x80", 10) + "\x01", ErrMalformed, 0, "tag does not fit 64 bits"},
	{"tag over 64 bits", strings.Repeat("\xFF", 9) + "\x02", ErrMalformed, 0, "tag does not fit 64 bits"},
	{"field number 0", "\x02\x00", ErrMalformed, 0, "field number 0"},
	{"field number over 29 bits", "\x80\x80\x80\x80\x10", ErrMalformed, 0, "field number 536870912"},
	{"length cut short", "\x0A\xFF", ErrMalformed, 1, "length is cut short"},
	{"key beyond the end", "\x0A\x02k", ErrMalformed, 0, "field 1 is 2 bytes long, but 1 are left"},
	{"length of 2^63", keyK + "\x1A\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", ErrMalformed, 3, "is 9223372036854775808 bytes long, but 0 are left"},
	{"length of 2^32", keyK + "\x1A\x80\x80\x80\x80\x10", ErrMalformed, 3, "is 4294967296 bytes long"},
	{"unknown fixed64 cut short", "\x29\x01\x02", ErrMalformed, 0, "field 5 is 8 bytes long, but 2 are left"},
	{"unknown fixed32 cut short", "\x2D\x01\x02", ErrMalformed, 0, "field 5 is 4 bytes long, but 2 are left"},
	{"wire type 6", "\x2E", ErrMalformed, 0, "wire type 6"},
	{"wire type 7", "\x2F", ErrMalformed, 0, "wire type 7"},
	{"group end alone", "\x2C", ErrMalformed, 0, "end of group 5 without a start"},
	{"group without end", "\x2B\x08\x01", ErrMalformed, 0, "group 5 has no end"},
	{"group with wrong end", "\x2B\x34", ErrMalformed, 1, "end of group 6 inside group 5"},
	{"deep groups", strings.Repeat("\x2B", 200) + strings.Repeat("\x2C", 200), ErrMalformed, 100, "over 100 deep"},
	{"varint key table", "\x08\x01", ErrMalformed, 0, "partition keys have wire type 0, want 2"},
	{"fixed32 hash key table", "\x15\x01\x02\x03\x04", ErrMalformed, 0, "explicit hash keys have wire type 5"},
	{"varint records", "\x18\x01", ErrMalformed, 0, "records have wire type 0"},
	{"key not UTF-8", "\x0A\x01\xFF", ErrMalformed, 0, "partition key 0 is not valid UTF-8"},
	{"hash key not UTF-8", "\x12\x011\x12\x01\xFF", ErrMalformed, 3, "explicit hash key 1 is not valid UTF-8"},
	{"no index", keyK + "\x1A\x04\x1A\x02hi", ErrMalformed, 3, "record 0: no partition key index"},
	{"no data", keyK + recHi + "\x1A\x02\x08\x00", ErrMalformed, 11, "record 1: no data"},
	{"empty record", keyK + "\x1A\x00", ErrMalformed, 3, "record 0: no partition key index"},
	{"index outside", keyK + "\x1A\x06\x08\x01\x1A\x02hi", ErrMalformed, 5, "record 0: partition key index 1, but the table has 1"},
	{"index without table", recHi, ErrMalformed, 2, "partition key index 0, but the table has 0"},
	{"index of 2^64-1", keyK + "\x1A\x0F\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x1A\x02hi", ErrMalformed, 5, "index 18446744073709551615"},
	{"hash index outside", keyK + "\x1A\x08\x08\x00\x10\x00\x1A\x02hi", ErrMalformed, 7, "explicit hash key index 0, but the table has 0"},
	{"index of bytes", keyK + "\x1A\x07\x0A\x01\x00\x1A\x02hi", ErrMalformed, 5, "partition key index has wire type 2"},
	{"data of varint", keyK + "\x1A\x04\x08\x00\x18\x00", ErrMalformed, 7, "data has wire type 0"},
	{"data beyond the record", keyK + "\x1A\x06\x08\x00\x1A\x03hi" + keyK, ErrMalformed, 7, "field 3 is 3 bytes long, but 2 are left"},
	{"index beyond the record", keyK + "\x1A\x02\x08\x80" + keyK, ErrMalformed, 6, "value is cut short"},
	{"tag of varint", keyK + "\x1A\x08\x08\x00\x1A\x02hi\x20\x00", ErrMalformed, 11, "tag has wire type 0"},
	{"tag without key", keyK + "\x1A\x08\x08\x00\x1A\x02hi\x22\x00", ErrMalformed, 11, "tag without a key"},
	{"tag key of varint", keyK + "\x1A\x0A\x08\x00\x1A\x02hi\x22\x02\x08\x00", ErrMalformed, 13, "tag key has wire type 0"},
	{"tag value of varint", keyK + "\x1A\x0C\x08\x00\x1A\x02hi\x22\x04\x0A\x00\x10\x00", ErrMalformed, 15, "tag value has wire type 0"},
	{"tag malformed", keyK + "\x1A\x0A\x08\x00\x1A\x02hi\x22\x02\x0A\x05", ErrMalformed, 13, "field 1 is 5 bytes long, but 0 are left"},
	{"too many records", keyK + recHi + recHi + recHi, ErrLimit, 19, "more than 2 records"},
	{"too many keys", keyK + keyK + keyK + keyK, ErrLimit, 9, "more than 3 partition keys"},
	{"too many hash keys", strings.Repeat("\x12\x011", 4), ErrLimit, 9, "more than 3 explicit hash keys"},
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range badBodies {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Parse(seal([]byte(tc.body)), Limits{Records: 2, Keys: 3})
			require.Nil(t, got)
			require.ErrorIs(t, err, tc.kind)
			require.ErrorContains(t, err, tc.what)
			var e *Error
			require.True(t, errors.As(err, &e))
			require.Equal(t, tc.offset+len(Magic), e.Offset, err)
		})
	}
}

func TestParseAcceptsWhatProtobufAllows(t *testing.T) {
	hi := []UserRecord{{PartitionKey: "k", Data: []byte("hi")}}
	for name, body := range map[string]string{
		"records first":        recHi + keyK,
		"data before index":    keyK + "\x1A\x06\x1A\x02hi\x08\x00",
		"padded varints":       "\x8A\x80\x00\x81\x80\x80\x00k\x1A\x88\x00\x08\x80\x80\x00\x1A\x02hi",
		"last index counts":    keyK + "\x0A\x01l\x1A\x08\x08\x01\x08\x00\x1A\x02hi",
		"last data counts":     keyK + "\x1A\x09\x08\x00\x1A\x01x\x1A\x02hi",
		"unknown outer fields": "\x28\x96\x01\x31\x01\x02\x03\x04\x05\x06\x07\x08" + keyK + "\x3A\x03abc\x45\x01\x02\x03\x04" + recHi + "\x4B\x08\x01\x53\x54\x4C",
		"unknown inner fields": keyK + "\x1A\x0B\x28\x01\x08\x00\x32\x01x\x1A\x02hi",
		"unknown fields named as known ones, in a group": keyK + "\x2B\x1A\x01x\x0A\x01y\x2C" + recHi,
		"tag":                  keyK + "\x1A\x0E\x08\x00\x1A\x02hi\x22\x06\x0A\x01a\x12\x01b",
		"largest field number": "\xF8\xFF\xFF\xFF\x0F\x01" + keyK + recHi,
	} {
		got, err := Parse(seal([]byte(body)), Limits{})
		require.NoError(t, err, name)
		require.Equal(t, hi, got, name)
	}
	got, err := Parse(seal([]byte(keyK)), Limits{})
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestLooks(t *testing.T) {
	good := seal([]byte(keyK + recHi))
	require.True(t, Looks(good))
	for name, data := range map[string][]byte{
		"nil": nil, "magic": []byte(Magic), "no body": seal(nil), "short": good[:20], "cut": good[:len(good)-1],
		"longer": append(bytes.Clone(good), 0), "json": []byte(`{"device_id":"pi-7f3a","readings":{}}`),
	} {
		require.False(t, Looks(data), name)
		_, err := Parse(data, Limits{})
		require.Error(t, err, name)
		require.True(t, errors.Is(err, ErrNotAggregated) || errors.Is(err, ErrChecksum), name)
	}
}

// No single flipped bit and no cut gives records: the MD5, or the magic, tells.
func TestDamageNeverGivesRecords(t *testing.T) {
	one := build(t, randomRecords(rand.New(rand.NewPCG(4, 4)), true)[:1])
	three := build(t, []UserRecord{{"a", "1", []byte("one")}, {"b", "2", []byte("two")}, {"a", "1", []byte("three")}})
	for _, data := range [][]byte{three, one} {
		for bit := range len(data) * 8 {
			data[bit/8] ^= 1 << (bit % 8)
			got, err := Parse(data, Limits{})
			if got != nil || err == nil || Looks(data) {
				t.Fatalf("bit %d flipped: %v, %v", bit, got, err)
			}
			data[bit/8] ^= 1 << (bit % 8)
		}
		for n := range data {
			_, err := Parse(data[:n], Limits{})
			require.Error(t, err)
		}
		_, err := Parse(data, Limits{})
		require.NoError(t, err)
	}
}

// With the MD5 made good again, damage must give an error or records, but no
// panic, and never data from outside of the aggregate.
func TestResealedDamageStaysInside(t *testing.T) {
	good := build(t, []UserRecord{{"a", "1", []byte("one")}, {"b", "2", []byte("two")}, {"a", "1", []byte("three")}})
	body := good[len(Magic) : len(good)-16]
	for i := range body {
		for v := range 256 {
			bad := bytes.Clone(body)
			bad[i] = byte(v)
			got, err := Parse(seal(bad), Limits{})
			require.True(t, err == nil || got == nil)
			total := 0
			for _, u := range got {
				total += len(u.Data)
			}
			require.LessOrEqual(t, total, len(body))
		}
	}
}

func TestParseAliasesData(t *testing.T) {
	data := seal([]byte(keyK + recHi + recHi))
	got, err := Parse(data, Limits{})
	require.NoError(t, err)
	_ = append(got[0].Data, "overwritten"...)
	require.Equal(t, "hi", string(got[1].Data))
	copy(got[0].Data, "HI")
	require.True(t, bytes.Contains(data, []byte("HI")))
	require.False(t, Looks(data))
}

func TestParseAllocatesByWhatIsThere(t *testing.T) {
	used := func(body []byte) uint64 {
		data := seal(body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse(data, Limits{})
		runtime.ReadMemStats(&after)
		require.Error(t, err)
		return after.TotalAlloc - before.TotalAlloc
	}
	require.Less(t, used([]byte(keyK+"\x1A\xFF\xFF\xFF\xFF\x07")), uint64(64<<10), "length of 2 GB")
	require.Less(t, used(bytes.Repeat([]byte("\x1A\x00"), 5<<20)), uint64(64<<10), "5 million empty records")
	require.Less(t, used(bytes.Repeat([]byte("\x0A\x00"), 5<<20)), uint64(64<<10), "5 million empty keys")
	require.Less(t, used(append(bytes.Repeat([]byte("\x1A\x00"), DefaultLimit), keyK...)), uint64(DefaultLimit*56+64<<10))
}
