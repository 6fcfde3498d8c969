package spool

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
	"github.com/rivulet-iot/rivulet/record"
)

// update writes the golden directories anew. What version 1 wrote must be read for
// ever after: add directories, don't change those that are there.
var update = flag.Bool("update", false, "write testdata/golden anew")

// golden is what is expected of a directory, in the file beside it.
type golden struct {
	Next    uint64
	Acked   uint64
	Written uint64
	Durable uint64
	Clock   int64
	Pending uint64
	Lost    uint64
	Sure    bool // of the cursor
	Damaged []string
	Docs    map[string]string `json:",omitempty"`
	Entries []goldenEntry     // readable, finished ones too
	Aside   []goldenEntry     `json:",omitempty"`
}

type goldenEntry struct {
	Pos    uint64
	Device string
	Boot   uint64
	Seq    uint64
	Data   []byte
}

// The directories that this version wrote first are read as they were then.
func TestGolden(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	dirs, err := filepath.Glob("testdata/golden/v1-*.json")
	require.NoError(t, err)
	require.Len(t, dirs, 3)
	for _, file := range dirs {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			var want golden
			require.NoError(t, json.Unmarshal(b, &want))
			require.NotEmpty(t, want.Entries)
			require.Equal(t, want, readGolden(t, file[:len(file)-len(".json")]))
		})
	}
}

func readGolden(t *testing.T, dir string) golden {
	s, err := Load(vfs.OS{}, dir)
	require.NoError(t, err)
	require.True(t, s.Used && s.Whole && s.CursorRead)
	g := golden{Next: s.Next, Acked: s.Acked, Written: s.Written, Durable: s.Durable, Clock: s.Clock, Sure: s.CursorSure, Damaged: []string{}}
	g.Pending, g.Lost = totals(s)
	add := func(entries *[]goldenEntry, find Find) {
		if find.Class != Whole {
			return
		}
		require.NoError(t, find.Head.Each(find.Raw, func(e Entry) bool {
			*entries = append(*entries, goldenEntry(e))
			return true
		}))
	}
	for _, seg := range s.Segments {
		for find, err := range s.Inspect(vfs.OS{}, dir, seg, true) {
			require.NoError(t, err)
			add(&g.Entries, find)
			if find.Bad() || find.Class == Torn {
				g.Damaged = append(g.Damaged, find.Class.String())
			}
		}
	}
	for _, k := range s.Kept {
		for find, err := range InspectFile(vfs.OS{}, dir, k.Name) {
			require.NoError(t, err)
			add(&g.Aside, find)
		}
	}
	for _, info := range s.DocFiles {
		name := info.Name
		id, _ := ParseDocName(name)
		if g.Docs == nil {
			g.Docs = map[string]string{}
		}
		g.Docs[name] = string(s.Docs[id])
	}
	return g
}

// writeGolden makes the directories. The deflated bytes are those of the library
// that is linked; which they are does not matter.
func writeGolden(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, w *writer, s []*segFile){
		"v1-plain": func(*testing.T, *writer, []*segFile) {},
		"v1-damaged": func(t *testing.T, w *writer, s []*segFile) {
			w.ruinBlock(t, s[0], 1, true)
			w.ruinBlock(t, s[1], 0, false)
			w.ruin(t, s[1], int(s[1].heads[1].off)+20, 1) // the first head; the second is whole
			b := make([]byte, CursorBytes)
			for gen := range uint64(2) {
				c := Cursor{Generation: 2 + gen, Segment: w.tag, Next: w.next, Acked: w.acked, Written: w.durable, Clock: w.clock, Trusted: 1_790_000_000_000}
				copy(b[c.Off():], c.Slot())
			}
			b[SlotBytes+30] ^= 4
			w.put(t, CursorName, b)
		},
		"v1-torn": func(t *testing.T, w *writer, s []*segFile) {
			last := len(s[1].heads) - 1
			w.durable -= uint64(s[1].heads[last].Entries)
			w.finish(t)
			h := &s[1].heads[last]
			end := h.off + h.Size()
			clear(s[1].data[end-page/2 : end])
			w.ruin(t, s[1], int(h.off), 512)
		},
	} {
		w := newWriter(t)
		w.boot, w.acked, w.clock, w.next, w.written, w.durable = 0x9f3c0b5e77a1d204, 104, 5000, 100, 40, 40
		segs := []*segFile{goldenSegment(t, w, 0), goldenSegment(t, w, 1)}
		w.finish(t)
		doc, err := json.Marshal(goldenSchema(t))
		require.NoError(t, err)
		w.put(t, DocName(goldenSchema(t).Fingerprint(), doc), doc)
		var b Builder
		b.Reset(goldenSchema(t).Fingerprint())
		b.Add("pi-1", 0x51, 9, goldenRow(t, "pi-1", 9))
		id := FileID{First: 77, Salt: 0xa51de}
		w.put(t, id.Name(AsideExt), b.Append(nil, id.Salt, 0, &Head{First: 77, Clock: 1, Wall: 1_790_000_000_000}))
		damage(t, w, segs)
		dir := filepath.Join("testdata/golden", name)
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for file, data := range contents(t, w.disk) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(data), 0o644))
		}
		want, err := json.MarshalIndent(readGolden(t, dir), "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(dir+".json", append(want, '\n'), 0o644))
	}
}

