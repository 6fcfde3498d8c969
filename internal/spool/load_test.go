package spool

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// three are the segments most tests damage: three of four blocks with ten entries.
func three(t *testing.T) (w *writer, segs []*segFile) {
	w = newWriter(t)
	for range 3 {
		segs = append(segs, w.segment(t, 0, spec{entries: 10}, spec{entries: 10, bytes: 2000}, spec{entries: 10}, spec{entries: 10}))
	}
	w.finish(t)
	return w, segs
}

func TestLoadCounts(t *testing.T) {
	for _, c := range []struct {
		name    string
		damage  func(t *testing.T, w *writer, s []*segFile)
		pending uint64
		lost    []uint64 // of each segment
	}{
		{"nothing", func(*testing.T, *writer, []*segFile) {}, 120, []uint64{0, 0, 0}},
		{"in the middle", func(t *testing.T, w *writer, s []*segFile) { w.ruinBlock(t, s[1], 1, false) }, 110, []uint64{0, 10, 0}},
		{"two in the middle", func(t *testing.T, w *writer, s []*segFile) {
			w.ruinBlock(t, s[1], 1, false)
			w.ruinBlock(t, s[1], 2, false)
		}, 100, []uint64{0, 20, 0}},
		{"at the start", func(t *testing.T, w *writer, s []*segFile) { w.ruinBlock(t, s[1], 0, false) }, 110, []uint64{0, 10, 0}},
		{"at the end", func(t *testing.T, w *writer, s []*segFile) { w.ruinBlock(t, s[1], 3, false) }, 110, []uint64{0, 10, 0}},
		{"a body", func(t *testing.T, w *writer, s []*segFile) { w.ruinBlock(t, s[1], 1, true) }, 120, []uint64{0, 0, 0}}, // found when it is read
		{"the first segment", func(t *testing.T, w *writer, s []*segFile) { w.ruin(t, s[0], 0, len(s[0].data)) }, 80, []uint64{40, 0, 0}},
		{"the second segment", func(t *testing.T, w *writer, s []*segFile) { w.ruin(t, s[1], 0, len(s[1].data)) }, 80, []uint64{0, 40, 0}},
		{"the last segment", func(t *testing.T, w *writer, s []*segFile) { w.ruin(t, s[2], 0, len(s[2].data)) }, 80, []uint64{0, 0, 40}},
		// Of those that are destroyed altogether only the last is known to have
		// been followed.
		{"two segments", func(t *testing.T, w *writer, s []*segFile) {
			w.ruin(t, s[0], 0, len(s[0].data))
			w.ruin(t, s[1], 0, len(s[1].data))
		}, 40, []uint64{0, 40, 0}},
		{"all segments", func(t *testing.T, w *writer, s []*segFile) {
			for i := range s {
				w.ruin(t, s[i], 0, len(s[i].data))
			}
		}, 0, []uint64{0, 0, 40}},
		{"the end of the last", func(t *testing.T, w *writer, s []*segFile) { w.ruinBlock(t, s[2], 3, false) }, 110, []uint64{0, 0, 10}},
		{"the second segment zeros", func(t *testing.T, w *writer, s []*segFile) { w.put(t, s[1].name, make([]byte, len(s[1].data))) }, 80, []uint64{0, 40, 0}},
		{"the second segment empty", func(t *testing.T, w *writer, s []*segFile) { w.put(t, s[1].name, nil) }, 80, []uint64{0, 40, 0}},
		{"the last cut short", func(t *testing.T, w *writer, s []*segFile) { w.put(t, s[2].name, s[2].data[:page+2000]) }, 100, []uint64{0, 0, 20}}, // the body cut is found when read
		{"the second segment missing", func(t *testing.T, w *writer, s []*segFile) {
			w.remove(t, s[1].name)
		}, 80, []uint64{0, 0}}, // it may have been finished
	} {
		t.Run(c.name, func(t *testing.T) {
			w, segs := three(t)
			c.damage(t, w, segs)
			s := w.load(t)
			pending, _ := totals(s)
			require.Equal(t, c.pending, pending, "pending")
			var lost []uint64
			for _, seg := range s.Segments {
				lost = append(lost, seg.Lost)
			}
			require.Equal(t, c.lost, lost)
			require.True(t, s.Used && s.Whole && s.CursorRead && s.CursorSure)
			require.Equal(t, w.next, s.Next)
			require.Equal(t, uint64(120), s.Written)
			require.Equal(t, uint64(120), s.Durable)
		})
	}
}

