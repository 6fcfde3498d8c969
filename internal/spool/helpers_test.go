package spool

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

const testDir = "spool"

// memFile is a file of bytes.
type memFile struct {
	vfs.File
	b []byte
}

func (f memFile) Size() (int64, error) { return int64(len(f.b)), nil }
func (f memFile) Close() error         { return nil }

func (f memFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(f.b)) {
		return 0, io.EOF
	}
	n := copy(p, f.b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// headOf reads the head of the block at off.
func headOf(f memFile, salt uint64, off int64) (*Head, error) {
	s := &scan{f: f, salt: salt, size: int64(len(f.b)), end: -1}
	b, err := s.read(off)
	if err != nil {
		return nil, err
	}
	if h := s.headAt(off, b); h != nil {
		return h, nil
	}
	return nil, errNoHead
}

// spec is a block to be written.
type spec struct {
	entries int
	bytes   int  // of an entry's data; 0: some dozen
	plain   bool // compressible data
	skip    int  // positions before it that are left empty
}

// segFile is a segment as it was written.
type segFile struct {
	id    FileID
	name  string
	data  []byte
	heads []Head
	want  [][]Entry // of each block
}

func (f *segFile) total() (n int) {
	for _, w := range f.want {
		n += len(w)
	}
	return n
}

// writer writes segments as the buffer does. The zero values of its fields but
// disk will do.
type writer struct {
	tag     uint32 // of the segment written last
	disk    *vfs.Crash
	rng     *rand.Rand
	boot    uint64
	next    uint64 // position
	written uint64
	durable uint64
	acked   uint64
	prev    uint64
	clock   int64
	seqs    map[string]uint64
}

func newWriter(t *testing.T) *writer {
	w := &writer{disk: vfs.NewCrash(), rng: rand.New(rand.NewPCG(1, 2)), boot: 1, next: 1, acked: 1, seqs: map[string]uint64{}}
	require.NoError(t, vfs.MkdirAll(w.disk, testDir))
	return w
}

// segment makes a segment of size bytes, or the power of two that will do, and writes it.
func (w *writer) segment(t *testing.T, size int, blocks ...spec) *segFile {
	f := w.make(size, blocks...)
	w.put(t, f.name, f.data)
	return f
}

func (w *writer) make(size int, blocks ...spec) *segFile {
	f := &segFile{id: FileID{First: w.next + uint64(blocks[0].skip), Before: w.written, Salt: w.rng.Uint64()}}
	f.name = f.id.Name(SegmentExt)
	for _, s := range blocks {
		w.add(f, s)
	}
	for n := max(size, 1); ; n *= 2 {
		if n&(n-1) == 0 && n >= len(f.data) || size > 0 {
			f.data = append(f.data, make([]byte, n-len(f.data))...)
			break
		}
	}
	w.prev = f.id.First
	return f
}

func (w *writer) add(f *segFile, s spec) {
	var b Builder
	b.Reset()
	w.next += uint64(s.skip)
	h := Head{First: w.next, Before: w.written, Durable: w.durable, Acked: w.acked, Prev: w.prev,
		Clock: w.clock, Wall: 1_790_000_000_000 + w.clock}
	w.clock += 1000
	var want []Entry
	for i := range s.entries {
		dev := fmt.Sprintf("dev-%d", i%3)
		w.seqs[dev]++
		if i%11 == 5 {
			w.seqs[dev] += 3 // the entries between were finished before
		}
		data := make([]byte, s.bytes)
		if s.bytes == 0 {
			data = make([]byte, 5+w.rng.IntN(40))
		}
		for j := range data {
			if data[j] = byte(w.rng.Uint32()); s.plain {
				data[j] = byte('a' + j%5)
			}
		}
		b.Add(dev, w.boot, w.seqs[dev], data)
		want = append(want, Entry{w.next, dev, w.boot, w.seqs[dev], data})
		w.next++
	}
	f.data = b.Append(f.data, f.id.Salt, int64(len(f.data)), &h)
	w.written += uint64(s.entries)
	w.durable, w.tag = w.written, uint32(f.id.Salt)
	f.heads, f.want = append(f.heads, h), append(f.want, want)
}

// put makes data the content of a file, durably.
func (w *writer) put(t *testing.T, name string, data []byte) {
	t.Helper()
	require.NoError(t, vfs.WriteFile(w.disk, filepath.Join(testDir, name), data))
}

// finish writes FORMAT and the cursor.
func (w *writer) finish(t *testing.T) {
	w.put(t, FormatName, FormatText(0, 0))
	w.cursor(t, Cursor{Generation: 1, Segment: w.tag, Next: w.next, Acked: w.acked, Written: w.durable, Clock: w.clock})
}

func (w *writer) cursor(t *testing.T, c Cursor) {
	b := make([]byte, CursorBytes)
	copy(b[c.Off():], c.Slot())
	w.put(t, CursorName, b)
}

// remove removes a file, durably.
func (w *writer) remove(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, w.disk.Remove(filepath.Join(testDir, name)))
	require.NoError(t, w.disk.SyncDir(testDir))
}

func (w *writer) load(t *testing.T) *State {
	t.Helper()
	s, err := Load(w.disk, testDir)
	require.NoError(t, err)
	return s
}

// ruin overwrites part of the file with what is no block.
func (w *writer) ruin(t *testing.T, f *segFile, off, n int) {
	t.Helper()
	for i := range n {
		f.data[off+i] = byte(0xa5 + i)
	}
	w.put(t, f.name, f.data)
}

// ruinBlock overwrites block i: both heads, or only the body.
func (w *writer) ruinBlock(t *testing.T, f *segFile, i int, bodyOnly bool) {
	t.Helper()
	h := &f.heads[i]
	if bodyOnly {
		w.ruin(t, f, int(h.off)+h.headLen+h.bodyLen/2, 1)
		return
	}
	w.ruin(t, f, int(h.off), int(h.Size()))
}

// totals sums over the segments.
func totals(s *State) (pending, lost uint64) {
	for _, seg := range s.Segments {
		pending += seg.Pending
		lost += seg.Lost
	}
	return pending, lost
}

// readAll reads what can be read of a file.
func readAll(t testing.TB, f vfs.File, salt uint64) (entries []Entry, damaged int) {
	for p := range Blocks(f, salt, 0) {
		if p.Head == nil {
			damaged++
			continue
		}
		raw, err := ReadBody(f, salt, p.Head)
		if err != nil {
			damaged++
			continue
		}
		require.NoError(t, p.Head.Each(raw, func(e Entry) bool { entries = append(entries, e); return true }))
	}
	return entries, damaged
}
