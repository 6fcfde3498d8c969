package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/rivulet-iot/rivulet/internal/term"
)

// command is one subcommand.
type command struct {
	name    string
	summary string // one line, for the list
	usage   string // what follows the name
	text    string // what it does and how, with examples
	args    int    // how many arguments it takes that are no flags, at most
	// setup defines the command's flags and returns what runs it once they are
	// parsed. The flag set's own output is not used.
	setup func(*flag.FlagSet) func(context.Context, streams) error
}

// streams are where a command reads and writes, and its arguments.
type streams struct {
	in       io.Reader
	out, err io.Writer
	args     []string // without flags
}

// commands is the table of all commands but help.
var commands = []command{tailCommand, spoolCommand, backendCommand}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error in how a command was called.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stdout, overview())
		return exitOK
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		return help(rest, stdout, stderr)
	}
	cmd := find(name)
	if cmd == nil {
		fmt.Fprintf(stderr, "rivulet: there is no command %q; \"rivulet help\" lists them\n", name)
		return exitUsage
	}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	start := cmd.setup(flags)
	var words []string
	err := flags.Parse(rest)
	for err == nil && flags.NArg() > 0 && len(words) < cmd.args { // flags may come before, between and after
		words = append(words, flags.Arg(0))
		err = flags.Parse(flags.Args()[1:])
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, cmd.help())
		return exitOK
	case err != nil:
		err = usageError{err}
	case flags.NArg() > 0:
		err = usagef("there is something that is no flag: %q", flags.Arg(0))
	default:
		err = start(ctx, streams{stdin, stdout, stderr, words})
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "rivulet %s: %s\n", name, forTerminal(err))
	if errors.As(err, new(usageError)) {
		fmt.Fprintf(stderr, "\"rivulet help %s\" explains the command\n", name)
		return exitUsage
	}
	return exitFailed
}

// forTerminal returns an error's text, which may quote what a stream, a file or an endpoint
// says. Lines after the first are set in, so that none passes for a line of the program's own.
func forTerminal(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, l := range lines {
		lines[i] = term.Escape(l)
	}
	return strings.Join(lines, "\n  ")
}

func help(args []string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 0 || len(args) == 1 && args[0] == "help":
		fmt.Fprint(stdout, overview())
		return exitOK
	case len(args) > 1:
		fmt.Fprintln(stderr, "rivulet help: one command at a time")
		return exitUsage
	}
	cmd := find(args[0])
	if cmd == nil {
		fmt.Fprintf(stderr, "rivulet help: there is no command %q; \"rivulet help\" lists them\n", args[0])
		return exitUsage
	}
	fmt.Fprint(stdout, cmd.help())
	return exitOK
}

func find(name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

func overview() string {
	var b strings.Builder
	b.WriteString("rivulet is the tool for what the rivulet library writes: streams, and buffers on disk;\nand for what a stream needs behind it.\n\nUsage:\n\n  rivulet command [flags]\n\nCommands:\n\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprintf(&b, "  %-8s %s\n", "help", "explain a command")
	b.WriteString("\nStart with \"rivulet help tail\".\n")
	return b.String()
}

func (c *command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: rivulet %s %s\n\n%s\n\nFlags:\n\n", c.name, c.usage, strings.TrimSpace(c.text))
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(flags)
	flags.SetOutput(&b)
	flags.PrintDefaults()
	return b.String()
}
