package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/record"
)

// replayBuffer is how much of a replay waits in memory: enough to keep frames
// full. When it is full, reading waits. What is in it is all that the end has to
// drain.
const replayBuffer = 3 << 20

// maxBadLinesNamed is how many bad lines are named one by one.
const maxBadLinesNamed = 100

// replay puts the records of the file. The error says why the file could not be
// read to its end; bad lines are counted instead.
func (a *agent) replay(ctx context.Context, stdin io.Reader) error {
	in := stdin
	if a.replayFile != "-" {
		f, err := os.Open(a.replayFile)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	start, n := time.Now(), 0
	lines := readLines(ctx, in)
	for {
		var l line
		var ok bool
		select {
		case l, ok = <-lines:
		case <-ctx.Done():
		}
		if !ok || ctx.Err() != nil {
			return nil
		}
		if l.err != nil && l.number == 0 {
			return fmt.Errorf("%s: after %d records: %w", a.replayFile, n, l.err)
		}
		var r record.Record
		err := l.err
		if err == nil {
			r, err = record.ParseJSON(l.text)
		}
		if err != nil {
			a.badLine(l.number, err)
			continue
		}
		if a.rate > 0 && failure.Sleep(ctx, time.Until(start.Add(time.Duration(float64(n)/a.rate*float64(time.Second))))) != nil {
			return nil
		}
		n++
		if r.Time.IsZero() {
			r.Time = time.Now()
		}
		switch err := a.put(ctx, &r); {
		case err == nil:
			a.jsonBytes += uint64(len(l.text)) + 1
		case ctx.Err() != nil:
			return nil
		default:
			a.badLine(l.number, err)
		}
	}
}

func (a *agent) badLine(number int, err error) {
	a.badLines++
	switch n := a.badLines; {
	case n <= maxBadLinesNamed:
		a.say("%s: line %d: %v", a.replayFile, number, err)
	case n == maxBadLinesNamed+1:
		a.say("%s: more bad lines follow; they are counted but no longer named", a.replayFile)
	}
}

// line is a line of a file, without its end, or why there is none: with a number
// it is the line's own fault, without, nothing follows.
type line struct {
	number int
	text   []byte
	err    error
}

var errLongLine = fmt.Errorf("longer than %d bytes, the most that a record can have", record.MaxJSONBytes)

// readLines reads lines from in, which may be gzip, in a goroutine of its own: a
// read of stdin cannot be cancelled, but who waits for it can. Empty lines are
// counted and left out.
func readLines(ctx context.Context, in io.Reader) <-chan line {
	lines := make(chan line, 64)
	go func() {
		defer close(lines)
		send := func(l line) bool {
			select {
			case lines <- l:
				return true
			case <-ctx.Done():
				return false
			}
		}
		r, err := sniffGzip(in)
		if err != nil {
			send(line{err: err})
			return
		}
		for number := 1; ; number++ {
			text, err := readLine(r)
			if text = bytes.TrimSpace(text); len(text) > 0 || errors.Is(err, errLongLine) {
				l := line{number: number, text: text}
				if errors.Is(err, errLongLine) {
					l.err, err = err, nil
				}
				if err != nil && err != io.EOF { // cut off in the middle of a line
					send(line{err: err})
					return
				}
				if !send(l) {
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				send(line{err: err})
				return
			}
		}
	}()
	return lines
}

func sniffGzip(in io.Reader) (*bufio.Reader, error) {
	r := bufio.NewReaderSize(in, 64<<10)
	if head, _ := r.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return r, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(z, 64<<10), nil
}

// readLine returns a copy of the next line. Of one that is too long it reads all
// and returns nothing but errLongLine.
func readLine(r *bufio.Reader) (text []byte, err error) {
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(text)+len(part) > record.MaxJSONBytes+2; !long { // and CR LF
			text = append(text, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if long && (err == nil || err == io.EOF) {
			return nil, errLongLine
		}
		return text, err
	}
}
