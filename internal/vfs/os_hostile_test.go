//go:build linux || darwin

package vfs

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// odd makes things that are no regular file with one name. Each returns what must
// not be touched, or "".
var odd = map[string]func(t *testing.T, name string) (target string){
	"a link to a file": func(t *testing.T, name string) string {
		target := filepath.Join(t.TempDir(), "target")
		require.NoError(t, os.WriteFile(target, []byte("precious"), 0o600))
		require.NoError(t, os.Symlink(target, name))
		return target
	},
	"a link to nothing": func(t *testing.T, name string) string {
		target := filepath.Join(t.TempDir(), "nothing")
		require.NoError(t, os.Symlink(target, name))
		return target
	},
	"a second name of a file": func(t *testing.T, name string) string {
		target := filepath.Join(filepath.Dir(filepath.Dir(name)), "target")
		require.NoError(t, os.WriteFile(target, []byte("precious"), 0o600))
		require.NoError(t, os.Link(target, name))
		return target
	},
	"a pipe": func(t *testing.T, name string) string {
		require.NoError(t, unix.Mkfifo(name, 0o600))
		return ""
	},
	"a socket": func(t *testing.T, name string) string {
		l, err := net.Listen("unix", name)
		if err != nil {
			t.Skip(err) // the name is too long for one
		}
		t.Cleanup(func() { _ = l.Close() })
		return ""
	},
	"a device": func(t *testing.T, name string) string {
		if err := unix.Mknod(name, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))); err != nil {
			t.Skip(err)
		}
		return ""
	},
	"a directory": func(t *testing.T, name string) string {
		require.NoError(t, os.Mkdir(name, 0o700))
		return ""
	},
}

// Nothing but a regular file is opened: no call waits, and nothing is changed
// elsewhere.
func TestOSOpensRegularFilesOnly(t *testing.T) {
	for kind, make := range odd {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			require.NoError(t, os.Mkdir(dir, 0o700))
			name := filepath.Join(dir, "f")
			target := make(t, name)
			before, berr := os.ReadFile(target)
			fsys := OS{}
			for _, mode := range []Mode{ReadOnly, ReadWrite, Create} {
				f, err := fsys.Open(name, mode)
				if mode == ReadOnly && kind == "a second name of a file" {
					require.NoError(t, err, "to read it does no harm")
					require.NoError(t, f.Close())
					continue
				}
				require.Error(t, err, mode)
				require.ErrorContains(t, err, name)
			}
			_, err := fsys.Lock(name)
			require.ErrorIs(t, err, ErrNotRegular)
			if kind != "a second name of a file" {
				_, _, err = LockHolder(name)
				require.ErrorIs(t, err, ErrNotRegular)
			}
			if kind != "a directory" { // it is replaced, not followed
				require.NoError(t, WriteFile(fsys, name, []byte("new")))
				f, err := fsys.Open(name, ReadWrite)
				require.NoError(t, err)
				require.NoError(t, f.Close())
			}
			if target != "" {
				after, aerr := os.ReadFile(target)
				require.Equal(t, before, after)
				require.Equal(t, berr == nil, aerr == nil)
			}
		})
	}
}

// A listing tells what is odd, and a directory is not reached by a link.
func TestOSReadDirOfOddThings(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("12345"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dir"), 0o700))
	require.NoError(t, os.Symlink("file", filepath.Join(dir, "link")))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	infos, err := OS{}.ReadDir(dir)
	require.NoError(t, err)
	require.Equal(t, []Info{{"dir", 0, true, false}, {"file", 5, false, false}, {"link", 0, false, true}, {"pipe", 0, false, true}}, infos)

	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	for _, name := range []string{link, link + "/"} {
		_, err = OS{}.ReadDir(filepath.Clean(name))
		require.ErrorContains(t, err, "give the directory that it leads to")
	}
	_, err = OS{}.ReadDir(filepath.Join(dir, "pipe"))
	require.ErrorIs(t, err, syscall.ENOTDIR)
	require.Error(t, OS{}.SyncDir(filepath.Join(dir, "pipe")))
}

// A directory that others can write to is not trusted, and the error says what to
// do.
func TestTrust(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	require.NoError(t, OS{}.Mkdir(dir))
	for mode, ok := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o750: true, 0o500: true, 0o775: false, 0o770: false, 0o777: false, 0o702: false, 0o777 | os.ModeSticky: false} {
		require.NoError(t, os.Chmod(dir, mode))
		err := Trust(OS{}, dir)
		if ok {
			require.NoError(t, err, mode)
			continue
		}
		require.ErrorIs(t, err, ErrUntrusted, mode)
		require.ErrorContains(t, err, "chmod go-w "+dir)
	}
	require.NoError(t, os.Chmod(dir, 0o700))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	require.ErrorIs(t, Trust(OS{}, link), ErrUntrusted)
	require.NoError(t, Trust(NewCrash(), "a file system without owners"))
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(dir, 12345, 12345))
		err := Trust(OS{}, dir)
		require.ErrorIs(t, err, ErrUntrusted)
		require.ErrorContains(t, err, "user 12345")
	}
}