// goldenSegment has a small block, a deflated one, one with skips, and one of an
// opaque record.
func goldenSegment(t *testing.T, w *writer, n int) *segFile {
	f := &segFile{id: FileID{First: w.next, Before: w.written, Salt: 0xfeed0000 + uint64(n)}}
	f.name = f.id.Name(SegmentExt)
	for k := range 4 {
		var b Builder
		b.Reset(goldenSchema(t).Fingerprint())
		h := Head{First: w.next, Before: w.written, Durable: w.durable, Acked: w.acked, Prev: w.prev, Clock: w.clock, Wall: 1_790_000_000_000 + w.clock}
		var want []Entry
		for i := range []int{3, 150, 10, 2}[k] {
			if k == 2 && i%3 == 1 {
				b.Skip()
				w.next++
			}
			dev, boot := []string{"pi-1", "pi-2"}[i%2], w.boot+uint64(i%2)
			w.seqs[dev]++
			row := goldenRow(t, dev, w.seqs[dev])
			if k == 3 && i == 1 {
				row = append([]byte{0xff, 3, 'k', 'e', 'y', 0}, "opaque\x00bytes"...)
			}
			b.Add(dev, boot, w.seqs[dev], row)
			want = append(want, Entry{w.next, dev, boot, w.seqs[dev], row})
			w.next++
		}
		f.data = b.Append(f.data, f.id.Salt, int64(len(f.data)), &h)
		f.heads, f.want = append(f.heads, h), append(f.want, want)
		w.written += uint64(len(want))
		w.durable = w.written
		w.clock += 1000
	}
	require.Equal(t, uint32(flagDeflate), f.heads[1].flags)
	f.data = append(f.data, make([]byte, 32<<10-len(f.data))...)
	w.prev = f.id.First
	w.put(t, f.name, f.data)
	return f
}

func goldenSchema(t *testing.T) *record.Schema {
	schema, err := record.NewSchema("env", 1, record.Field{Name: "temperature", Kind: record.Float, Unit: "Cel"}, record.Field{Name: "motion", Kind: record.Bool})
	require.NoError(t, err)
	return schema
}

// goldenRow is a row of the schema, or now and then one without.
func goldenRow(t *testing.T, device string, seq uint64) []byte {
	r := record.Record{ID: record.ID{Device: device}, Time: time.UnixMilli(1_790_000_000_000 + int64(seq)*1000), Schema: "env/1",
		Readings: []record.Reading{{Name: "temperature", Value: record.FloatValue(20 + float64(seq%50)/8)}, {Name: "motion", Value: record.BoolValue(seq%3 == 0)}}}
	schema := goldenSchema(t)
	if seq%10 == 4 {
		schema = nil
		r.Schema, r.Readings = "", []record.Reading{{Name: "rssi", Value: record.IntValue(-int64(seq))}}
	}
	row, err := record.AppendRecord(nil, schema, &r, time.Time{})
	require.NoError(t, err)
	return row
}

// The layout, byte for byte: what doc.go says, for who writes another reader.
func TestBlockBytes(t *testing.T) {
	var b Builder
	b.Reset(0xd0c)
	b.Add("ab", 9, 7, []byte("x"))
	b.Add("ab", 9, 8, nil)
	b.Skip()
	b.Add("c", 0xb007b007, 300, []byte("yz"))
	b.Add("d", 9, 1, nil)
	got := b.Append(nil, 0x1122, 0, &Head{First: 5, Before: 4, Durable: 3, Acked: 2, Prev: 1, Clock: 10, Wall: -1})
	require.Len(t, got, page)
	le := binary.LittleEndian
	dir := slices.Concat([]byte{1, 0x0c, 0x0d, 0, 0, 0, 0, 0, 0},
		[]byte{3}, []byte{0, 9, 0, 0, 0, 0, 0, 0, 0, 2, 'a', 'b', 1, 7, 2},
		[]byte{0, 0x07, 0xb0, 0x07, 0xb0, 0, 0, 0, 0, 1, 'c', 1, 0xac, 2, 1},
		[]byte{2, 1, 'd', 1, 1, 1})
	body := []byte{1, 1, 'x', 1, 0, 0, 1, 2, 2, 'y', 'z', 3, 0}
	n := 96 + len(dir)
	require.Equal(t, "RVb1", string(got[:4]))
	sum := func(b []byte) uint32 { return crc32.Update(seed(0x1122, 0), castagnoli, b) }
	for off, want := range map[int]uint32{4: sum(got[8:96]), 8: uint32(n), 12: uint32(len(body)), 16: uint32(len(body)), 20: sum(dir), 24: sum(body), 28: 0, 32: 5, 36: 4} {
		require.Equal(t, want, le.Uint32(got[off:]), off)
	}
	for off, want := range map[int]uint64{40: 5, 48: 4, 56: 3, 64: 2, 72: 1, 80: 10, 88: 1<<64 - 1} {
		require.Equal(t, want, le.Uint64(got[off:]), off)
	}
	require.Equal(t, dir, got[96:n])
	require.Equal(t, body, got[n:n+len(body)])
	require.Equal(t, got[:n], got[page-8-n:page-8])
	require.Equal(t, append(le.AppendUint32(nil, uint32(n)), "RVbE"...), got[page-8:])
	require.True(t, bytes.Equal(make([]byte, page-8-2*n-len(body)), got[n+len(body):page-8-n]))
}

// The cursor, byte for byte.
func TestCursorBytes(t *testing.T) {
	c := Cursor{Generation: 1, Next: 2, Acked: 3, Written: 4, Clock: 5, Wall: 6, Trusted: 7, Segment: 8}
	b := c.Slot()
	require.Len(t, b, SlotBytes)
	le := binary.LittleEndian
	require.Equal(t, "RVc1", string(b[:4]))
	require.Equal(t, crc32.Checksum(b[8:68], castagnoli), le.Uint32(b[4:]))
	for i := range 7 {
		require.EqualValues(t, i+1, le.Uint64(b[8+8*i:]))
	}
	require.EqualValues(t, 8, le.Uint32(b[64:]))
	require.True(t, allZero(b[68:]))
}
