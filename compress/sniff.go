package compress

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
)

// Format is what a frame's first bytes say it is.
type Format uint8

// The formats.
const (
	Unknown   Format = iota
	JSONLines        // codec none
	GzipLines        // codec gzip
	ZstdLines        // codec zstd
	Columns          // codec columnar
)

// String returns the name of the codec that writes the format.
func (f Format) String() string {
	return [...]string{"unknown", "none", "gzip", "zstd", "columnar"}[min(int(f), int(Columns))]
}

// Sniff tells the format of a frame. Some 30 bits of it must agree, so that of
// somebody's own bytes none is taken for a damaged frame, and one that is damaged,
// be it in those bits, is not taken for somebody's own: it may have lost its end, or
// a bit may be wrong. All that begins with a brace is JSONLines, and gzip and zstd
// may hold anything: Decode tells these from frames, see [ErrNotRecords].
func Sniff(frame []byte) Format {
	switch {
	case isColumnar(frame):
		return Columns
	case isGzip(frame):
		return GzipLines
	case isZstd(frame):
		return ZstdLines
	case isJSON(frame):
		return JSONLines
	}
	return Unknown
}

// isColumnar tells by magic and version, or by the checksum if a bit of these is
// wrong or the version is a later one: that has its checksum in the same place.
func isColumnar(frame []byte) bool {
	if len(frame) < 4 {
		return false
	}
	head := binary.BigEndian.Uint32(frame)
	ours := head&^columnarDeflate == columnarStart
	if ours || len(frame) < columnarHead {
		return ours
	}
	if (head^columnarStart)>>8 == 0 && fits(frame, head) {
		return true
	}
	for _, h := range []uint32{columnarStart, columnarStart | columnarDeflate} {
		if bits.OnesCount32(head^h) == 1 && fits(frame, h) {
			return true
		}
	}
	return false
}

// fits tells whether a frame has the right checksum if it begins with head.
func fits(frame []byte, head uint32) bool {
	return binary.LittleEndian.Uint32(frame[4:]) == columnarChecksum(head, frame)
}

// gzipStart is what our encoder's gzip begins with: no flags, no time, no system.
var gzipStart = []byte{0x1f, 0x8b, 8, 0, 0, 0x09, 0x6e, 0x88, 0, 0xff}

// isGzip tells by all of the header that RFC 1952 fixes, or by how near it is to
// what our encoder writes.
func isGzip(frame []byte) bool {
	if len(frame) < len(gzipStart) {
		return false
	}
	flags, extra, system := frame[3], frame[8], frame[9]
	if bytes.HasPrefix(frame, gzipStart[:3]) && flags&0xe0 == 0 && (extra == 0 || extra == 2 || extra == 4) && (system <= 13 || system == 0xff) {
		return true
	}
	wrong := 0
	for i, b := range gzipStart {
		wrong += bits.OnesCount8(b ^ frame[i])
	}
	return wrong <= 4
}

const zstdStart = 0x28b52ffd

// isZstd tells by the magic number. If a bit of that is wrong, what follows must be
// as our encoder writes it: with a checksum, without a dictionary.
func isZstd(frame []byte) bool {
	if len(frame) < 4 {
		return false
	}
	wrong := bits.OnesCount32(binary.BigEndian.Uint32(frame) ^ zstdStart)
	return wrong == 0 || wrong == 1 && len(frame) > 4 && frame[4]&0x1f == 4
}

// recordStart is what our record JSON begins with.
const recordStart = `{"device_id":"`

func isJSON(frame []byte) bool {
	if bytes.HasPrefix(frame, []byte{'{'}) {
		return true
	}
	return len(frame) > len(recordStart) && string(frame[1:len(recordStart)]) == recordStart[1:]
}

// members are such as our record JSON has.
var members = [][]byte{[]byte(`"device_id":`), []byte(`"boot":"`), []byte(`"seq":`), []byte(`"ts":"`), []byte(`"readings":{`)}

// meantAsRecords tells by the beginning of some text whether it is record JSON that
// was damaged, or that of a later version, and no JSON or anything else that never
// was any.
func meantAsRecords(text []byte) bool {
	if bytes.Contains(text, []byte(`"device_id"`)) && bytes.Contains(text, []byte(`"readings"`)) {
		return true
	}
	n := 0
	for _, m := range members {
		if bytes.Contains(text, m) {
			n++
		}
	}
	if n >= len(members)-1 { // a name may be damaged
		return true
	}
	// Cut short in its first line.
	n = min(len(text), len(recordStart))
	return n >= 5 && string(text[:n]) == recordStart[:n] && bytes.IndexByte(text, '\n') < 0 && !json.Valid(text)
}