// What was not durable is cut short, not lost.
func TestLoadTornTail(t *testing.T) {
	for _, c := range []struct {
		name    string
		durable uint64 // as the cursor says
		tear    func(t *testing.T, w *writer, s *segFile)
		pending uint64
		lost    uint64
	}{
		{"page of the last block", 30, func(t *testing.T, w *writer, s *segFile) { w.ruinBlock(t, s, 3, false) }, 30, 0},
		{"body of the last block", 30, func(t *testing.T, w *writer, s *segFile) { w.ruinBlock(t, s, 3, true) }, 30, 0},
		{"last block zeros", 30, func(t *testing.T, w *writer, s *segFile) {
			clear(s.data[s.heads[3].off:])
			w.put(t, s.name, s.data)
		}, 30, 0},
		{"file cut", 30, func(t *testing.T, w *writer, s *segFile) { w.put(t, s.name, s.data[:s.heads[3].off]) }, 30, 0},
		{"two last blocks", 20, func(t *testing.T, w *writer, s *segFile) {
			w.ruinBlock(t, s, 2, false)
			w.ruinBlock(t, s, 3, false)
		}, 20, 0},
		{"the one before, the last is there", 20, func(t *testing.T, w *writer, s *segFile) { w.ruinBlock(t, s, 2, false) }, 30, 10}, // its head says it was durable
		{"all of it", 0, func(t *testing.T, w *writer, s *segFile) { w.ruin(t, s, 0, len(s.data)) }, 0, 0},
		{"durable though", 40, func(t *testing.T, w *writer, s *segFile) { w.ruinBlock(t, s, 3, false) }, 30, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriter(t)
			s := w.segment(t, 0, spec{entries: 10}, spec{entries: 10, bytes: 2000}, spec{entries: 10}, spec{entries: 10})
			w.durable = c.durable
			w.finish(t)
			c.tear(t, w, s)
			pending, lost := totals(w.load(t))
			require.Equal(t, c.pending, pending, "pending")
			require.Equal(t, c.lost, lost, "lost")
		})
	}
}

