package child

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// readBuffer is all of the input that is in a program's memory at a time: the
// file is in the page cache, and the memory measured is the producer's own.
const readBuffer = 64 << 10

// Lines reads the input of producers that are given bytes: lines of partition
// key, tab, record JSON. An empty line is the end of a window.
type Lines struct {
	in  *bufio.Reader
	Key string // of the record that Next found
	// Data is the record's, in memory of its own: producers keep what they are given.
	Data []byte
	keys map[string]string
}

// OpenLines opens a file of lines. It stays open as long as the program runs.
func OpenLines(file string) (*Lines, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	return &Lines{in: bufio.NewReaderSize(f, readBuffer), keys: map[string]string{}}, nil
}

// Next reads on.
func (l *Lines) Next() (Step, error) {
	line, err := l.in.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(line) == 0:
		return End, nil
	case err != nil:
		return End, fmt.Errorf("input: %w", err)
	case len(line) == 1:
		return Window, nil
	}
	key, data, _ := bytes.Cut(line[:len(line)-1], []byte{'\t'})
	known, ok := l.keys[string(key)]
	if !ok {
		known = string(key)
		l.keys[known] = known
	}
	l.Key, l.Data = known, bytes.Clone(data)
	return Record, nil
}
