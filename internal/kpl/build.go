package kpl

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/rivulet-iot/rivulet/internal/md5sum"
)

const (
	// Magic is what every aggregate begins with.
	Magic = "\xF3\x89\x9A\xC2"

	// Overhead is the size of an aggregate beyond its protobuf: magic and MD5.
	Overhead = len(Magic) + md5sum.Size
)

// Tag bytes: field number << 3 | wire type.
const (
	tagKey     = 1<<3 | wireLen // AggregatedRecord.partition_key_table
	tagHashKey = 2<<3 | wireLen // AggregatedRecord.explicit_hash_key_table
	tagRecord  = 3<<3 | wireLen // AggregatedRecord.records

	tagKeyIndex     = 1<<3 | wireVarint // Record.partition_key_index
	tagHashKeyIndex = 2<<3 | wireVarint // Record.explicit_hash_key_index
	tagData         = 3<<3 | wireLen    // Record.data
)

// UserRecord is one record inside an aggregate.
type UserRecord struct {
	PartitionKey    string // 1 to 256 characters, as for a Kinesis record
	ExplicitHashKey string // a canonical decimal of 0 to 2^128-1; empty: none
	Data            []byte // any bytes, also none
}

// ErrMixed is returned by [Builder.Add] for a record with an explicit hash key
// after records without one, or the other way round.
var ErrMixed = errors.New("kpl: records with and without an explicit hash key in one aggregate")

// Builder encodes one aggregate at a time. The zero Builder is empty and ready
// to use. It checks no limits and no keys: that is for its caller, who knows
// the stream. It is not safe for concurrent use.
type Builder struct {
	keys, hashKeys table
	records        []byte // encoded field 3s
	n              int
}

// table is one of the two string tables: encoded, and indexed by string.
type table struct {
	encoded []byte
	index   map[string]int
	last    string // of lookup, as most often the same key comes again
	lastIdx int
}

// lookup returns the index of key, or the one it will get and false.
func (t *table) lookup(key string) (int, bool) {
	if key == t.last && len(t.index) > 0 {
		return t.lastIdx, true
	}
	if i, ok := t.index[key]; ok {
		return i, true
	}
	return len(t.index), false
}

// add returns the index of key, after adding it if it is new.
func (t *table) add(tag byte, key string) int {
	i, ok := t.lookup(key)
	if !ok {
		if t.index == nil {
			t.index = make(map[string]int)
		}
		t.index[key] = i
		t.encoded = append(t.encoded, tag)
		t.encoded = binary.AppendUvarint(t.encoded, uint64(len(key)))
		t.encoded = append(t.encoded, key...)
	}
	t.last, t.lastIdx = key, i
	return i
}

// growth returns by how many bytes add would grow the table, and the index
// that it would return.
func (t *table) growth(key string) (bytes, i int) {
	i, ok := t.lookup(key)
	if ok {
		return 0, i
	}
	return lenSize(len(key)), i
}

func (t *table) reset() {
	t.encoded = t.encoded[:0]
	clear(t.index)
	t.last, t.lastIdx = "", 0
}

// Add appends a user record. It copies Data, and keeps the key strings until
// Reset. The only error is [ErrMixed], which leaves the Builder as it was.
func (b *Builder) Add(u UserRecord) error {
	if b.n > 0 && (u.ExplicitHashKey != "") != (len(b.hashKeys.index) > 0) {
		return ErrMixed
	}
	key, hashKey := b.keys.add(tagKey, u.PartitionKey), 0
	if u.ExplicitHashKey != "" {
		hashKey = b.hashKeys.add(tagHashKey, u.ExplicitHashKey)
	}
	r := append(b.records, tagRecord)
	r = binary.AppendUvarint(r, uint64(recordSize(u, key, hashKey)))
	r = append(r, tagKeyIndex)
	r = binary.AppendUvarint(r, uint64(key))
	if u.ExplicitHashKey != "" {
		r = append(r, tagHashKeyIndex)
		r = binary.AppendUvarint(r, uint64(hashKey))
	}
	r = append(r, tagData)
	r = binary.AppendUvarint(r, uint64(len(u.Data)))
	b.records = append(r, u.Data...)
	b.n++
	return nil
}

// Size returns the exact number of bytes that AppendTo would append: magic,
// protobuf and MD5, or 0 if there are no records.
func (b *Builder) Size() int {
	if b.n == 0 {
		return 0
	}
	return Overhead + len(b.keys.encoded) + len(b.hashKeys.encoded) + len(b.records)
}

// SizeWith returns the exact Size after Add(u), so that a packer can stop in
// front of a limit. It changes nothing, and does not tell whether Add would
// return [ErrMixed].
func (b *Builder) SizeWith(u UserRecord) int {
	keyBytes, key := b.keys.growth(u.PartitionKey)
	hashKeyBytes, hashKey := 0, 0
	if u.ExplicitHashKey != "" {
		hashKeyBytes, hashKey = b.hashKeys.growth(u.ExplicitHashKey)
	}
	size := b.Size()
	if size == 0 {
		size = Overhead
	}
	return size + keyBytes + hashKeyBytes + lenSize(recordSize(u, key, hashKey))
}

// Len returns the number of user records added.
func (b *Builder) Len() int { return b.n }

// Reset empties the Builder for the next aggregate and keeps its memory.
func (b *Builder) Reset() {
	b.keys.reset()
	b.hashKeys.reset()
	b.records = b.records[:0]
	b.n = 0
}

// AppendTo appends the aggregate to dst and returns the extended slice. If dst
// has room for Size more bytes it does not allocate. The Builder stays as it
// is. Without records it appends nothing: there is no empty aggregate.
func (b *Builder) AppendTo(dst []byte) []byte {
	if b.n == 0 {
		return dst
	}
	dst = append(slices.Grow(dst, b.Size()), Magic...)
	start := len(dst)
	dst = append(dst, b.keys.encoded...)
	dst = append(dst, b.hashKeys.encoded...)
	dst = append(dst, b.records...)
	sum := md5sum.Sum(dst[start:])
	return append(dst, sum[:]...)
}

// recordSize returns the size of the Record message of u, without its own tag
// and length.
func recordSize(u UserRecord, key, hashKey int) int {
	n := 1 + varintSize(key) + lenSize(len(u.Data))
	if u.ExplicitHashKey != "" {
		n += 1 + varintSize(hashKey)
	}
	return n
}

// lenSize returns the size of a length-delimited field of n bytes, with its tag
// of one byte.
func lenSize(n int) int { return 1 + varintSize(n) + n }

// varintSize returns the size of v as a varint: 7 bits a byte.
func varintSize(v int) int { return (bits.Len64(uint64(v)|1) + 6) / 7 }
