package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows on a terminal how far a long run is.
type progress struct {
	w     io.Writer // nil: nothing is shown
	last  time.Time
	total int64
	shown bool
}

// newProgress returns what shows progress on w if that is a terminal, after a
// second.
func newProgress(w io.Writer, total int64) *progress {
	p := &progress{last: time.Now().Add(800 * time.Millisecond), total: total}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.w = w
		}
	}
	return p
}

// at says that done bytes are done.
func (p *progress) at(done int64) {
	if p.w == nil || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.w, "\rrivulet spool: %s of %s ", size(done), size(p.total))
}

// end removes the line.
func (p *progress) end() {
	if p.shown {
		fmt.Fprintf(p.w, "\r%50s\r", "")
	}
}
