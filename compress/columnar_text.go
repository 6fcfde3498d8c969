package compress

import (
	"encoding/binary"

	"github.com/klauspost/compress/flate"
)

// text is the strings of a frame: device ids, names, values. They stand together,
// each behind its length, so that they can be deflated together when that pays.
type text struct {
	index map[string]int64 // of those that are referred to by number
	n     int64            // strings so far
	buf   []byte
	small []byte // buf, deflated
	w     *flate.Writer
}

// worthDeflating is from how many bytes deflating is tried: less has no room for
// the repetitions that pay for its tables, and takes the time all the same.
const worthDeflating = 128

func (t *text) reset() {
	if t.index == nil {
		t.index = map[string]int64{}
	}
	clear(t.index)
	t.n, t.buf = 0, t.buf[:0]
}

// add returns how many strings before the next new one s is: 0 if it is new.
func (t *text) add(s string) int64 {
	if i, ok := t.index[s]; ok {
		return t.n - i
	}
	t.index[s] = t.n
	t.append(s)
	return 0
}

// append adds a string that nothing else refers to.
func (t *text) append(s string) {
	t.n++
	t.buf = binary.AppendUvarint(t.buf, uint64(len(s)))
	t.buf = append(t.buf, s...)
}

// appendTo writes the text and tells whether it is deflated (RFC 1951).
func (t *text) appendTo(dst []byte) (out []byte, deflated bool) {
	dst = binary.AppendUvarint(dst, uint64(len(t.buf)))
	if len(t.buf) >= worthDeflating {
		sink := appender{t.small[:0]}
		if t.w == nil {
			t.w, _ = flate.NewWriter(&sink, 6) // the error is about levels that there are not
		} else {
			t.w.Reset(&sink)
		}
		_, _ = t.w.Write(t.buf) // appender has no errors
		_ = t.w.Close()
		t.small = sink.buf
		if len(t.small)+2 < len(t.buf) {
			dst = binary.AppendUvarint(dst, uint64(len(t.small)))
			return append(dst, t.small...), true
		}
	}
	return append(dst, t.buf...), false
}