// The watermark decides what is pending, and what of a loss counts.
func TestLoadWatermark(t *testing.T) {
	for _, c := range []struct {
		name          string
		acked         uint64
		ruin          [][2]int // segment, block
		pending, lost uint64
	}{
		{"at a block", 11, nil, 110, 0},
		{"inside a block", 16, nil, 105, 0},
		{"a segment finished", 41, nil, 80, 0},
		{"inside the second", 46, nil, 75, 0},
		{"all finished", 121, nil, 0, 0},
		{"all finished, damaged", 121, [][2]int{{0, 1}, {1, 2}, {2, 3}}, 0, 0},
		{"damage before it", 31, [][2]int{{0, 1}}, 90, 0},
		{"damage after it", 16, [][2]int{{0, 2}}, 95, 10},
		{"inside the damage", 16, [][2]int{{0, 1}}, 100, 5},
		{"finished segment damaged", 41, [][2]int{{0, 0}, {0, 3}}, 80, 0},
		{"inside damage at an end", 36, [][2]int{{0, 3}}, 80, 5},
		{"inside damage at the very end", 116, [][2]int{{2, 3}}, 0, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, segs := three(t)
			w.acked = c.acked
			w.finish(t)
			for _, r := range c.ruin {
				w.ruinBlock(t, segs[r[0]], r[1], false)
			}
			s := w.load(t)
			pending, lost := totals(s)
			require.Equal(t, c.pending, pending, "pending")
			require.Equal(t, c.lost, lost, "lost")
			require.Equal(t, c.acked, s.Acked)
		})
	}
	t.Run("inside a damaged body", func(t *testing.T) {
		w, segs := three(t)
		w.acked = 16
		w.finish(t)
		w.ruinBlock(t, segs[0], 1, true)
		pending, lost := totals(w.load(t))
		require.Equal(t, []uint64{105, 0}, []uint64{pending, lost})
	})
	t.Run("skips", func(t *testing.T) {
		w := newWriter(t)
		w.segment(t, 0, spec{entries: 10}, spec{entries: 10, skip: 5}, spec{entries: 10, skip: 5})
		w.acked = 13
		w.finish(t)
		s := w.load(t)
		pending, lost := totals(s)
		require.Equal(t, []uint64{20, 0}, []uint64{pending, lost})
		require.Equal(t, []Run{{11, 15}, {26, 30}}, s.Segments[0].Gaps)
		require.Equal(t, int64(1000), s.Segments[0].Oldest)
	})
	t.Run("the watermark in a head", func(t *testing.T) {
		w := newWriter(t)
		w.segment(t, 0, spec{entries: 10}, spec{entries: 10})
		w.finish(t)
		w.acked = 15
		w.segment(t, 0, spec{entries: 10})
		s := w.load(t)
		pending, _ := totals(s)
		require.Equal(t, uint64(16), pending)
		require.Equal(t, uint64(15), s.Acked)
		require.Equal(t, uint64(20), s.Durable, "the last block does not know of itself")
		require.Equal(t, uint64(30), s.Written)
	})
}

// One page that cannot be read is damage. A disk on which nothing can be read is
// an error, and no loss.
func TestLoadReadErrors(t *testing.T) {
	w, segs := three(t)
	load := func(match func(vfs.Call) bool, sticky bool) (*State, error) {
		return Load(vfs.NewFault(w.disk, vfs.Plan{Call: 1, Sticky: sticky, Match: match}), testDir)
	}
	page := func(name string, off int64) func(vfs.Call) bool {
		return func(c vfs.Call) bool {
			return c.Op == vfs.OpRead && filepath.Base(c.Name) == name && c.Off <= off && off < c.Off+c.Len
		}
	}
	for i := range segs[1].heads {
		h := &segs[1].heads[i]
		s, err := load(page(segs[1].name, h.off), true)
		require.NoError(t, err)
		pending, lost := totals(s)
		if h.Size() == 4096 {
			require.Equal(t, []uint64{110, 10}, []uint64{pending, lost}, "block %d", i)
		} else { // the other head says what it is, and the body is in pages that can be read in part
			require.Equal(t, []uint64{120, 0}, []uint64{pending, lost}, "block %d", i)
		}
	}
	s, err := load(page(segs[2].name, segs[2].heads[3].off), true)
	require.NoError(t, err, "at the very end")
	_, lost := totals(s)
	require.Equal(t, uint64(10), lost)

	for _, off := range []int64{0, SlotBytes} {
		s, err := load(page(CursorName, off), true)
		require.NoError(t, err)
		pending, lost := totals(s)
		require.Equal(t, []uint64{120, 0}, []uint64{pending, lost})
		require.False(t, s.CursorSure)
		require.Equal(t, off == 0, s.CursorRead)
		require.True(t, s.Used)
	}
	s, err = load(page(FormatName, 0), true)
	require.NoError(t, err)
	require.False(t, s.Whole)

	all := func(c vfs.Call) bool { return c.Op == vfs.OpRead }
	_, err = load(all, true)
	require.ErrorIs(t, err, syscall.EIO)
	calls := vfs.NewFault(w.disk, vfs.Plan{Match: all})
	_, err = Load(calls, testDir)
	require.NoError(t, err)
	for k := 1; k <= calls.Calls(); k++ { // from there on the disk is gone
		s, err := Load(vfs.NewFault(w.disk, vfs.Plan{Call: k, Sticky: true, Match: all}), testDir)
		if err == nil {
			_, lost := totals(s)
			require.Zero(t, lost, "from read %d on", k)
			continue
		}
		require.ErrorIs(t, err, syscall.EIO)
	}
	for _, op := range []vfs.Op{vfs.OpReadDir, vfs.OpOpen, vfs.OpSize} {
		_, err := load(func(c vfs.Call) bool { return c.Op == op }, true)
		require.ErrorIs(t, err, syscall.EIO, op)
	}

	// Without cursor and FORMAT too, one bad page is damage and a dead disk is not.
	w.remove(t, CursorName)
	w.remove(t, FormatName)
	s, err = load(page(segs[2].name, segs[2].heads[3].off), true)
	require.NoError(t, err)
	require.True(t, s.Used)
	_, err = load(all, true)
	require.ErrorIs(t, err, syscall.EIO)
}

