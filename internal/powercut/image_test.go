//go:build linux

package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// imageSize is what an image file would take if it were not sparse.
const imageSize = 64 << 20

// image is a file system in a file.
type image struct {
	file string
	dir  string // where it is mounted
}

// workDir is where images go: scripts/*.sh name a directory that they clean up
// however this program ends.
func workDir(t testing.TB) string {
	if dir := os.Getenv("POWERCUT_DIR"); dir != "" {
		sub, err := os.MkdirTemp(dir, "")
		require.NoError(t, err)
		return sub
	}
	return t.TempDir()
}

func run(t testing.TB, name string, args ...string) string {
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

// requireMounts ends the test, as failed, on a machine that cannot do it.
func requireMounts(t testing.TB) {
	var missing []string
	for _, program := range []string{"mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		missing = append(missing, "loop devices (/dev/loop-control)")
	}
	if len(missing) > 0 {
		t.Fatalf("this machine cannot mount an image, so that nothing was tested: it lacks %s", strings.Join(missing, ", "))
	}
}

// newImage makes an empty ext4 with pages of 4 KiB, as cards have, and mounts it.
func newImage(t testing.TB, dir, options string) *image {
	im := &image{filepath.Join(dir, "disk.img"), filepath.Join(dir, "mnt")}
	f, err := os.Create(im.file)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(imageSize))
	require.NoError(t, f.Close())
	run(t, "mkfs.ext4", "-q", "-F", "-b", "4096", im.file)
	im.mount(t, options)
	return im
}

// mount mounts the image, through a loop device that goes with the mount.
func (im *image) mount(t testing.TB, options string) {
	require.NoError(t, os.Mkdir(im.dir, 0o700))
	run(t, "mount", "-t", "ext4", "-o", "loop,"+options, im.file, im.dir)
	t.Cleanup(func() { im.unmount(t) })
}

// unmount is done once; whoever still has a file open does not keep it mounted.
func (im *image) unmount(t testing.TB) {
	if im.dir == "" {
		return
	}
	if err := exec.Command("umount", im.dir).Run(); err != nil {
		run(t, "umount", "--lazy", im.dir)
	}
	im.dir = ""
}

// device returns the block device, such as "loop3".
func (im *image) device(t testing.TB) string {
	mounts, err := os.ReadFile("/proc/mounts")
	require.NoError(t, err)
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == im.dir {
			return filepath.Base(f[0])
		}
	}
	t.Fatalf("%s is not mounted", im.dir)
	return ""
}

// clone copies the image by reference: the copy is what the file was at one
// moment, even while it is written to. ok is false where the file system that the
// image lies on cannot do that (XFS and btrfs can).
func (im *image) clone(t testing.TB, to string) (ok bool) {
	src, err := os.Open(im.file)
	require.NoError(t, err)
	defer func() { _ = src.Close() }()
	dst, err := os.Create(to)
	require.NoError(t, err)
	defer func() { _ = dst.Close() }()
	return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) == nil
}

// collect reads the image twice, and again until it finds the same both times:
// then it was so at the moment between.
func (im *image) collect(t testing.TB, to string) {
	for range 200 {
		first, err := im.read()
		require.NoError(t, err)
		second, err := im.read()
		require.NoError(t, err)
		if len(first) != len(second) {
			continue
		}
		same := true
		for off, b := range first {
			same = same && bytes.Equal(b, second[off])
		}
		if same {
			require.NoError(t, write(to, first))
			return
		}
	}
	t.Fatal("the image never came to rest")
}

const chunk = 64 << 10

// read returns the parts of the image that are not holes.
func (im *image) read() (map[int64][]byte, error) {
	f, err := os.Open(im.file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	parts := map[int64][]byte{}
	for off := int64(0); off < imageSize; {
		data, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("seek for data: %w", err)
		}
		off = data / chunk * chunk
		b := make([]byte, chunk)
		if _, err := f.ReadAt(b, off); err != nil && err != io.EOF {
			return nil, err
		}
		parts[off] = b
		off += chunk
	}
	return parts, nil
}

func write(name string, parts map[int64][]byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = f.Truncate(imageSize)
	for off, b := range parts {
		if err == nil {
			_, err = f.WriteAt(b, off)
		}
	}
	return errors.Join(err, f.Close())
}
