package machine

import (
	"os"
	"strconv"
)

// defaultWidth is that of the terminals everything descends from.
const defaultWidth = 80

// IsTerminal reports whether f is a terminal on which a line can be rewritten: a
// console, with TERM not "dumb". A pipe, a file, /dev/null and nil are none.
func IsTerminal(f *os.File) bool {
	return f != nil && os.Getenv("TERM") != "dumb" && isConsole(f)
}

// Color reports whether f is a terminal and the user has not asked for plain text by
// setting NO_COLOR to anything (https://no-color.org).
func Color(f *os.File) bool { return os.Getenv("NO_COLOR") == "" && IsTerminal(f) }

// TerminalWidth is the number of columns of the terminal f, else COLUMNS, else 80.
func TerminalWidth(f *os.File) int {
	if f != nil {
		if n := consoleWidth(f); n > 0 {
			return n
		}
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 && n <= 10_000 {
		return n
	}
	return defaultWidth
}

// withFD calls do with the file's descriptor, and leaves the file as it is; do is not
// called for a file that is closed.
func withFD(f *os.File, do func(fd uintptr)) {
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(do) // an error is that of a closed file: no terminal
	}
}
