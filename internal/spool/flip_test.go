package spool

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// full is a segment of 64 KiB with blocks of every kind, and an unwritten end.
func full(t *testing.T) *segFile {
	w := newWriter(t)
	w.next, w.written = 1000, 500
	f := w.make(64<<10, spec{entries: 1, bytes: 10}, spec{entries: 20, bytes: 150}, spec{entries: 30, bytes: 300}, spec{entries: 60, bytes: 200, plain: true},
		spec{entries: 1, bytes: 9000}, spec{entries: 70, bytes: 100, skip: 3}, spec{entries: 2, bytes: 1900}, spec{entries: 3, bytes: 0, skip: 70000},
		spec{entries: 6, bytes: 500}, spec{entries: 3, bytes: 1200})
	last := &f.heads[len(f.heads)-1]
	require.Equal(t, int64(60<<10), last.off+last.Size(), "one page is left")
	deflated := 0
	for i := range f.heads {
		deflated += int(f.heads[i].flags & flagDeflate)
	}
	require.Positive(t, deflated)
	require.Less(t, deflated, len(f.heads))
	return f
}

// blocksOf returns the pieces of f that are blocks, in order.
func blocksOf(f memFile, salt uint64, into []Piece) []Piece {
	into = into[:0]
	for p := range Blocks(f, salt, 0) {
		if p.Head != nil {
			into = append(into, p)
		}
	}
	return into
}

// check reads block i and compares; it reports whether it could be read.
func (f *segFile) check(t *testing.T, file memFile, h *Head, i int) bool {
	raw, err := ReadBody(file, f.id.Salt, h)
	if err != nil {
		return false
	}
	n, same := 0, true
	err = h.Each(raw, func(e Entry) bool {
		w := f.want[i]
		same = same && n < len(w) && w[n].Pos == e.Pos && w[n].Device == e.Device && w[n].Seq == e.Seq && string(w[n].Data) == string(e.Data)
		n++
		return same
	})
	if err != nil || !same || n != len(f.want[i]) {
		t.Errorf("block %d: entries were read that were never written: %v", i, err)
	}
	return true
}

// same reports whether a head is the one written.
func (f *segFile) same(h *Head, i int) bool {
	w := &f.heads[i]
	return h.First == w.First && h.Span == w.Span && h.Entries == w.Entries && h.Before == w.Before && h.Durable == w.Durable &&
		h.headLen == w.headLen && h.bodyLen == w.bodyLen && h.rawLen == w.rawLen && h.bodyCRC == w.bodyCRC && h.flags == w.flags &&
		h.Acked == w.Acked && h.Prev == w.Prev && h.Clock == w.Clock && h.Wall == w.Wall && h.off == w.off &&
		slices.EqualFunc(h.Devices, w.Devices, func(a, b Device) bool { return a.Name == b.Name && a.Boot == b.Boot && slices.Equal(a.Runs, b.Runs) })
}

// Every bit of a segment flipped: nothing is read that was not written, and all
// is read but, if the bit is in a body, that block, whose ids are still known.
func TestEveryBitFlip(t *testing.T) {
	f := full(t)
	step := 1
	if raceEnabled || testing.Short() {
		step = 331
	}
	workers := 4
	lost := make([]int, workers)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			file := memFile{b: slices.Clone(f.data)}
			var pieces []Piece
			for bit := worker * step; bit < len(file.b)*8 && !t.Failed(); bit += workers * step {
				file.b[bit/8] ^= 1 << (bit % 8)
				f.checkFlip(t, file, bit, &pieces, &lost[worker])
				file.b[bit/8] ^= 1 << (bit % 8)
			}
		}()
	}
	wg.Wait()
	require.Positive(t, lost[0])
}

