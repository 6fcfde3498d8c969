package spool

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// readAt reads again what it failed to read: cards fail once, and what is taken
// for damaged is given up for good.
func readAt(f io.ReaderAt, b []byte, off int64) (n int, err error) {
	for range 3 {
		if n, err = f.ReadAt(b, off); err == nil || err == io.EOF {
			break
		}
	}
	return n, err
}

// DamageError says that a block cannot be read.
type DamageError struct {
	Off int64 // of the block in its file
	Err error
}

// Error says where and what.
func (e *DamageError) Error() string {
	return fmt.Sprintf("spool: block at byte %d: %v", e.Off, e.Err)
}

// Unwrap returns what went wrong.
func (e *DamageError) Unwrap() error { return e.Err }

var (
	errBodyCRC = errors.New("checksum mismatch")
	errFlags   = errors.New("written by a newer version: unknown flags")
	errBody    = errors.New("the body is not as the head says")
)

// Unreadable reports whether an error of ReadBody is that of reading, and not that
// something else was there than was written.
func Unreadable(err error) bool {
	for _, e := range []error{errBodyCRC, errFlags, errBody, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return false
		}
	}
	return err != nil
}

// ReadBody reads the entries of a block as [Head.Each] takes them. An error is a
// *DamageError.
func ReadBody(f io.ReaderAt, salt uint64, h *Head) ([]byte, error) {
	raw, err := readBody(f, salt, h)
	if err == nil {
		err = h.Each(raw, func(Entry) bool { return true })
	}
	if err != nil {
		return nil, &DamageError{h.off, err}
	}
	return raw, nil
}

func readBody(f io.ReaderAt, salt uint64, h *Head) ([]byte, error) {
	if h.unwanted {
		return nil, errFlags
	}
	body, err := storedBody(f, salt, h)
	if err != nil {
		return nil, err
	}
	if h.flags&flagDeflate == 0 {
		if len(body) != h.rawLen {
			return nil, errBody
		}
		return body, nil
	}
	return inflate(body, h.rawLen)
}

// storedBody reads the body as it is in the file.
func storedBody(f io.ReaderAt, salt uint64, h *Head) ([]byte, error) {
	if h.avail > 0 && int64(h.headLen+h.bodyLen) > h.avail { // before there is memory for it
		return nil, io.EOF
	}
	body := make([]byte, h.bodyLen)
	if n, err := readAt(f, body, h.off+int64(h.headLen)); n < len(body) {
		return nil, err
	}
	if crc32.Update(seed(salt, h.off), castagnoli, body) != h.bodyCRC {
		return nil, errBodyCRC
	}
	return body, nil
}
