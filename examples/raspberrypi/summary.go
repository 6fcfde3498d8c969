package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/examples/raspberrypi/machine"
	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/record"
)

// report writes the summary, what went wrong, and the JSON, and returns the exit
// code. With -json or -events stdout is for machines, and the summary goes to
// stderr, if a person is there to read it.
func (a *agent) report() int {
	f := &a.figures
	problems := f.problems(a)
	f.Error = strings.Join(problems, "; ")

	to := a.stdout
	if a.json || a.events {
		to = a.stderr
	}
	if file, ok := to.(*os.File); !a.json || ok && machine.IsTerminal(file) {
		color := ok && machine.Color(file)
		fmt.Fprint(to, f.summary(color, len(problems) == 0))
	}
	for _, p := range problems {
		fmt.Fprintln(a.stderr, "raspberrypi:", term.Escape(p))
	}
	if a.json {
		if err := jsonEncoder(a.stdout).Encode(f); err != nil {
			fmt.Fprintln(a.stderr, "raspberrypi: stdout:", err)
			return 1
		}
	}
	if len(problems) > 0 {
		return 1
	}
	return 0
}

// maxSensorsShown keeps the summary of a large server on one screen.
const maxSensorsShown = 40

func (f *figures) summary(color, good bool) string {
	var b strings.Builder
	paint := func(code, s string) string {
		if !color {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	row := func(head, format string, args ...any) {
		fmt.Fprintf(&b, "  %s  %s\n", paint("1", fmt.Sprintf("%-9s", head)), fmt.Sprintf(format, args...))
	}
	earlier := ""
	if f.Recovered > 0 {
		earlier = fmt.Sprintf(" and %s of earlier runs", thousands(f.Recovered))
	}
	fmt.Fprintf(&b, "\n%s records%s in %s to %s\n\n", paint("1", thousands(f.Put)), earlier, short(f.Seconds), f.where())

	for i, s := range f.Sensors {
		if i == maxSensorsShown {
			row("", "and %d more (-json lists all)", len(f.Sensors)-i)
			break
		}
		head := ""
		if i == 0 {
			head = "sensors"
		}
		row(head, "%s", term.Escape(s.String()))
	}
	if f.BadLines > 0 {
		row("skipped", "%d bad line(s)", f.BadLines)
	}
	row("delivered", "%s%s", thousands(f.Delivered), f.losses())
	f.spoolRows(row, func(s string) string { return paint("31", s) })
	if f.Delivered > 0 {
		row("bytes", "%s as JSON lines; %s went up the socket, TLS handshake and all%s: %.1f B a record",
			size(f.JSONBytes), size(f.WireBytesUp), ratio(f.JSONBytes, f.WireBytesUp), float64(f.WireBytesUp)/float64(f.Delivered))
		row("", "%s of payload (%s over %s), %s came down", size(f.PayloadBytes), f.Codec, f.Wire, size(f.WireBytesDown))
		row("calls", "%s, with %s, holding %s; %s of 25 KB billed", count(f.Requests, "PutRecords request"),
			count(f.KinesisRecords, "Kinesis record"), count(f.UserRecords, "frame"), count(f.PayloadUnits, "payload unit"))
		f.balance(row)
	}
	of := ""
	if f.Embedded {
		of = ", of which the Kinesis server in this process is a part"
	}
	row("cost", "%s of memory at the peak, %s of CPU%s", size(uint64(max(f.PeakRSSBytes, 0))), short(f.CPUSeconds), of)
	switch {
	case !f.Embedded:
		row("verified", "no: a real stream is not read back; rivulet tail shows what is in it")
	case f.check.err != nil:
		row("verified", "%s: %s of %s records read back equal", paint("31", "NO"), thousands(f.Verified), thousands(f.all()))
	case f.Verified == f.all() && good:
		of := ""
		if f.check.earlier > 0 {
			of = fmt.Sprintf("; the %s of earlier runs were whole", thousands(f.check.earlier))
		}
		row("verified", "%s", paint("32", fmt.Sprintf("all %s records read back equal, bit for bit%s", thousands(f.Verified-f.check.earlier), of)))
	default:
		row("verified", "%s of %s records read back equal", thousands(f.Verified), thousands(f.all()))
	}
	b.WriteString("\n")
	return b.String()
}

func (f *figures) where() string {
	if f.Embedded {
		return "the stream inside this process"
	}
	return "stream " + f.Stream
}

func (f *figures) losses() string {
	s := ""
	for _, l := range []struct {
		n    uint64
		name string
	}{{f.Pending, "pending"}, {f.Expired, "expired"}, {f.Evicted, "evicted"}, {f.Rejected, "rejected"}, {f.Corrupt, "corrupt"}} {
		if l.n > 0 {
			s += fmt.Sprintf(", %s %s", thousands(l.n), l.name)
		}
	}
	if f.DuplicatesSent > 0 {
		s += fmt.Sprintf(" (%s sent twice; a consumer drops them by id)", thousands(f.DuplicatesSent))
	}
	return s
}

// balance tells how the records are spread over shards: of the embedded stream
// all shards and bytes are known, of another those that took records.
func (f *figures) balance(row func(head, format string, args ...any)) {
	if shards := f.check.balance.Shards; len(shards) > 0 {
		parts := make([]string, len(shards))
		for i, s := range shards {
			parts[i] = percent(uint64(s.Records), uint64(f.check.balance.Records))
		}
		row("shards", "%s of the records on each of %d, by %s; the busiest has %.1f times the mean", strings.Join(parts, " "),
			len(shards), count(uint64(f.check.balance.KeyCount), "partition key"), f.check.balance.Imbalance())
		return
	}
	var parts []string
	for i, id := range f.shardIDs() {
		if i == 8 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, percent(f.Shards[id], f.Delivered))
	}
	row("shards", "%s of the records on each of the %d that took any", strings.Join(parts, " "), len(f.Shards))
}

// String is the sensor's line in the summary.
func (s sensorFigure) String() string {
	v := "not read"
	switch x := s.Value.(type) {
	case float64:
		v = measured(x, s.Unit)
	case int64:
		v = measured(float64(x), s.Unit)
	case bool:
		v = strconv.FormatBool(x)
	}
	if s.Error != "" {
		v = "failed: " + s.Error
	}
	return fmt.Sprintf("%-34s %s", s.Name, v)
}

// plain returns the value as encoding/json takes it.
func plain(v record.Value) any {
	switch v.Kind() {
	case record.Float:
		return v.Float()
	case record.Int:
		return v.Int()
	case record.Bool:
		return v.Bool()
	}
	return v.Str()
}

// measured prints a value with its unit, as people do.
func measured(x float64, unit string) string {
	switch {
	case unit == "B" && x >= 0:
		return size(uint64(x))
	case unit == "/":
		return fmt.Sprintf("%.1f %%", 100*x)
	case unit == "s" && x >= 60:
		return short(x)
	case unit == "Cel":
		unit = "°C"
	case unit == "1":
		unit = ""
	}
	digits := 6
	if math.Abs(x) >= 1e6 && x == math.Trunc(x) {
		digits = -1
	}
	return strings.TrimSpace(strconv.FormatFloat(x, 'g', digits, 64) + " " + unit)
}

func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func count(n uint64, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

func size(n uint64) string {
	f, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

func short(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Minute).String()
}

func percent(n, of uint64) string { return fmt.Sprintf("%.0f%%", 100*float64(n)/float64(max(of, 1))) }

// ratio says how many times less b is than a, if it is less.
func ratio(a, b uint64) string {
	if b == 0 || b >= a {
		return ""
	}
	return fmt.Sprintf(", %.1f times less", float64(a)/float64(b))
}
