package sensors

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// kept is a file below /sys or /proc that stays open between reads: the kernel makes
// its text anew for each read from offset 0, so a pass costs one system call.
//
// It is a bare descriptor and not an os.File because a read must be a single pread:
// a second one, to see the end of the file, may make a driver measure again.
type kept struct {
	path string
	fd   int // -1: closed
}

func keep(path string) *kept { return &kept{path, -1} }

// read returns what the file holds, up to len(buf), in buf. After an error the next
// read opens the file again: a device that was unplugged and is back has new files.
func (k *kept) read(buf []byte) ([]byte, error) {
	if err := k.open(); err != nil {
		return nil, err
	}
	n, err := ignoringEINTR(func() (int, error) { return unix.Pread(k.fd, buf, 0) })
	if err != nil {
		k.close()
		return nil, err
	}
	return buf[:n], nil
}

func (k *kept) open() error {
	if k.fd >= 0 {
		return nil
	}
	fd, err := ignoringEINTR(func() (int, error) {
		return unix.Open(k.path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	})
	if err == nil {
		k.fd = fd
	}
	return err
}

// readAll is read for a table of /proc, which may take several reads of a page.
func (k *kept) readAll(buf []byte) ([]byte, error) {
	b, err := k.read(buf)
	for n := len(b); err == nil && n > 0 && len(b) < len(buf); {
		n, err = ignoringEINTR(func() (int, error) { return unix.Pread(k.fd, buf[len(b):], int64(len(b))) })
		if err == nil {
			b = buf[:len(b)+n]
		}
	}
	if err != nil {
		k.close()
		return nil, err
	}
	return b, nil
}

func (k *kept) close() {
	if k != nil && k.fd >= 0 {
		unix.Close(k.fd)
		k.fd = -1
	}
}

func ignoringEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// readText returns the cleaned text of a small file, "" where it can't be read.
func readText(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return ""
	}
	return cleanText(strings.TrimRight(string(b), "\x00\n"))
}

// list returns the names in a directory that begin with prefix, at most 4096 of
// them; none where it can't be read.
func list(dir, prefix string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	all, _ := f.Readdirnames(4096)
	var names []string
	for _, name := range all {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// resolve follows symbolic links; it returns "" where there is nothing.
func resolve(path string) string {
	p, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return p
}
