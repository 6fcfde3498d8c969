package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// column is a figure as the tables show it.
type column struct {
	head  string
	value func(figures) string
	long  bool // only where there is room: not in Markdown
}

var columns = []column{
	{"up B/record", func(f figures) string { return decimals(f.BytesUp) }, false},
	{"down B/record", func(f figures) string { return decimals(f.BytesDown) }, false},
	{"payload B/record", func(f figures) string { return decimals(f.PayloadBytes) }, true},
	{"Kinesis records/M", func(f figures) string { return grouped(f.RecordsMillion) }, true},
	{"PUT units/M", func(f figures) string { return grouped(f.UnitsMillion) }, false},
	{"requests", func(f figures) string { return grouped(float64(f.Requests)) }, true},
	{"CPU ns/record", func(f figures) string { return grouped(f.CPU) }, false},
	{"peak MiB (before)", func(f figures) string { return fmt.Sprintf("%.1f (%.1f)", mib(f.PeakRSS), mib(f.StartRSS)) }, false},
	{"lost", func(f figures) string { return grouped(float64(f.Lost)) }, false},
	{"twice", func(f figures) string { return grouped(float64(f.Duplicates)) }, false},
}

func decimals(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%.1f", x)
	}
	return grouped(x)
}

// grouped writes a whole number with commas between thousands.
func grouped(x float64) string {
	s := fmt.Sprintf("%.0f", x)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// each calls fn for what was measured, in the order of the tables.
func (r results) each(scenario string, fn func(p peer, f figures)) {
	for _, p := range peers {
		if f, ok := r[scenario][p.name]; ok {
			fn(p, f)
		}
	}
}

func printTable(w io.Writer, all results) {
	for _, sc := range scenarios {
		if len(all[sc.name]) == 0 {
			continue
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(w, "%s: %s\n", sc.name, sc.about)
		fmt.Fprint(t, "\t")
		for _, c := range columns {
			fmt.Fprint(t, c.head, "\t")
		}
		fmt.Fprintln(t)
		all.each(sc.name, func(p peer, f figures) {
			fmt.Fprint(t, p.name, "\t")
			for _, c := range columns {
				fmt.Fprint(t, c.value(f), "\t")
			}
			fmt.Fprintln(t)
		})
		t.Flush()
		fmt.Fprintln(w)
	}
}

const (
	beginMark = "<!-- bench:begin -->"
	endMark   = "<!-- bench:end -->"
)

// writeMarkdown rewrites what is between the marks of a file.
func writeMarkdown(file string, all results, s settings, in *input) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), beginMark)
	_, after, ok2 := strings.Cut(rest, endMark)
	if !ok || !ok2 {
		return fmt.Errorf("%s: no line %s with a line %s after it", file, beginMark, endMark)
	}
	return os.WriteFile(file, []byte(before+beginMark+"\n"+markdown(all, s, in, time.Now())+endMark+after), 0o644)
}

func markdown(all results, s settings, in *input, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s on %d cores of %s, %s, by `make bench`; input: %s, %s records.\n", now.Format("2 January 2006"),
		runtime.NumCPU(), machine(), runtime.Version(), in.from, grouped(float64(len(in.records))))
	about := map[string]string{
		"minute": fmt.Sprintf("%d minutes of telemetry, flushed once a minute", s.minutes),
		"steady": fmt.Sprintf("%s records a second for %v, flushed every %v", grouped(float64(s.steadyRate)), s.steadyTime, s.steadyFlush),
		"drain":  fmt.Sprintf("a backlog of %s records at full speed", grouped(float64(s.records))),
		"disk":   fmt.Sprintf("a backlog of %s records on disk, opened and sent at full speed", grouped(float64(s.backlog))),
	}
	short := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.long })
	for _, sc := range scenarios {
		if len(all[sc.name]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n| %s |", about[sc.name])
		for _, c := range short {
			fmt.Fprintf(&b, " %s |", c.head)
		}
		b.WriteString("\n|---|" + strings.Repeat("---:|", len(short)) + "\n")
		all.each(sc.name, func(p peer, f figures) {
			fmt.Fprintf(&b, "| %s |", p.about)
			for _, c := range short {
				fmt.Fprintf(&b, " %s |", c.value(f))
			}
			b.WriteString("\n")
		})
	}
	return b.String()
}

// machine names the processor.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
