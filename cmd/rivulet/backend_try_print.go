package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/internal/term"
)

// stages shows on a terminal what is being done, and for how long already; elsewhere
// each stage is a line.
type stages struct {
	w        io.Writer
	terminal bool
	began    time.Time
	say      chan string
	done     chan struct{}
}

func newStages(w io.Writer) *stages {
	s := &stages{w: w, began: time.Now(), say: make(chan string), done: make(chan struct{})}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		s.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	go s.show()
	return s
}

func (s *stages) show() {
	defer close(s.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	stage := ""
	for {
		select {
		case next, ok := <-s.say:
			if !ok {
				if s.terminal {
					fmt.Fprintf(s.w, "\r%60s\r", "")
				}
				return
			}
			if stage = next; !s.terminal {
				fmt.Fprintf(s.w, "rivulet backend: %s\n", stage)
			}
		case <-tick.C:
		}
		if s.terminal && stage != "" {
			fmt.Fprintf(s.w, "\rrivulet backend: %-30s %3.0f s ", stage, time.Since(s.began).Seconds())
		}
	}
}

func (s *stages) stage(text string) { s.say <- text }

// end removes the line.
func (s *stages) end() {
	close(s.say)
	<-s.done
}

// mostWidth is how much of a value is shown.
const mostWidth = 40

// printTrial shows what was found. All that may have come from the input is escaped.
func (c *backendTool) printTrial(t *trial) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s read, %d stored, %s", t.Table, count(int64(t.Lines), "line"), t.Stored, count(int64(t.DeadLetters), "dead letter"))
	if t.Duplicates > 0 {
		fmt.Fprintf(&b, ", %s dropped", count(int64(t.Duplicates), "duplicate"))
	}
	fmt.Fprintf(&b, "; %.0f s on Spark %s\n", t.Seconds, term.Escape(t.Spark))
	if t.Corrected > 0 {
		fmt.Fprintf(&b, "%d of the rows have the time of arrival, which is now: they have none of their own, or one that is further off than max_age_days or max_ahead_minutes\n", t.Corrected)
	}
	if len(t.Partitions) > 0 {
		b.WriteString("\npartitions:\n")
		for i, p := range t.Partitions {
			if i == 10 {
				fmt.Fprintf(&b, "  and %d more\n", len(t.Partitions)-i)
				break
			}
			fmt.Fprintf(&b, "  %s  %d\n", term.Escape(p.Path), p.Rows)
		}
		fmt.Fprintf(&b, "\n%-20s %-20s %10s  %s\n", "column", "type", "filled", "from … to")
		for _, col := range t.Columns {
			span := ""
			if col.Min != nil && col.Max != nil {
				span = shortened(*col.Min)
				if *col.Min != *col.Max {
					span += " … " + shortened(*col.Max)
				}
			}
			fmt.Fprintf(&b, "%-20s %-20s %10d  %s\n", term.Escape(col.Name), term.Escape(col.Type), col.Filled, span)
		}
		b.WriteString("\nfirst rows:\n")
		for _, row := range t.First {
			fmt.Fprintf(&b, "  %s\n", term.EscapeJSON(nil, row))
		}
	}
	if t.DeadLetters > 0 {
		b.WriteString("\ndead letters:\n")
		reasons := slices.SortedFunc(maps.Keys(t.Reasons), func(a, b string) int {
			return cmp.Or(t.Reasons[b]-t.Reasons[a], strings.Compare(a, b))
		})
		for _, reason := range reasons {
			fmt.Fprintf(&b, "  %6d  %s\n", t.Reasons[reason], term.Escape(reason))
		}
		for _, l := range t.Letters {
			fmt.Fprintf(&b, "  line %d: %s: %s\n", l.Line, term.Escape(l.Reason), term.Escape(l.Detail))
		}
		if more := t.DeadLetters - len(t.Letters); more > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
	}
	if t.Lake != "" {
		fmt.Fprintf(&b, "\nthe table and the dead letters are in %s, the script is %s\n", t.Lake, t.Script)
	} else {
		b.WriteString("\n-keep DIR keeps the table's files, the dead letters and the script\n")
	}
	return c.print("%s", b.String())
}

// shortened returns as much of a value as is shown, escaped.
func shortened(s string) string {
	r := []rune(s)
	if len(r) <= mostWidth {
		return term.Escape(s)
	}
	return term.Escape(string(r[:mostWidth-1])) + "…"
}
