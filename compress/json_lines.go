package compress

import (
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/rivulet-iot/rivulet/record"
)

type noneCodec struct{}

func (noneCodec) Name() string        { return "none" }
func (noneCodec) NewEncoder() Encoder { return noneEncoder{} }

type noneEncoder struct{}

func (noneEncoder) AppendFrame(dst []byte, b *record.Batch) ([]byte, error) {
	if b.Len() == 0 {
		return dst, errEmpty
	}
	out := dst
	err := b.Each(func(r *record.Record) error {
		if len(out) > len(dst) {
			out = append(out, '\n')
		}
		out = record.AppendJSON(out, r)
		return nil
	})
	if err != nil {
		return dst, err
	}
	return out, nil
}

// resetWriter is what gzip and zstd writers have in common.
type resetWriter interface {
	io.WriteCloser
	Reset(io.Writer)
}

// lineEncoder feeds record JSON lines to a compressor, one at a time, so that
// the uncompressed text of a frame is never in memory as a whole.
type lineEncoder struct {
	out  appender
	line []byte
	make func(io.Writer) (resetWriter, error)
	w    resetWriter // nil until first used
}

func (e *lineEncoder) AppendFrame(dst []byte, b *record.Batch) ([]byte, error) {
	if b.Len() == 0 {
		return dst, errEmpty
	}
	e.out.buf = dst
	defer func() { e.out.buf = nil }()
	if e.w == nil {
		w, err := e.make(&e.out)
		if err != nil {
			return dst, err
		}
		e.w = w
	} else {
		e.w.Reset(&e.out)
	}
	first := true
	err := b.Each(func(r *record.Record) error {
		e.line = e.line[:0]
		if !first {
			e.line = append(e.line, '\n')
		}
		first = false
		e.line = record.AppendJSON(e.line, r)
		_, err := e.w.Write(e.line)
		return err
	})
	if cerr := e.w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return dst, err
	}
	return e.out.buf, nil
}

type gzipCodec struct{}

func (gzipCodec) Name() string { return "gzip" }
func (gzipCodec) NewEncoder() Encoder {
	return &lineEncoder{make: func(w io.Writer) (resetWriter, error) { return gzip.NewWriterLevel(w, 6) }}
}

type zstdCodec struct{}

func (zstdCodec) Name() string { return "zstd" }
func (zstdCodec) NewEncoder() Encoder {
	return &lineEncoder{make: func(w io.Writer) (resetWriter, error) {
		// The library's defaults take megabytes for each core; a device has neither. The fastest
		// level compresses telemetry as well as the default and takes half the memory.
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10),
			zstd.WithLowerEncoderMem(true), zstd.WithEncoderLevel(zstd.SpeedFastest))
	}}
}
