package spool

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

func TestBlockRoundTrip(t *testing.T) {
	fsys := vfs.NewCrash()
	f, err := fsys.Open("x", vfs.Create)
	require.NoError(t, err)
	var b Builder
	b.Reset()
	var want []Entry
	pos := uint64(100)
	for i := range 1000 {
		if i%7 == 3 {
			b.Skip()
			pos++
			continue
		}
		dev := fmt.Sprint("dev", i%3)
		data := fmt.Appendf(nil, "entry %d of %s", i, dev)
		b.Add(dev, uint64(i+1), data)
		want = append(want, Entry{pos, dev, uint64(i + 1), data})
		pos++
	}
	h := Head{Boot: 7, First: 100, Before: 50, Durable: 40, Acked: 90, Prev: 3, Clock: 5, Wall: 6}
	block := b.Append(nil, 42, page, &h)
	require.Zero(t, len(block)%page)
	t.Log(len(block), h.rawLen, h.bodyLen, h.headLen)
	_, err = f.WriteAt(block, page)
	require.NoError(t, err)
	for _, damage := range []int64{-1, page + 10, page + h.Size() - 100} {
		if damage >= 0 {
			_, _ = f.WriteAt([]byte{0xff}, damage)
		}
		var got []Piece
		for p := range Blocks(f, 42, page) {
			got = append(got, p)
		}
		require.Len(t, got, 1)
		require.Equal(t, damage == page+10, got[0].Copied)
		require.Equal(t, h.Devices, got[0].Head.Devices)
		raw, err := ReadBody(f, 42, got[0].Head)
		require.NoError(t, err)
		var entries []Entry
		require.NoError(t, got[0].Head.Each(raw, func(e Entry) bool { entries = append(entries, e); return true }))
		require.Equal(t, want, entries)
		_, _ = f.WriteAt(block, page)
	}
}
