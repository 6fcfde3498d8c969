package compress

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rivulet-iot/rivulet/record"
)

// Codec is a way to encode a batch of records as a frame. Codecs are values
// without state; compare them by Name.
type Codec interface {
	// Name is the codec's name on command lines and in figures, such as "zstd".
	Name() string
	// NewEncoder returns an encoder with memory of its own.
	NewEncoder() Encoder
}

// Encoder encodes frames, one after the other. It is not safe for concurrent use.
type Encoder interface {
	// AppendFrame appends one frame with all records of b, in order, to dst and
	// returns the grown slice. On an error it returns dst as it was. It keeps no
	// reference to either. A batch without records is an error, and one of several that
	// are too much for a frame is a [SplitError].
	AppendFrame(dst []byte, b *record.Batch) ([]byte, error)
}

// SplitError says that records are too much for one frame, and are to be split. One
// record alone never is.
type SplitError struct {
	Rows int    // how many of the first records are likely to fit, at least 1
	Why  string // what there is too much of
}

// Error returns the reason and the remedy.
func (e *SplitError) Error() string {
	return fmt.Sprintf("compress: too much for one frame: %s: split them, the first %d may fit", e.Why, e.Rows)
}

// The codecs. Their stated memory is per encoder, once it is in use.
var (
	// Columnar takes the fewest bytes and least time: columns, each written as suits it, through an
	// adaptive range coder. Its memory goes with the frame: 40 KiB, up to 200 bytes a record, 1.2 MiB from the
	// first frame on whose names and strings are worth deflating (128 bytes), their bytes, and up to 1 MiB
	// for what the records do not have in common: with more of that, a batch is to be split.
	Columnar Codec = columnarCodec{}
	Zstd     Codec = zstdCodec{} // record JSON lines by Zstandard fastest, 128 KiB window, one goroutine; at most 1.25 MiB
	Gzip     Codec = gzipCodec{} // likewise by DEFLATE level 6; at most 1.25 MiB
	None     Codec = noneCodec{} // record JSON lines as they are; no memory of its own
)

// Codecs returns all codecs, least compressing first.
func Codecs() []Codec { return []Codec{None, Gzip, Zstd, Columnar} }

// ByName returns the codec of that name. The error lists the names there are.
func ByName(name string) (Codec, error) {
	var names []string
	for _, c := range Codecs() {
		if c.Name() == name {
			return c, nil
		}
		names = append(names, c.Name())
	}
	return nil, fmt.Errorf("compress: there is no codec %q; there are %s", name, strings.Join(names, ", "))
}

var errEmpty = errors.New("compress: a frame holds at least one record")

// appender is an io.Writer to a growing slice.
type appender struct{ buf []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}
