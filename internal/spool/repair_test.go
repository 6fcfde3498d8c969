package spool

import (
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// survey is all that matters of a directory.
type survey struct {
	entries []string // pending and readable
	lost    uint64   // pending and not readable
	bad     int      // damaged places
	state   *State
}

func take(t *testing.T, fsys vfs.FS) survey {
	t.Helper()
	s, err := Load(fsys, testDir)
	require.NoError(t, err)
	v := survey{state: s}
	pos := uint64(0)
	for _, seg := range s.Segments {
		for find, err := range s.Inspect(fsys, testDir, seg, true) {
			require.NoError(t, err)
			v.lost += find.Lost
			if find.Bad() {
				v.bad++
				require.Error(t, find.Problem)
			}
			if find.Class != Whole {
				continue
			}
			require.NoError(t, find.Head.Each(find.Raw, func(e Entry) bool {
				if e.Pos >= s.Acked {
					require.Greater(t, e.Pos, pos)
					pos = e.Pos
					v.entries = append(v.entries, fmt.Sprintf("%d %s/%d/%d %08x", e.Pos, e.Device, e.Boot, e.Seq, crc32.ChecksumIEEE(e.Data)))
				}
				return true
			}))
		}
	}
	if len(s.BadDocs) > 0 {
		v.bad++
	}
	return v
}

// damages are directories with something to repair.
var damages = []struct {
	name   string
	damage func(t *testing.T, w *writer, s []*segFile)
	lost   uint64
}{
	{"nothing", func(*testing.T, *writer, []*segFile) {}, 0},
	{"a block", func(t *testing.T, w *writer, s []*segFile) { w.ruinBlock(t, s[1], 1, false) }, 10},
	{"a body", func(t *testing.T, w *writer, s []*segFile) { w.ruinBlock(t, s[1], 2, true) }, 10},
	{"first and last block", func(t *testing.T, w *writer, s []*segFile) {
		w.ruinBlock(t, s[1], 0, false)
		w.ruinBlock(t, s[1], 3, false)
	}, 20},
	{"bodies of first and last block", func(t *testing.T, w *writer, s []*segFile) {
		w.ruinBlock(t, s[0], 0, true)
		w.ruinBlock(t, s[2], 3, true)
	}, 20},
	{"the end of all", func(t *testing.T, w *writer, s []*segFile) { w.ruinBlock(t, s[2], 3, false) }, 10},
	{"a whole segment", func(t *testing.T, w *writer, s []*segFile) { w.ruin(t, s[1], 0, len(s[1].data)) }, 40},
	{"the last segment", func(t *testing.T, w *writer, s []*segFile) { w.ruin(t, s[2], 0, len(s[2].data)) }, 40},
	{"every segment", func(t *testing.T, w *writer, s []*segFile) {
		w.ruinBlock(t, s[0], 1, false)
		w.ruinBlock(t, s[1], 1, true)
		w.ruinBlock(t, s[2], 1, false)
	}, 30},
	{"a cut segment", func(t *testing.T, w *writer, s []*segFile) { w.put(t, s[1].name, s[1].data[:page+2000]) }, 30},
	{"what only lost heads say", func(t *testing.T, w *writer, s []*segFile) {
		w.ruinBlock(t, s[2], 2, true)
		w.ruinBlock(t, s[2], 3, true)
		// The cursor is old. That block 2 was durable is said by block 3, which may
		// not have been.
		w.cursor(t, Cursor{Generation: 1, Next: 1, Acked: 1, Written: 0})
	}, 10},
	{"FORMAT", func(t *testing.T, w *writer, s []*segFile) { w.put(t, FormatName, []byte("rivulet")) }, 0},
	{"no FORMAT", func(t *testing.T, w *writer, s []*segFile) {
		w.remove(t, FormatName)
	}, 0},
	{"a slot of the cursor", func(t *testing.T, w *writer, s []*segFile) {
		b := make([]byte, CursorBytes)
		c := Cursor{Generation: 1, Segment: w.tag, Next: w.next, Acked: w.acked, Written: w.durable, Clock: w.clock}
		copy(b[c.Off():], c.Slot())
		b[9] = 1
		w.put(t, CursorName, b)
	}, 0},
	{"the cursor", func(t *testing.T, w *writer, s []*segFile) {
		w.put(t, CursorName, slices.Repeat([]byte{7}, CursorBytes))
	}, 0},
	{"no cursor", func(t *testing.T, w *writer, s []*segFile) {
		w.remove(t, CursorName)
	}, 0},
	{"a document", func(t *testing.T, w *writer, s []*segFile) { w.put(t, DocName(7, []byte("{}")), []byte("{]")) }, 0},
	{"all there is", func(t *testing.T, w *writer, s []*segFile) {
		w.ruinBlock(t, s[0], 1, false)
		w.ruinBlock(t, s[2], 3, true)
		w.put(t, CursorName, slices.Repeat([]byte{7}, CursorBytes))
		w.put(t, FormatName, nil)
		w.put(t, DocName(7, []byte("{}")), []byte("{]"))
	}, 10}, // without the cursor nobody knows that the last block was durable
}

func TestRepair(t *testing.T) {
	for _, acked := range []uint64{1, 46} {
		for _, c := range damages {
			t.Run(fmt.Sprint(c.name, ", acked ", acked), func(t *testing.T) {
				w, segs := three(t)
				w.acked = acked
				w.finish(t)
				c.damage(t, w, segs)
				before := take(t, w.disk)
				if acked == 1 || c.name == "what only lost heads say" {
					require.Equal(t, c.lost, before.lost)
				}
				names := listing(t, w.disk)

				var actions []Action
				require.NoError(t, Repair(w.disk, testDir, func(a Action) { actions = append(actions, a) }))
				require.Equal(t, c.name == "nothing", len(actions) == 0, "%v", actions)
				after := take(t, w.disk)
				requireSame(t, before, after)
				require.Zero(t, after.bad)
				s := after.state
				require.True(t, s.Whole && s.CursorRead && s.CursorSure)
				require.Empty(t, s.BadDocs)
				require.GreaterOrEqual(t, s.Next, before.state.Next)
				require.Equal(t, before.state.Acked, s.Acked)
				require.Equal(t, before.state.Durable, s.Durable)
				require.Equal(t, before.state.Clock, s.Clock)
				lost := uint64(0)
				for _, a := range actions {
					require.NotEmpty(t, a.What)
					lost += a.Lost
				}
				require.LessOrEqual(t, lost, before.lost)
				for name := range names { // what was damaged is kept, and so is all else
					now := listing(t, w.disk)
					kept := now[name] || now[strings.TrimSuffix(name, SegmentExt)+BadExt] || now[name+BadExt]
					require.True(t, kept, name)
				}

				files := contents(t, w.disk)
				require.NoError(t, Repair(w.disk, testDir, func(a Action) { t.Errorf("again: %+v", a) }))
				require.Equal(t, files, contents(t, w.disk))
			})
		}
	}
}

func requireSame(t *testing.T, a, b survey) {
	t.Helper()
	require.Equal(t, a.entries, b.entries)
	require.Equal(t, a.lost, b.lost)
}

func listing(t *testing.T, fsys vfs.FS) map[string]bool {
	infos, err := fsys.ReadDir(testDir)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, i := range infos {
		names[i.Name] = true
	}
	return names
}

func contents(t *testing.T, fsys vfs.FS) map[string]string {
	files := map[string]string{}
	for name := range listing(t, fsys) {
		b, err := ReadFile(fsys, filepath.Join(testDir, name), 1<<20)
		require.NoError(t, err)
		files[name] = string(b)
	}
	return files
}

// A power cut at any point of a repair, and one in the repair after it, loses
// nothing.
func TestRepairCrash(t *testing.T) {
	perPoint, twice := 16, 2
	if raceEnabled || testing.Short() {
		perPoint, twice = 2, 1
	}
	states := 0
	for _, c := range damages[1:] {
		w, segs := three(t)
		w.acked = 6
		w.finish(t)
		c.damage(t, w, segs)
		before := take(t, w.disk)
		var crash func(disk *vfs.Crash, max, depth int)
		crash = func(disk *vfs.Crash, max, depth int) {
			var points []*vfs.Point
			disk.OnCall = func(vfs.Call) { points = append(points, disk.Point()) }
			require.NoError(t, Repair(disk, testDir, func(Action) {}), "%s: %s", c.name, disk)
			disk.OnCall = nil
			after := take(t, disk)
			requireSame(t, before, after)
			require.Zero(t, after.bad, "%s: %s", c.name, disk)
			for state := range disk.Point().States(4, 1) {
				require.Zero(t, take(t, state).bad, "what was repaired stays so: %s: %s", c.name, state)
			}
			for i, p := range points {
				for state := range p.States(max, uint64(i)) {
					states++
					requireSame(t, before, take(t, state))
					if depth > 0 {
						crash(state, twice, depth-1)
					} else {
						require.NoError(t, Repair(state, testDir, func(Action) {}))
						after := take(t, state)
						requireSame(t, before, after)
						require.Zero(t, after.bad, "%s: %s", c.name, state)
					}
				}
			}
		}
		crash(w.disk, perPoint, 0)
		if c.name == "a block" || c.name == "all there is" {
			again, segs := three(t)
			again.acked = 6
			again.finish(t)
			c.damage(t, again, segs)
			crash(again.disk, twice, 1)
		}
	}
	t.Log(states, "states")
}

// An error at any call is returned, and the next repair succeeds.
func TestRepairErrors(t *testing.T) {
	states := 3
	if raceEnabled || testing.Short() {
		states = 1
	}
	for _, c := range damages[1:] {
		fresh := func() *writer {
			w, segs := three(t)
			c.damage(t, w, segs)
			return w
		}
		w := fresh()
		before := take(t, w.disk)
		count := vfs.NewFault(w.disk, vfs.Plan{})
		require.NoError(t, Repair(count, testDir, func(Action) {}))
		for k := 1; k <= count.Calls(); k++ {
			w := fresh()
			f := vfs.NewFault(w.disk, vfs.Plan{Call: k})
			err := Repair(f, testDir, func(Action) {})
			if op := f.Hits()[0].Op; op != vfs.OpRemove { // of a file that is not there
				require.Error(t, err, f.Hits())
			}
			requireSame(t, before, take(t, w.disk))
			// The next one must not take for durable what it finds.
			var points []*vfs.Point
			w.disk.OnCall = func(vfs.Call) { points = append(points, w.disk.Point()) }
			require.NoError(t, Repair(w.disk, testDir, func(Action) {}))
			w.disk.OnCall = nil
			after := take(t, w.disk)
			requireSame(t, before, after)
			require.Zero(t, after.bad)
			for i, p := range points {
				for state := range p.States(states, uint64(i)) {
					requireSame(t, before, take(t, state))
				}
			}
		}
	}
}

func TestRepairRefuses(t *testing.T) {
	w := newWriter(t)
	require.ErrorIs(t, Repair(w.disk, testDir, nil), ErrNoSpool)
	require.Empty(t, listing(t, w.disk), "not even a lock")
	require.True(t, Missing(Repair(w.disk, "nowhere", nil)))

	w, segs := three(t)
	w.ruinBlock(t, segs[0], 1, false)
	lock, err := w.disk.Lock(filepath.Join(testDir, LockName))
	require.NoError(t, err)
	files := contents(t, w.disk)
	require.ErrorIs(t, Repair(w.disk, testDir, nil), vfs.ErrLocked)
	require.Equal(t, files, contents(t, w.disk))
	require.NoError(t, lock.Close())

	w.put(t, FormatName, FormatText(4, 0))
	files = contents(t, w.disk)
	require.ErrorIs(t, Repair(w.disk, testDir, nil), ErrNewerFormat)
	require.Equal(t, files, contents(t, w.disk))
}
