//go:build linux || darwin

package retry

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// In the place of any file of a buffer there is a link, a pipe or another name of a
// file elsewhere: nothing waits for ever, nothing elsewhere changes, and the
// buffer works as soon as it may.
func TestOpenOfAHostileDirectory(t *testing.T) {
	id := spool.FileID{First: 1, Salt: 5}
	names := []string{spool.LockName, spool.FormatName, spool.CursorName, spool.SpareName, id.Name(spool.SegmentExt), id.Name(spool.BadExt), id.Name(spool.AsideExt),
		spool.DocName(7, []byte("document")), spool.CursorName + ".tmp", spool.FormatName + ".tmp", spool.DocName(7, []byte("document")) + ".tmp"}
	for kind, plant := range map[string]func(target, name string) error{
		"a link":            os.Symlink,
		"a link to nothing": func(_, name string) error { return os.Symlink(name+"-nothing", name) },
		"a second name":     os.Link,
		"a pipe":            func(_, name string) error { return unix.Mkfifo(name, 0o600) },
	} {
		for _, name := range names {
			t.Run(kind+" "+name, func(t *testing.T) {
				root := t.TempDir()
				dir, target := filepath.Join(root, "spool"), filepath.Join(root, "target")
				precious := append([]byte("precious"), make([]byte, 32<<10)...)
				require.NoError(t, os.WriteFile(target, precious, 0o600))
				require.NoError(t, os.Mkdir(dir, 0o700))
				require.NoError(t, plant(target, filepath.Join(dir, name)))
				synctest.Test(t, func(t *testing.T) {
					d, err := Open(dir, Options{MaxBytes: minDisk})
					require.NoError(t, err)
					require.NoError(t, d.Define(7, []byte("document")))
					putAll(t, d, 1, 100, 1000)
					time.Sleep(5 * time.Second)
					if name == spool.LockName {
						require.ErrorIs(t, d.Health().Err, vfs.ErrNotRegular)
						require.ErrorContains(t, d.Health().Err, "remove it")
						require.NoError(t, os.Remove(filepath.Join(dir, name)))
					}
					well(t, d)
					got := takeAll(d)
					require.Equal(t, upTo(1, 100), got)
					require.NoError(t, d.Close())
				})
				now, err := os.ReadFile(target)
				require.NoError(t, err)
				require.Equal(t, precious, now, "what is elsewhere stays as it was")
				require.NoFileExists(t, filepath.Join(dir, name+"-nothing"))
			})
		}
	}
}

// A directory that others could write to is refused, with what to do about it; one
// that Open makes is its owner's.
func TestOpenRefusesWhatOthersCanWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "spool")
	d, err := Open(dir, Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	before := contents(t, osDir(dir))
	for _, mode := range []os.FileMode{0o777, 0o770, 0o722, os.ModeSticky | 0o777} {
		require.NoError(t, os.Chmod(dir, mode))
		_, err := Open(dir, Options{})
		require.ErrorIs(t, err, ErrUntrusted)
		require.ErrorContains(t, err, "chmod go-w "+dir)
	}
	require.NoError(t, os.Chmod(dir, 0o755))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	_, err = Open(link, Options{})
	require.ErrorIs(t, err, ErrUntrusted)
	require.ErrorContains(t, err, "give the directory that it leads to")
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(dir, 4242, 4242))
		_, err = Open(dir, Options{})
		require.ErrorIs(t, err, ErrUntrusted)
		require.ErrorContains(t, err, "user 4242")
	}
	require.Equal(t, before, contents(t, osDir(dir)))
}

// osDir is a file system in which a directory is called spool.
type osDir string

func (dir osDir) ReadDir(string) ([]vfs.Info, error) { return vfs.OS{}.ReadDir(string(dir)) }
func (dir osDir) Open(name string, mode vfs.Mode) (vfs.File, error) {
	return vfs.OS{}.Open(filepath.Join(string(dir), filepath.Base(name)), mode)
}

// A file that was made to have its reader remember bits without end.
func TestOpenOfACraftedSegment(t *testing.T) {
	for _, far := range []uint64{spool.MaxSpan - 10, 1 << 40, 1 << 61} {
		fsys := vfs.NewCrash()
		require.NoError(t, vfs.MkdirAll(fsys, crashDir))
		id := spool.FileID{First: 1, Salt: far}
		var file []byte
		for i, first := range []uint64{1, 11, far} {
			var b spool.Builder
			b.Reset()
			for k := range uint64(5) {
				b.Add("d", 9, first+k, []byte("data"))
			}
			file = b.Append(file, id.Salt, int64(len(file)), &spool.Head{First: first, Before: uint64(5 * i)})
		}
		name := filepath.Join(crashDir, id.Name(spool.SegmentExt))
		require.NoError(t, vfs.WriteFile(fsys, name, file))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d := still(t, fsys, Options{})
		got := seqs(d)
		d.Ack(1, 1, Delivered)
		d.Ack(13, 1<<62, Delivered)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
		want := []uint64{1, 2, 3, 4, 5, 11, 12, 13, 14, 15}
		if far < spool.MaxSpan {
			want = append(want, far, far+1, far+2, far+3, far+4)
		}
		require.Equal(t, want, got)
	}
}