// checkFlip reads the block that the bit is in and the one after it, now and then
// all: what the others read is unchanged.
func (f *segFile) checkFlip(t *testing.T, file memFile, bit int, pieces *[]Piece, lost *int) {
	first, last, from := 0, len(f.heads)-1, int64(0)
	if bit%401 != 0 {
		for i := range f.heads {
			if f.heads[i].off <= int64(bit/8) {
				first, from = i, f.heads[i].off
			}
		}
		last = min(last, first+1)
	}
	*pieces = (*pieces)[:0]
	for p := range Blocks(file, f.id.Salt, from) {
		if p.Head != nil {
			*pieces = append(*pieces, p)
		}
		if first+len(*pieces) > last && last < len(f.heads)-1 {
			break
		}
	}
	if len(*pieces) != last-first+1 {
		t.Errorf("bit %d: %d blocks, not %d to %d", bit, len(*pieces), first, last)
		return
	}
	for k, p := range *pieces {
		i := first + k
		h := &f.heads[i]
		if !f.same(p.Head, i) {
			t.Errorf("bit %d: head %d differs", bit, i)
		}
		at := int64(bit/8) - h.off
		inBody := at >= int64(h.headLen) && at < int64(h.headLen+h.bodyLen)
		if !inBody && bit%101 != 0 {
			continue // the head is the same, and so is what it describes
		}
		if ok := f.check(t, file, p.Head, i); ok == inBody {
			t.Errorf("bit %d, block %d: readable is %v", bit, i, ok)
		}
		if inBody {
			*lost++
		}
	}
}

// Every length that a segment may be cut to: all blocks before the cut are read,
// and nothing that was not written.
func TestEveryTruncation(t *testing.T) {
	f := full(t)
	step := 1
	if raceEnabled || testing.Short() {
		step = 331
	}
	var pieces []Piece
	for n := 0; n <= len(f.data); n += step {
		file := memFile{b: f.data[:n]}
		pieces = blocksOf(file, f.id.Salt, pieces)
		whole, begun := 0, 0
		for i := range f.heads {
			h := &f.heads[i]
			if h.off+h.Size() <= int64(n) {
				whole++
			}
			if h.off+int64(h.headLen) <= int64(n) {
				begun++
			}
		}
		if len(pieces) < whole || len(pieces) > begun {
			t.Fatalf("%d bytes: %d blocks, of which %d are whole", n, len(pieces), whole)
		}
		for i, p := range pieces {
			if !f.same(p.Head, i) {
				t.Fatalf("%d bytes: head %d differs", n, i)
			}
			if i < whole-1 && n%509 != 0 {
				continue // what it reads is unchanged
			}
			h := &f.heads[i]
			if ok := f.check(t, file, p.Head, i); ok != (h.off+int64(h.headLen+h.bodyLen) <= int64(n)) {
				t.Fatalf("%d bytes, block %d: readable is %v", n, i, ok)
			}
		}
	}
}

// Every byte, sector and page of a segment gone, as zeros, ones and noise: the
// other blocks are read.
func TestEverySectorGone(t *testing.T) {
	f := full(t)
	for _, size := range []int{512, 4096, 3 * 4096} {
		for off := 0; off < len(f.data); off += size {
			for fill := range 3 {
				file := memFile{b: slices.Clone(f.data)}
				for i := off; i < min(off+size, len(file.b)); i++ {
					file.b[i] = [...]byte{0, 0xff, byte(i*7 + i>>8)}[fill]
				}
				found := map[int64]*Head{}
				for _, p := range blocksOf(file, f.id.Salt, nil) {
					found[p.Off] = p.Head
				}
				for i := range f.heads {
					h := &f.heads[i]
					got := found[h.off]
					delete(found, h.off)
					touched := h.off < int64(off+size) && h.off+h.Size() > int64(off)
					if !touched {
						require.NotNil(t, got)
					}
					if got != nil {
						require.True(t, f.same(got, i))
						ok := f.check(t, file, got, i)
						require.True(t, ok || touched)
					}
					// Any one sector leaves one of the heads of a block, but for
					// the shortest.
					if size == 512 && h.headLen < 512 && h.Size() >= 4096 {
						require.NotNil(t, got, "sector %d", off/512)
					}
				}
				require.Empty(t, found)
			}
		}
	}
}
