package partition

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"unsafe"

	"github.com/rivulet-iot/rivulet/internal/md5sum"
)

// Hash is a hash key: the 128-bit number that decides which shard takes a
// record. Kinesis makes it from the MD5 of the partition key, read as a
// big-endian unsigned integer, or takes it from ExplicitHashKey. The zero Hash
// is the lowest hash key. Hashes compare with == and [Hash.Compare].
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html
type Hash struct {
	Hi, Lo uint64 // the upper and the lower 64 bits
}

// maxDigits is the length of 2^128-1 in decimal, and so of the longest hash key.
const maxDigits = 39

// HashKey returns the hash key of a partition key. It accepts any string, also
// one that [CheckKey] refuses, and does not allocate. MD5 is no secret here, so it
// works under GODEBUG=fips140=only too.
func HashKey(key string) Hash {
	// Sum only reads its argument, so the string may be lent to it;
	// a conversion would copy keys of more than 32 bytes to the heap.
	return hashBytes(unsafe.Slice(unsafe.StringData(key), len(key)))
}

func hashBytes(key []byte) Hash {
	sum := md5sum.Sum(key)
	return Hash{binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:])}
}

// ParseHash reads a hash key in the decimal form of the Kinesis API:
// 0 to 340282366920938463463374607431768211455 (2^128-1), digits only, no
// leading zeros. The error says what is wrong with the text.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_HashKeyRange.html
func ParseHash(decimal string) (Hash, error) {
	switch {
	case decimal == "":
		return Hash{}, fmt.Errorf("partition: hash key is empty, want a decimal number of 0 to 2^128-1")
	case len(decimal) > maxDigits:
		return Hash{}, fmt.Errorf("partition: hash key has %d characters, want a decimal number of 0 to 2^128-1, at most %d digits", len(decimal), maxDigits)
	case decimal[0] == '0' && len(decimal) > 1:
		return Hash{}, fmt.Errorf("partition: hash key %q has a leading zero", decimal)
	}
	var h Hash
	for i := 0; i < len(decimal); i++ {
		c := decimal[i]
		if c < '0' || c > '9' {
			return Hash{}, fmt.Errorf("partition: hash key %q has a character other than 0-9 at offset %d", decimal, i)
		}
		// h = h*10 + digit, watching the carry out of each half.
		carry, lo := bits.Mul64(h.Lo, 10)
		over, hi := bits.Mul64(h.Hi, 10)
		lo, c1 := bits.Add64(lo, uint64(c-'0'), 0)
		hi, c2 := bits.Add64(hi, carry, c1)
		if over != 0 || c2 != 0 {
			return Hash{}, fmt.Errorf("partition: hash key %s is over the largest, 2^128-1", decimal)
		}
		h = Hash{hi, lo}
	}
	return h, nil
}

// String returns the hash key in decimal, the form that ExplicitHashKey and
// HashKeyRange of the Kinesis API have. [ParseHash] reads it back.
func (h Hash) String() string {
	var buf [maxDigits]byte
	return string(h.AppendDecimal(buf[:0]))
}

// AppendDecimal appends the decimal form of h, 1 to 39 digits, to dst and
// returns the extended slice. It allocates only if dst has no room.
func (h Hash) AppendDecimal(dst []byte) []byte {
	if h.Hi == 0 {
		return strconv.AppendUint(dst, h.Lo, 10)
	}
	const chunk = 1e19 // the largest power of ten in 64 bits: 19 digits a step
	hi, rem := h.Hi/chunk, h.Hi%chunk
	lo, low := bits.Div64(rem, h.Lo, chunk)
	top, mid := bits.Div64(hi, lo, chunk)
	if top != 0 {
		dst = strconv.AppendUint(dst, top, 10)
		dst = appendChunk(dst, mid)
	} else {
		dst = strconv.AppendUint(dst, mid, 10)
	}
	return appendChunk(dst, low)
}

// appendChunk appends v with leading zeros, as exactly 19 digits.
func appendChunk(dst []byte, v uint64) []byte {
	var digits [19]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, digits[:]...)
}

// Compare returns -1, 0 or +1 as h is below, equal to or above o.
func (h Hash) Compare(o Hash) int {
	switch {
	case h.Hi < o.Hi || h.Hi == o.Hi && h.Lo < o.Lo:
		return -1
	case h == o:
		return 0
	}
	return 1
}

// Next returns h+1. The hash key after the highest is 0.
func (h Hash) Next() Hash {
	lo, carry := bits.Add64(h.Lo, 1, 0)
	return Hash{h.Hi + carry, lo}
}

// Prev returns h-1. The hash key before 0 is the highest.
func (h Hash) Prev() Hash {
	lo, borrow := bits.Sub64(h.Lo, 1, 0)
	return Hash{h.Hi - borrow, lo}
}

// sub returns h-o modulo 2^128.
func (h Hash) sub(o Hash) Hash {
	lo, borrow := bits.Sub64(h.Lo, o.Lo, 0)
	return Hash{h.Hi - o.Hi - borrow, lo}
}

// add returns h+o modulo 2^128.
func (h Hash) add(o Hash) Hash {
	lo, carry := bits.Add64(h.Lo, o.Lo, 0)
	return Hash{h.Hi + o.Hi + carry, lo}
}
