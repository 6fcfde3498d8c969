package compress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/rivulet-iot/rivulet/record"
)

// DefaultLimit is a sensible limit for [Decode]: a Kinesis record of 1 MiB at a
// compression of 64 to 1, or a frame of 250,000 records of seven readings.
const DefaultLimit = 64 << 20

// maxWindow caps what a zstd frame may ask for. Ours need 128 KiB; 8 MiB is what
// RFC 8878 section 3.1.1.1.2 recommends every decoder to support.
const maxWindow = 8 << 20

// Errors of [Decode], to be told apart with errors.Is. Any other error of Decode
// is fn's own.
var (
	ErrFormat   = errors.New("compress: not a frame")             // the first bytes are none that is known
	ErrCorrupt  = errors.New("compress: damaged frame")           // truncated, a bad checksum, not record JSON inside
	ErrTooLarge = errors.New("compress: frame is over the limit") // decompresses to more than allowed
	// ErrNotRecords: it is JSON, or gzip or zstd of something, that is whole and that
	// nothing says was meant as record JSON: somebody's own.
	ErrNotRecords = errors.New("compress: not records")
	// ErrSchema: the frame's records have a schema that Decode was not given.
	ErrSchema = errors.New("compress: the frame's schema is not known")
)

// Decoder decodes frames. Its zero value is ready to use.
type Decoder struct {
	// Schemas are those of the records to come: a columnar frame says only which
	// schema its records have. One that is not here is ErrSchema.
	Schemas []*record.Schema
	// MaxBytes is the most that a frame may decompress to; records of a columnar
	// frame count as record.Record.Size says. Default: DefaultLimit.
	MaxBytes int64
	// MaxRecords is the most records that a frame may have. Default: as many as
	// MaxBytes allows.
	MaxRecords int64
	// Marks, if not nil, is called with each mark of a frame, behind its records. The
	// mark is valid only during the call.
	Marks func(Mark)
}

// Mark is what a columnar frame says of a device and a boot in it.
type Mark struct {
	Device string
	Boot   uint64
	First  uint64 // the least sequence number in the frame: those before it are not outstanding
	record.Mark
}

// Decode is [Decoder.Decode] with those schemas and that limit.
func Decode(frame []byte, limit int64, fn func(*record.Record) error, schemas ...*record.Schema) error {
	return (&Decoder{Schemas: schemas, MaxBytes: limit}).Decode(frame, fn)
}

// Decode reads a frame of any codec and calls fn with each of its records, in
// order. The record is valid only during the call. Records before a damaged place
// are still given to fn, but for columnar frames, which are checked as a whole
// first: an error says that the rest is missing. An error of fn ends Decode, which
// returns it as it is.
func (c *Decoder) Decode(frame []byte, fn func(*record.Record) error) error {
	limit := c.MaxBytes
	if limit <= 0 {
		limit = DefaultLimit
	}
	var in io.Reader
	switch Sniff(frame) {
	case JSONLines:
		in = bytes.NewReader(frame)
	case GzipLines:
		z, err := gzip.NewReader(bytes.NewReader(frame))
		if err != nil {
			return fmt.Errorf("%w: gzip: %w", ErrCorrupt, err)
		}
		in = z
	case ZstdLines:
		z, err := zstd.NewReader(bytes.NewReader(frame), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return fmt.Errorf("%w: zstd: %w", ErrCorrupt, err)
		}
		defer z.Close()
		in = z
	case Columns:
		return c.decodeColumnar(frame, limit, fn)
	default:
		return fmt.Errorf("%w: it begins with % x", ErrFormat, frame[:min(8, len(frame))])
	}
	return c.decodeLines(in, limit, fn)
}

func (c *Decoder) decodeLines(in io.Reader, limit int64, fn func(*record.Record) error) error {
	counted := &io.LimitedReader{R: in, N: min(limit, math.MaxInt64-1) + 1}
	br := bufio.NewReaderSize(counted, 16<<10)
	start, _ := br.Peek(br.Size()) // reading on gives the error again
	foreign := !meantAsRecords(start)
	var long []byte // a line that does not fit br's buffer
	for n := int64(1); ; n++ {
		line, err := readLine(br, &long)
		if counted.N <= 0 {
			return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
		}
		if errors.Is(err, errLong) && n == 1 && foreign {
			return notRecords(br, err)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: line %d: %w", ErrCorrupt, n, err)
		}
		atEnd := err != nil
		if len(line) > 0 || !atEnd {
			if c.MaxRecords > 0 && n > c.MaxRecords {
				return tooMany(c.MaxRecords)
			}
			r, perr := record.ParseJSON(line)
			if perr != nil && n == 1 && foreign {
				return notRecords(br, perr)
			}
			if perr != nil {
				return fmt.Errorf("%w: line %d: %w", ErrCorrupt, n, perr)
			}
			if ferr := fn(&r); ferr != nil {
				return ferr
			}
		}
		if atEnd && n == 1 && len(line) == 0 {
			return fmt.Errorf("%w: there is nothing in it", ErrCorrupt)
		}
		if atEnd {
			return nil
		}
	}
}

func tooMany(most int64) error {
	return fmt.Errorf("%w: more than %d records", ErrTooLarge, most)
}

// notRecords returns what is wrong with text that never was record JSON: nothing,
// for us, if it can be read to its end.
func notRecords(rest io.Reader, why error) error {
	if _, err := io.Copy(io.Discard, rest); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return fmt.Errorf("%w: %w", ErrNotRecords, why)
}

var errLong = fmt.Errorf("longer than %d bytes", record.MaxJSONBytes)

// readLine returns the next line without its end. A line longer than any record
// JSON is an error before it is all in memory.
func readLine(br *bufio.Reader, long *[]byte) ([]byte, error) {
	part, err := br.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return bytes.TrimSuffix(part, []byte{'\n'}), err
	}
	*long = append((*long)[:0], part...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(*long) > record.MaxJSONBytes {
			return nil, errLong
		}
		part, err = br.ReadSlice('\n')
		*long = append(*long, part...)
	}
	return bytes.TrimSuffix(*long, []byte{'\n'}), err
}
