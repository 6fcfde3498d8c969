package spool

import (
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
)

// The suffixes of files that hold blocks.
const (
	SegmentExt = ".seg"   // entries to be delivered
	BadExt     = ".bad"   // a damaged segment
	AsideExt   = ".aside" // entries that will not be delivered
)

// FileID is what the name of a file of blocks says.
type FileID struct {
	First  uint64 // position of the first entry
	Before uint64 // entries written before
	Salt   uint64 // random, in every checksum
}

// Name returns the name of the file.
func (id FileID) Name(ext string) string {
	return fmt.Sprintf("%016x-%016x-%016x%s", id.First, id.Before, id.Salt, ext)
}

// ParseName takes a name apart that FileID.Name made.
func ParseName(name, ext string) (id FileID, ok bool) {
	if len(name) != 50+len(ext) {
		return id, false
	}
	for i, field := range []*uint64{&id.First, &id.Before, &id.Salt} {
		v, err := strconv.ParseUint(name[17*i:17*i+16], 16, 64)
		if err != nil {
			return id, false
		}
		*field = v
	}
	return id, name == id.Name(ext) && id.First > 0 && id.First <= lots && id.Before <= lots
}

// salvageMark is in the low bits of the salt of what Repair made.
const salvageMark = 0x5a1f

// salvage returns the name for what is saved of a damaged segment: always the
// same, so that a repair that was interrupted goes on with it. The positions and
// counts stay.
func (id FileID) salvage() FileID {
	h := fnv.New64a()
	_, _ = io.WriteString(h, id.Name(SegmentExt)) // does not fail
	id.Salt = h.Sum64()&^0xffff | salvageMark
	return id
}

// Salvaged reports whether Repair made the segment: by chance also one in 65536
// others.
func (id FileID) Salvaged() bool { return id.Salt&0xffff == salvageMark }
