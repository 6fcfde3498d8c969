package machine

import (
	"os"

	"golang.org/x/sys/windows"
)

// isConsole also turns on the escape sequences, which a console of Windows 10 and
// later understands; one that does not is none for our purpose.
func isConsole(f *os.File) (yes bool) {
	withFD(f, func(fd uintptr) {
		var mode uint32
		if windows.GetConsoleMode(windows.Handle(fd), &mode) != nil {
			return
		}
		const escapes = windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
		yes = mode&escapes != 0 || windows.SetConsoleMode(windows.Handle(fd), mode|escapes) == nil
	})
	return yes
}

func consoleWidth(f *os.File) (columns int) {
	withFD(f, func(fd uintptr) {
		var info windows.ConsoleScreenBufferInfo
		if windows.GetConsoleScreenBufferInfo(windows.Handle(fd), &info) == nil {
			columns = int(info.Window.Right) - int(info.Window.Left) + 1
		}
	})
	return columns
}
