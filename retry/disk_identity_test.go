package retry

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// life opens a directory, notes the entries that come back, puts five more and is
// killed. An id has one content for ever.
func life(t *testing.T, fsys vfs.FS, dir string, known map[entryID]string) {
	t.Helper()
	d, err := newDisk(fsys, dir, crashOptions)
	require.NoError(t, err)
	defer die(d)
	for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
		for _, e := range es {
			require.Equal(t, known[entryID{e.Device, e.Boot, e.Seq}], string(e.Data))
		}
		d.Return(es[0].Index, es[len(es)-1].Index)
	}
	for range 5 {
		data := fmt.Sprint("content ", len(known))
		boot, seq, err := d.Append(t.Context(), "d", []byte(data))
		require.NoError(t, err)
		id := entryID{"d", boot, seq}
		require.NotContains(t, known, id, "an id came again")
		known[id] = data
	}
	workNow(d)
	require.NoError(t, d.Health().Err)
}

// No id has two contents, whatever becomes of the directory: removed, on tmpfs, a
// new card, an image that is restored, copied to many devices, opened side by side.
func TestDiskIdentity(t *testing.T) {
	known := map[entryID]string{}
	root := t.TempDir()
	dir := filepath.Join(root, "spool")
	for range 3 { // removed
		life(t, vfs.OS{}, dir, known)
		require.NoError(t, os.RemoveAll(dir))
	}
	life(t, vfs.OS{}, dir, known)
	life(t, vfs.OS{}, dir, known)
	copied := func(to string) string {
		to = filepath.Join(root, to)
		require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
		require.NoError(t, os.Chmod(to, 0o700))
		return to
	}
	image := copied("image")
	for i := range 3 { // a fleet from one image
		life(t, vfs.OS{}, copied(fmt.Sprint("device", i)), known)
	}
	for range 2 { // restored
		life(t, vfs.OS{}, dir, known)
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.CopyFS(dir, os.DirFS(image)))
	}
	for _, name := range []string{"cursor", "FORMAT"} { // parts of it are gone
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
		life(t, vfs.OS{}, dir, known)
	}
	require.Len(t, known, 5*12)
}

// Nor does any power cut change that, from the first opening on.
func TestDiskIdentityAcrossCuts(t *testing.T) {
	var next func(fsys *vfs.Crash, known map[entryID]string, depth int)
	lives := 0
	next = func(fsys *vfs.Crash, known map[entryID]string, depth int) {
		lives++
		var points []*vfs.Point
		fsys.OnCall = func(vfs.Call) { points = append(points, fsys.Point()) }
		life(t, fsys, crashDir, known)
		fsys.OnCall = nil
		for i, p := range points {
			if depth == 0 || i%5 != 0 {
				continue
			}
			for state := range p.States(3, uint64(i)) {
				next(state, known, depth-1)
			}
		}
	}
	next(vfs.NewCrash(), map[entryID]string{}, 3)
	require.Greater(t, lives, 200)
}

// Opening writes nothing for the sake of the ids: a buffer that was closed as it
// should be is opened without a write.
func TestDiskOpensWithoutWriting(t *testing.T) {
	fsys := vfs.NewCrash()
	d := still(t, fsys, crashOptions)
	putStill(t, d, 3, 100)
	d.finish()
	before := contents(t, fsys)
	d = still(t, fsys, crashOptions)
	require.Zero(t, d.Health().FlashBytes)
	require.Equal(t, before, contents(t, fsys))
	d.finish()
	require.Zero(t, d.Health().FlashBytes)
}
