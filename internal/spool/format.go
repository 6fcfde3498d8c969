package spool

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// The feature bits of FORMAT that this version knows. A version that finds an
// incompatible bit that it does not know must not touch the directory;
// compatible ones it may ignore.
const (
	Version           = 1
	knownIncompatible = 0
)

// ErrNewerFormat says that a newer version wrote the directory.
var ErrNewerFormat = errors.New("spool: written in a newer format than this program knows")

// FormatText returns the content of FORMAT: four lines, the last one the
// checksum of those before it.
func FormatText(incompatible, compatible uint32) []byte {
	text := fmt.Sprintf("rivulet spool %d\nincompatible %#x\ncompatible %#x\n", Version, incompatible, compatible)
	return fmt.Appendf(nil, "%scrc32c %08x\n", text, crc32.Checksum([]byte(text), castagnoli))
}

// CheckFormat returns whether b is a FORMAT that is whole, and ErrNewerFormat if
// this version must not use the directory, as when it is whole and cannot be
// understood. A damaged one is not an error: the blocks say what they are.
func CheckFormat(b []byte) (whole bool, err error) {
	body, sum, found := strings.Cut(string(b), "crc32c ")
	if !found || sum != fmt.Sprintf("%08x\n", crc32.Checksum([]byte(body), castagnoli)) {
		return false, nil
	}
	version, ok1 := number(body, "rivulet spool ")
	incompatible, ok2 := number(body, "incompatible ")
	if !ok1 || !ok2 {
		return true, fmt.Errorf("%w: FORMAT says %q; this program knows version %d", ErrNewerFormat, body, Version)
	}
	if unknown := incompatible &^ knownIncompatible; version > Version || unknown != 0 {
		return true, fmt.Errorf("%w: version %d, unknown incompatible features %#x; this program knows version %d", ErrNewerFormat, version, unknown, Version)
	}
	return true, nil
}

// number returns what the line that begins so says. fmt.Sscanf would put 40 KB
// into every device's program.
func number(text, begin string) (v uint64, ok bool) {
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, begin); found {
			v, err := strconv.ParseUint(strings.TrimSuffix(rest, "\n"), 0, 32)
			return v, err == nil
		}
	}
	return 0, false
}

// ReadFile reads a small file whole, at most limit bytes of it.
func ReadFile(fsys vfs.FS, name string, limit int64) (b []byte, err error) {
	f, err := fsys.Open(name, vfs.ReadOnly)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b = make([]byte, min(size, limit))
	n, err := f.ReadAt(b, 0)
	if err == io.EOF || n == len(b) {
		err = nil
	}
	return b[:n], err
}

// MaxDoc is the most bytes that a document may have.
const MaxDoc = 1 << 20

// DocName returns the name of the file of a document.
func DocName(id uint64, doc []byte) string {
	return fmt.Sprintf("schema-%016x-%08x.json", id, crc32.Checksum(doc, castagnoli))
}

// ParseDocName returns whose document a file is.
func ParseDocName(name string) (id uint64, ok bool) {
	hex, isDoc := strings.CutPrefix(name, "schema-")
	if !isDoc || len(hex) != 16+1+8+len(".json") || !strings.HasSuffix(hex, ".json") {
		return 0, false
	}
	id, err := strconv.ParseUint(hex[:16], 16, 64)
	return id, err == nil
}

// Missing reports whether err means that a file is not there.
func Missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
