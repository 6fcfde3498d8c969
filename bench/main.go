// Command bench measures Rivulet beside other Kinesis producers: the same input,
// the same endpoint over TLS, bytes counted at the socket, CPU and memory of the
// producer's own processes.
//
//	cd bench && go run .                                   everything; some minutes
//	cd bench && go run . -only rivulet,a8m -scenario drain
//	cd bench && go run . frames -json                      bytes a record by codec and frame size
//	cd bench && go run . size                              sizes of stripped programs
//
// scripts/bench.sh installs what the producers in Java and Python need.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	args, command := os.Args[1:], compareCommand
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "frames":
			command = framesCommand
		case "size":
			command = sizeCommand
		default:
			fmt.Fprintf(os.Stderr, "bench: there is no command %q; there are frames and size, and without one producers are compared\n", args[0])
			os.Exit(2)
		}
		args = args[1:]
	}
	if err := command(ctx, args); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		stop()
		os.Exit(1)
	}
}

// say reports progress.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }

func compareCommand(ctx context.Context, args []string) error {
	var s settings
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	data := f.String("data", "", "file of record JSON lines, .gz allowed (default: the sample telemetry beside the repository, or else generated readings)")
	only := f.String("only", "", "producers, such as rivulet,a8m (default: all)")
	scenario := f.String("scenario", "", "scenarios: minute, steady, drain, disk (default: all)")
	asJSON := f.Bool("json", false, "print one JSON object {scenario: {producer: {figure: value}}}")
	markdown := f.String("markdown", "", "file whose table between the marks bench:begin and bench:end is rewritten")
	svg := f.String("svg", "", "directory that charts are written to")
	f.StringVar(&s.codec, "codec", "", "Rivulet's codec (default: that of its Config)")
	f.IntVar(&s.runs, "runs", 1, "runs of each, of which that with the median CPU time counts")
	f.IntVar(&s.minutes, "minutes", 60, "minute: minutes of the records' time")
	f.DurationVar(&s.window, "minute-time", 250*time.Millisecond, "minute: real time that a minute takes")
	f.DurationVar(&s.steadyTime, "steady-time", 30*time.Second, "steady: how long")
	f.IntVar(&s.steadyRate, "steady-rate", 1000, "steady: records a second")
	f.DurationVar(&s.steadyFlush, "steady-flush", time.Second, "steady: how long a record may wait for others")
	f.IntVar(&s.records, "records", 200_000, "drain: records")
	f.IntVar(&s.backlog, "backlog", 1_000_000, "disk: records")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	s.producers, s.scenarios = list(*only), list(*scenario)
	if err := known("-only", s.producers, names(peers, func(p peer) string { return p.name })); err != nil {
		return err
	}
	if err := known("-scenario", s.scenarios, scenarioNames()); err != nil {
		return err
	}
	if s.runs < 1 || s.minutes < 1 || s.window < 10*time.Millisecond || s.steadyRate < 1 || s.steadyTime <= 0 || s.records < 1 || s.backlog < 1 {
		return errors.New("-runs, -minutes, -steady-rate, -steady-time, -records and -backlog must be positive, -minute-time at least 10ms")
	}
	in, err := loadInput(*data)
	if err != nil {
		return err
	}
	say("input: %s, %d records", in.from, len(in.records))
	all, err := runAll(ctx, s, in, say)
	if err != nil {
		return err
	}
	if *svg != "" {
		if err := writeCharts(*svg, all); err != nil {
			return err
		}
	}
	if *markdown != "" {
		if err := writeMarkdown(*markdown, all, s, in); err != nil {
			return err
		}
	}
	if *asJSON {
		return printJSON(all)
	}
	printTable(os.Stdout, all)
	return nil
}

func printJSON(v any) error {
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func names[T any](all []T, name func(T) string) (out []string) {
	for _, v := range all {
		out = append(out, name(v))
	}
	return out
}

func scenarioNames() []string { return names(scenarios, func(s scenario) string { return s.name }) }

// known tells whether the names of a flag exist.
func known(flag string, given, there []string) error {
	for _, g := range given {
		if !slices.Contains(there, g) {
			return fmt.Errorf("%s: there is no %q; there are %s", flag, g, strings.Join(there, ", "))
		}
	}
	return nil
}
