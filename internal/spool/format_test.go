package spool

import (
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFormat(t *testing.T) {
	sealed := func(text string) []byte {
		return fmt.Appendf(nil, "%scrc32c %08x\n", text, crc32.Checksum([]byte(text), castagnoli))
	}
	for _, c := range []struct {
		name  string
		b     []byte
		whole bool
		newer bool
	}{
		{"ours", FormatText(0, 0), true, false},
		{"unknown compatible features", FormatText(0, 0x80), true, false},
		{"unknown incompatible feature", FormatText(1, 0), true, true},
		{"the highest feature", FormatText(1<<31, 0), true, true},
		{"newer version", sealed("rivulet spool 2\nincompatible 0x0\ncompatible 0x0\n"), true, true},
		{"newer version with more lines", sealed("rivulet spool 2\nincompatible 0x0\ncompatible 0x0\nmore\n"), true, true},
		{"whole, but not to be understood", sealed("rivulet spool two\n"), true, true},
		{"version beyond 32 bits", sealed("rivulet spool 99999999999\nincompatible 0x0\ncompatible 0x0\n"), true, true},
		{"empty", nil, false, false},
		{"no checksum", []byte("rivulet spool 1\nincompatible 0x0\ncompatible 0x0\n"), false, false},
		{"something behind", append(FormatText(0, 0), 0), false, false},
	} {
		whole, err := CheckFormat(c.b)
		require.Equal(t, c.whole, whole, c.name)
		if c.newer {
			require.ErrorIs(t, err, ErrNewerFormat, c.name)
			require.Contains(t, err.Error(), "this program knows version 1")
		} else {
			require.NoError(t, err, c.name)
		}
	}
	text := FormatText(0, 0)
	for bit := range len(text) * 8 {
		text[bit/8] ^= 1 << (bit % 8)
		whole, err := CheckFormat(text)
		require.NoError(t, err)
		require.False(t, whole, "bit %d", bit)
		text[bit/8] ^= 1 << (bit % 8)
	}
	for n := range len(text) {
		whole, err := CheckFormat(text[:n])
		require.NoError(t, err)
		require.False(t, whole, "%d bytes", n)
	}
}

func TestNames(t *testing.T) {
	id := FileID{1, 0, 1<<64 - 1}
	got, ok := ParseName(id.Name(SegmentExt), SegmentExt)
	require.True(t, ok)
	require.Equal(t, id, got)
	for _, name := range []string{"", ".seg", id.Name(BadExt), id.Name(SegmentExt) + ".tmp",
		"0000000000000000-0000000000000000-0000000000000000.seg", // position 0
		"4000000000000001-0000000000000000-0000000000000000.seg", // beyond any
		"000000000000000A-0000000000000000-0000000000000000.seg", // not as it is written
		"+00000000000000a-0000000000000000-0000000000000000.seg",
		"000000000000000a_0000000000000000_0000000000000000.seg"} {
		_, ok := ParseName(name, SegmentExt)
		require.False(t, ok, name)
	}
	doc := []byte(`{"name":"env"}`)
	name := DocName(0xabc, doc)
	fid, ok := ParseDocName(name)
	require.True(t, ok)
	require.Equal(t, uint64(0xabc), fid)
	for _, name := range []string{"schema-1.json", "schema-zzzzzzzzzzzzzzzz-00000000.json", name + "x"} {
		_, ok := ParseDocName(name)
		require.False(t, ok, name)
	}
}

func TestDocs(t *testing.T) {
	w := newWriter(t)
	good, bad := []byte(`{"name":"good"}`), []byte(`{"name":"bad"}`)
	w.put(t, DocName(1, good), good)
	w.put(t, DocName(2, bad), []byte(`{"name":"bat"}`))
	w.put(t, DocName(3, bad)+".tmp", bad)
	s := w.load(t)
	require.Equal(t, map[uint64][]byte{1: good}, s.Docs)
	require.Len(t, s.DocFiles, 1)
	require.Equal(t, DocName(1, good), s.DocFiles[0].Name)
	require.Len(t, s.BadDocs, 1)
	require.Equal(t, DocName(2, bad), s.BadDocs[0].Name)
}
