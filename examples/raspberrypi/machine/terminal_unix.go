//go:build linux || darwin

package machine

import (
	"os"

	"golang.org/x/sys/unix"
)

func isConsole(f *os.File) (yes bool) {
	// Only a terminal has line settings; /dev/null is a character device as well.
	withFD(f, func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), getTermios)
		yes = err == nil
	})
	return yes
}

func consoleWidth(f *os.File) (columns int) {
	withFD(f, func(fd uintptr) {
		if size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ); err == nil {
			columns = int(size.Col)
		}
	})
	return columns
}
