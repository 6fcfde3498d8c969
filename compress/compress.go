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
	// reference to either. A batch without records is an error.
	AppendFrame(dst []byte, b *record.Batch) ([]byte, error)
}

// The codecs. Their stated memory is per encoder, once it is in use.
var (
	// Columnar takes the fewest bytes and least time: columns, each written as suits it, through an
	// adaptive range coder. Its memory goes with the frame: 40 KiB and up to 200 bytes a record.
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
