// Package md5sum is MD5 for what is no secret: where Kinesis puts a record, and the
// checksum of an aggregate. crypto/md5 refuses to work in a program that runs under
// GODEBUG=fips140=only, which knows no such use. [Sum] is all there is.
package md5sum

import (
	"crypto/fips140"
	"crypto/md5"
	"encoding/binary"
	"math/bits"
)

// Size is the length of a sum.
const Size = md5.Size

// own says that crypto/md5 may not be asked.
var own = fips140.Enabled()

// Sum returns the MD5 of b. It does not keep b, and does not allocate.
func Sum(b []byte) [Size]byte {
	if own {
		return sum(b)
	}
	return md5.Sum(b)
}

// shifts and sines of RFC 1321 section 3.4.
var (
	shifts = [4][4]int{{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}
	sines  = [64]uint32{
		0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
		0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
		0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
		0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
		0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
		0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
		0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
		0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
	}
)

func sum(b []byte) (out [Size]byte) {
	state := [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}
	length := uint64(len(b)) * 8
	for ; len(b) >= 64; b = b[64:] {
		block(&state, b)
	}
	var last [128]byte // the rest, a bit, zeros and the length
	n := copy(last[:], b)
	last[n] = 0x80
	end := 64
	if n >= 56 {
		end = 128
	}
	binary.LittleEndian.PutUint64(last[end-8:], length)
	for i := 0; i < end; i += 64 {
		block(&state, last[i:])
	}
	for i, s := range state {
		binary.LittleEndian.PutUint32(out[4*i:], s)
	}
	return out
}

// block adds 64 bytes.
func block(state *[4]uint32, p []byte) {
	var x [16]uint32
	for i := range x {
		x[i] = binary.LittleEndian.Uint32(p[4*i:])
	}
	a, b, c, d := state[0], state[1], state[2], state[3]
	for i := range 64 {
		var f uint32
		var k int
		switch i / 16 {
		case 0:
			f, k = b&c|^b&d, i
		case 1:
			f, k = d&b|^d&c, 5*i+1
		case 2:
			f, k = b^c^d, 3*i+5
		default:
			f, k = c^(b|^d), 7*i
		}
		f += a + sines[i] + x[k%16]
		a, d, c, b = d, c, b, b+bits.RotateLeft32(f, shifts[i/16][i%4])
	}
	state[0] += a
	state[1] += b
	state[2] += c
	state[3] += d
}
