package spool

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// failedWrite is a first segment of two good blocks, and one whose write failed
// and was done again, in another segment, with what came after.
func failedWrite(t *testing.T, w *writer, failed ...spec) (first, second *segFile) {
	good := w.make(0, spec{entries: 10}, spec{entries: 10})
	before := *w
	seqs := map[string]uint64{}
	for k, v := range w.seqs {
		seqs[k] = v
	}
	rng := *w.rng
	first = good
	first.data = first.data[:2*page]
	for _, s := range failed {
		w.add(first, s)
	}
	first.data = append(first.data, make([]byte, 64<<10-len(first.data))...)
	w.next, w.written, w.durable, w.seqs, *w.rng = before.next, before.written, before.durable, seqs, rng
	second = w.make(0, spec{entries: 10}, spec{entries: 10})
	w.put(t, first.name, first.data)
	w.put(t, second.name, second.data)
	w.finish(t)
	return first, second
}

func TestLoadDuplicates(t *testing.T) {
	t.Run("both readable", func(t *testing.T) {
		w := newWriter(t)
		failedWrite(t, w, spec{entries: 10})
		s := w.load(t)
		pending, lost := totals(s)
		require.Equal(t, []uint64{40, 0}, []uint64{pending, lost})
		require.Equal(t, uint64(20), s.Segments[0].Entries)
		require.Equal(t, uint64(20), s.Segments[1].Entries)
	})
	t.Run("the failed one damaged", func(t *testing.T) {
		w := newWriter(t)
		first, _ := failedWrite(t, w, spec{entries: 10})
		w.ruinBlock(t, first, 2, false)
		pending, lost := totals(w.load(t))
		require.Equal(t, []uint64{40, 0}, []uint64{pending, lost})
	})
	t.Run("the later one damaged", func(t *testing.T) {
		w := newWriter(t)
		_, second := failedWrite(t, w, spec{entries: 10})
		w.ruinBlock(t, second, 0, false)
		pending, lost := totals(w.load(t))
		require.Equal(t, []uint64{30, 10}, []uint64{pending, lost}, "what failed was not taken into the log")
	})
	t.Run("more in the failed one", func(t *testing.T) {
		w := newWriter(t)
		failedWrite(t, w, spec{entries: 10}, spec{entries: 3})
		pending, lost := totals(w.load(t))
		require.Equal(t, []uint64{40, 0}, []uint64{pending, lost})
	})
	t.Run("the later one begins within a block", func(t *testing.T) {
		w := newWriter(t)
		first := w.make(0, spec{entries: 10}, spec{entries: 10})
		w.next, w.written = 16, 15 // 11 to 15 were finished meanwhile
		second := w.make(0, spec{entries: 10})
		w.put(t, first.name, first.data)
		w.put(t, second.name, second.data)
		w.finish(t)
		s := w.load(t)
		pending, lost := totals(s)
		require.Equal(t, []uint64{25, 0}, []uint64{pending, lost})
		require.Equal(t, uint64(16), s.Segments[0].End)
	})
}

// When the first write to a segment fails, the next segment begins at the same
// position, and only the salts differ: whichever sorts first, the one counts that
// holds more.
func TestLoadSameFirst(t *testing.T) {
	for name, ruin := range map[string]func(t *testing.T, w *writer, failed *segFile){
		"readable":     func(*testing.T, *writer, *segFile) {},
		"body damaged": func(t *testing.T, w *writer, failed *segFile) { w.ruinBlock(t, failed, 0, true) },
		"damaged":      func(t *testing.T, w *writer, failed *segFile) { w.ruinBlock(t, failed, 0, false) },
		"empty":        func(t *testing.T, w *writer, failed *segFile) { w.put(t, failed.name, nil) },
	} {
		for _, more := range []int{0, 1} {
			for _, salts := range [][2]uint64{{1, 2}, {2, 1}} {
				w := newWriter(t)
				w.segment(t, 0, spec{entries: 10})
				make2 := func(salt uint64, blocks ...spec) *segFile {
					keep, rng, seqs := *w, *w.rng, map[string]uint64{}
					for k, v := range w.seqs {
						seqs[k] = v
					}
					f := &segFile{id: FileID{First: w.next, Before: w.written, Salt: salt}}
					f.name = f.id.Name(SegmentExt)
					for _, s := range blocks {
						w.add(f, s)
					}
					w.put(t, f.name, f.data)
					if salt == salts[0] {
						*w, *w.rng, w.seqs = keep, rng, seqs
					}
					return f
				}
				failed := make2(salts[0], spec{entries: 10, bytes: 30})
				blocks := []spec{{entries: 10, bytes: 30}, {entries: 10}}[:1+more]
				second := make2(salts[1], blocks...)
				w.finish(t)
				ruin(t, w, failed)
				s := w.load(t)
				pending, lost := totals(s)
				require.Equal(t, []uint64{uint64(20 + 10*more), 0}, []uint64{pending, lost}, "%s, salts %d", name, salts)
				if name != "readable" || more > 0 {
					require.Equal(t, second.name, s.Segments[2].Name)
				}
			}
		}
	}
}
