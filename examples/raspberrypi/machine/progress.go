package machine

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// refresh is the time between two looks at the line: often enough to seem live,
// rarely enough for a serial console.
const refresh = 200 * time.Millisecond

// Progress is one line at the bottom of a terminal that is rewritten in place. The
// zero value and nil are a Progress that shows nothing.
type Progress struct {
	out   io.Writer
	line  func() string
	width func() int // nil: not a terminal; nothing live is written

	mu     sync.Mutex // guards the writing, and:
	shown  string     // what stands on the live line
	closed bool       // the live line has been ended

	once sync.Once // ends it
	stop chan struct{}
	done chan struct{}
}

// StartProgress shows line on f, at most five times a second and only when it has
// changed, cut to the width of the terminal. Where f is not a terminal it shows
// nothing, calls nothing and starts nothing.
//
// line is called from another goroutine, one call at a time, until [Progress.Stop]
// has returned; it must not call a method of the Progress. Colors may be part of it;
// line ends and other control characters are left out.
func StartProgress(f *os.File, line func() string) *Progress {
	if !IsTerminal(f) {
		if f == nil {
			return &Progress{}
		}
		return &Progress{out: f}
	}
	return startProgress(f, func() int { return TerminalWidth(f) }, line)
}

func startProgress(out io.Writer, width func() int, line func() string) *Progress {
	p := &Progress{out: out, line: line, width: width, stop: make(chan struct{}), done: make(chan struct{})}
	go p.run()
	return p
}

func (p *Progress) run() {
	defer close(p.done)
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	p.draw()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			select {
			case <-p.stop: // both are ready where line is slower than the tick
				return
			default:
				p.draw()
			}
		}
	}
}

// draw puts the line as it is now on the screen. line is called without the lock, so
// that it may take its time.
func (p *Progress) draw() {
	text := fit(p.line(), p.width()-1) // the last column would make some terminals wrap
	p.mu.Lock()
	defer p.mu.Unlock()
	if text != p.shown {
		p.shown = text
		io.WriteString(p.out, "\r"+text+"\x1b[K") // a terminal that is gone is no concern of the work
	}
}

// Print writes a line of text that stays, above the live line. It also does where
// there is no terminal and so no live line, unless StartProgress was given nil.
// It may be called from any goroutine, after Stop too.
func (p *Progress) Print(text string) {
	if p == nil || p.out == nil {
		return
	}
	text = strings.TrimRight(text, "\n") + "\n"
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown != "" && !p.closed {
		text = "\r\x1b[K" + text + p.shown
	}
	io.WriteString(p.out, text)
}

// Stop shows the line a last time and ends it, so that what is written next begins
// on a line of its own. When it returns, nothing more is written but by Print. A
// second call does nothing.
func (p *Progress) Stop() {
	if p == nil || p.width == nil {
		return
	}
	p.once.Do(func() {
		close(p.stop)
		<-p.done
		p.draw()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closed = true
		if p.shown != "" {
			io.WriteString(p.out, "\n")
		}
	})
}

// fit cuts s to the given number of columns. Color sequences take none, and are
// ended where the cut leaves one open; other control characters are dropped.
func fit(s string, columns int) string {
	var b strings.Builder
	used, colored := 0, false
	for len(s) > 0 {
		if n := colorSequence(s); n > 0 {
			b.WriteString(s[:n])
			colored = s[:n] != "\x1b[0m" && s[:n] != "\x1b[m"
			s = s[n:]
			continue
		}
		r, size := rune(s[0]), 1
		for i, c := range s {
			if i > 0 {
				size = i
				break
			}
			r, size = c, len(s)
		}
		s = s[size:]
		w := columnsOf(r)
		if used+w > columns {
			break
		}
		used += w
		if w > 0 {
			b.WriteRune(r)
		}
	}
	if colored {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// colorSequence returns the length of ESC [ digits and ; m at the head of s, or 0.
func colorSequence(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case (c < '0' || c > '9') && c != ';':
			return 0
		}
	}
	return 0
}

// columnsOf is 0 for what is not printed, 2 for the scripts and pictures that
// terminals draw wide, else 1. It errs to the wide side: a line cut early is better
// than one that wraps.
func columnsOf(r rune) int {
	switch {
	case r < ' ' || r >= 0x7f && r < 0xa0:
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300:
		return 2
	}
	return 1
}