// A buffer of which the small files cannot be read was not empty.
func TestLoadSmallFilesUnreadable(t *testing.T) {
	w := newWriter(t)
	w.finish(t)
	read := func(c vfs.Call) bool { return c.Op == vfs.OpRead }
	_, err := Load(vfs.NewFault(w.disk, vfs.Plan{Call: 1, Sticky: true, Match: read}), testDir)
	require.ErrorIs(t, err, syscall.EIO)
	w.put(t, FormatName, []byte("damaged"))
	w.put(t, CursorName, slices.Repeat([]byte{1}, CursorBytes))
	s := w.load(t)
	require.True(t, s.Used, "or else boot numbers would begin again")
	require.False(t, s.CursorRead || s.Whole)
}

func TestLoadEmptyAndForeign(t *testing.T) {
	w := newWriter(t)
	s := w.load(t)
	require.False(t, s.Used)
	lock, err := w.disk.Lock(filepath.Join(testDir, LockName))
	require.NoError(t, err)
	defer func() { require.NoError(t, lock.Close()) }()
	require.NoError(t, w.disk.Mkdir(filepath.Join(testDir, "lost+found.seg")))
	w.put(t, "notes.txt", []byte("mine"))
	s = w.load(t)
	require.False(t, s.Used)
	require.Equal(t, int64(4), s.Bytes)
	w.put(t, "0000000000000001-0000000000000000-00000000000000aa.bad", []byte("x"))
	w.put(t, "0000000000000001-0000000000000000-00000000000000ab.aside", []byte("x"))
	s = w.load(t)
	require.Len(t, s.Kept, 2)
	require.True(t, s.Used)
	_, err = Load(w.disk, "nowhere")
	require.True(t, Missing(err))

	w.put(t, FormatName, FormatText(1, 0))
	_, err = Load(w.disk, testDir)
	require.ErrorIs(t, err, ErrNewerFormat)
	require.Contains(t, err.Error(), testDir)
}

// The entries that are read are those that are counted.
func TestLoadAgreesWithReading(t *testing.T) {
	w, segs := three(t)
	w.ruinBlock(t, segs[0], 2, false)
	w.ruinBlock(t, segs[2], 0, false)
	s := w.load(t)
	for i, seg := range s.Segments {
		got, _ := readAll(t, memFile{b: segs[i].data}, seg.Salt)
		require.Equal(t, int(seg.Entries), len(got))
		want := slices.Concat(segs[i].want...)
		for _, e := range got {
			require.True(t, slices.ContainsFunc(want, func(o Entry) bool {
				return o.Pos == e.Pos && o.Seq == e.Seq && slices.Equal(o.Data, e.Data)
			}))
		}
		require.Equal(t, segs[i].total(), len(got)+int(seg.Lost))
	}
}
