package spool

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// seeds are blocks of some shapes, of salt 1, at offset 0.
func seeds() (out [][]byte) {
	for n := range 6 {
		var b Builder
		b.Reset()
		for i := range 1 + n*n*10 {
			if i%(n+2) == 1 {
				b.Skip()
			}
			b.Add([]string{"a", "device"}[i%2], uint64(1+i/9), uint64(i+1), make([]byte, n*20))
		}
		out = append(out, b.Append(nil, 1, 0, &Head{First: uint64(1 + n), Before: uint64(n)}))
	}
	return out
}

// checkHead holds a head to what its readers rely on.
func checkHead(t *testing.T, h *Head) {
	require.LessOrEqual(t, h.headLen, MaxHead)
	require.LessOrEqual(t, h.bodyLen, MaxBody)
	require.LessOrEqual(t, h.rawLen, MaxBody)
	require.Positive(t, h.Entries)
	require.LessOrEqual(t, h.Entries, h.Span)
	require.Greater(t, h.End(), h.First)
	sum := uint64(0)
	for _, d := range h.Devices {
		require.LessOrEqual(t, len(d.Name), MaxName)
		last := uint64(0)
		for _, r := range d.Runs {
			require.Greater(t, r.First, last)
			require.GreaterOrEqual(t, r.Last, r.First)
			last = r.Last
			sum += r.Last - r.First + 1
		}
	}
	require.Equal(t, uint64(h.Entries), sum)
}

// FuzzBlock gives a directory and a body good checksums, to get at what is behind
// them.
func FuzzBlock(f *testing.F) {
	for _, b := range seeds() {
		h, err := headOf(memFile{b: b}, 1, 0)
		require.NoError(f, err)
		f.Add(b[:h.headLen], b[h.headLen:h.headLen+h.bodyLen])
	}
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, head, body []byte) {
		if h, err := parseHead(head, 1, 0); err == nil {
			checkHead(t, h)
		}
		if len(head) < headBytes || len(head) > MaxHead || len(body) > MaxBody {
			return
		}
		b := seal(slices.Clone(head), body, 1)
		h, err := parseHead(b, 1, 0)
		if err != nil {
			return
		}
		checkHead(t, h)
		raw, err := ReadBody(memFile{b: b}, 1, h)
		if err != nil {
			return
		}
		require.Len(t, raw, h.rawLen)
		n, pos, size := uint32(0), h.First-1, 0
		require.NoError(t, h.Each(raw, func(e Entry) bool {
			require.Greater(t, e.Pos, pos)
			require.Less(t, e.Pos, h.End())
			pos = e.Pos
			n++
			size += len(e.Data)
			return true
		}))
		require.Equal(t, h.Entries, n)
		require.LessOrEqual(t, size, len(raw))
	})
}

// FuzzSegment reads any bytes as a segment.
func FuzzSegment(f *testing.F) {
	all := slices.Concat(seeds()[:1]...)
	for _, b := range seeds() {
		f.Add(b)
		damaged := slices.Clone(b)
		damaged[20] ^= 1
		f.Add(damaged)
		f.Add(append(make([]byte, page), b...))
		f.Add(b[:len(b)-1])
		all = append(all, b...)
	}
	f.Add(all)
	f.Add(slices.Repeat(append([]byte("RVb1\x00\x00\x00\x00\x00\x00\x10\x00"), make([]byte, page-12)...), 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		file, at := memFile{b: b}, int64(0)
		for p := range Blocks(file, 1, 0) {
			require.Equal(t, at, p.Off)
			require.Positive(t, p.Len)
			require.Zero(t, p.Len%page)
			at += p.Len
			if p.Head == nil {
				continue
			}
			checkHead(t, p.Head)
			require.Equal(t, p.Off, p.Head.Off())
			if raw, err := ReadBody(file, 1, p.Head); err == nil {
				require.NoError(t, p.Head.Each(raw, func(Entry) bool { return true }))
			}
		}
	})
}

// FuzzLoad opens, inspects and repairs a directory of any bytes.
func FuzzLoad(f *testing.F) {
	var b []byte
	for i := range uint64(4) {
		b = append(b, block(1, int64(len(b)), 10*i+1, 10*i, 10)...)
	}
	c := Cursor{Generation: 1, Next: 41, Acked: 5, Written: 40, Segment: 1}
	cursor := slots(nil, c.Slot())[SlotBytes : SlotBytes+slotUsed]
	f.Add(b, b[:2*page], cursor)
	damaged := slices.Clone(b)
	damaged[page+20] ^= 1
	f.Add(damaged, []byte{}, []byte{})
	for _, s := range seeds() {
		f.Add(s, b, cursor)
	}
	f.Fuzz(func(t *testing.T, first, second, cursor []byte) {
		if len(first)+len(second) > 1<<20 {
			return
		}
		disk := vfs.NewCrash()
		require.NoError(t, vfs.MkdirAll(disk, testDir))
		for i, data := range [][]byte{first, second} {
			require.NoError(t, vfs.WriteFile(disk, filepath.Join(testDir, FileID{First: uint64(1 + 20*i), Before: uint64(20 * i), Salt: 1}.Name(SegmentExt)), data))
		}
		require.NoError(t, vfs.WriteFile(disk, filepath.Join(testDir, CursorName), slots(nil, cursor)))
		look := func() {
			s, err := Load(disk, testDir)
			require.NoError(t, err)
			for _, seg := range s.Segments {
				free := func(first, end uint64) uint64 { return end - first }
				require.LessOrEqual(t, seg.IDs.Count(free), seg.Entries)
				for find, err := range s.Inspect(disk, testDir, seg, true) {
					require.NoError(t, err)
					require.True(t, find.Class != Whole || find.Raw != nil)
				}
			}
		}
		look()
		require.NoError(t, Repair(disk, testDir, func(Action) {}))
		look()
	})
}

// FuzzCursor holds what is read to what can be written.
func FuzzCursor(f *testing.F) {
	a, b := Cursor{Generation: 4, Next: 9, Acked: 8}, Cursor{Generation: 5, Next: 10, Acked: 9}
	f.Add(slots(a.Slot(), b.Slot()))
	f.Add(slots(nil, b.Slot()))
	f.Add(a.Slot())
	f.Add([]byte("RVc1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, sure, ok := ParseCursor(data)
		require.True(t, ok || !sure)
		if !ok {
			require.Zero(t, c)
			return
		}
		slot := c.Slot()
		off := int(c.Off())
		same := slices.Clone(slot[:slotUsed])
		require.Equal(t, same, data[off:off+slotUsed])
		again, _, ok := ParseCursor(slots(map[bool][]byte{true: slot}[off == 0], map[bool][]byte{true: slot}[off > 0]))
		require.True(t, ok)
		require.Equal(t, c, again)
	})
}

// FuzzFormat: only what has a good checksum is whole, and only that is newer.
func FuzzFormat(f *testing.F) {
	f.Add(FormatText(0, 0))
	f.Add(FormatText(1, 7))
	f.Add([]byte("rivulet spool 1\n"))
	f.Add([]byte("crc32c 00000000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := CheckFormat(b)
		if err != nil {
			require.True(t, whole)
			require.ErrorIs(t, err, ErrNewerFormat)
		}
	})
}
