package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Blocks of every shape come back as they were put.
func TestBlockRoundTrip(t *testing.T) {
	long := strings.Repeat("n", MaxName)
	for _, c := range []struct {
		name           string
		devices        []string
		entries, bytes int
		random         bool // data that does not deflate
		skips, gaps    int  // every so many
		deflated       bool
	}{
		{"one", []string{"a"}, 1, 10, true, 0, 0, false},
		{"one empty", []string{"a"}, 1, 0, true, 0, 0, false},
		{"all empty", []string{"a", "b"}, 5000, 0, true, 3, 0, true},
		{"small and compressible", []string{"a"}, 3, 900, false, 0, 0, false},
		{"compressible", []string{"a", "b"}, 100, 300, false, 0, 0, true},
		{"random", []string{"a", "b"}, 100, 300, true, 0, 0, false},
		{"skips", []string{"a"}, 200, 20, true, 2, 0, false},
		{"gaps", []string{"a", "b", "c"}, 500, 20, true, 0, 2, false},
		{"skips and gaps", []string{"a", "b", "c"}, 500, 30, false, 5, 7, true},
		{"long name", []string{long, ""}, 10, 10, true, 0, 0, false},
		{"many devices", nil, 10_000, 30, true, 0, 0, false},
		{"large entry", []string{"a"}, 1, 1 << 20, true, 0, 0, false},
		{"at the limit", []string{"a"}, 1, MaxBody - 5, true, 0, 0, false},
		{"at the limit, compressible", []string{"a"}, 1, MaxBody - 5, false, 0, 0, false}, // it would inflate to too much
		{"compressible to the limit", []string{"a"}, 1, maxInflate*page - 5, false, 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(c.entries)))
			if c.devices == nil {
				for i := range c.entries {
					c.devices = append(c.devices, fmt.Sprintf("sensor-%05d", i))
				}
			}
			var b Builder
			for round := range 2 { // its memory is used again
				b.Reset()
				var want []Entry
				seqs := map[string]uint64{}
				pos := uint64(1000)
				for i := range c.entries {
					if c.skips > 0 && i%c.skips == 0 {
						b.Skip()
						pos++
					}
					dev := c.devices[(i+round)%len(c.devices)]
					if seqs[dev]++; c.gaps > 0 && i%c.gaps == 0 {
						seqs[dev] += 1 + rng.Uint64N(1000)
					}
					data := make([]byte, c.bytes)
					for j := range data {
						if data[j] = byte(j % 7); c.random {
							data[j] = byte(rng.Uint32())
						}
					}
					b.Add(dev, 7, seqs[dev], data)
					want = append(want, Entry{pos, dev, 7, seqs[dev], data})
					pos++
				}
				if c.skips > 0 {
					b.Skip()
					b.Skip()
					pos += 2
				}
				const salt, off = 0xfeed, 3 * page
				h := Head{First: 1000, Before: 50, Durable: 40, Acked: 990, Prev: 3, Clock: 5, Wall: -6}
				size := b.Size()
				data := append(make([]byte, off), b.Append(nil, salt, off, &h)...)
				require.Equal(t, c.entries, b.Entries())
				require.Equal(t, size, h.Size())
				require.Equal(t, int64(len(data)), off+h.Size())
				require.Zero(t, len(data)%page)
				require.Equal(t, c.deflated, h.flags&flagDeflate != 0, "%d to %d bytes", h.rawLen, h.bodyLen)
				require.Equal(t, pos, h.End())

				got, err := headOf(memFile{b: data}, salt, off)
				require.NoError(t, err)
				require.Equal(t, h, *got)
				raw, err := ReadBody(memFile{b: data}, salt, got)
				require.NoError(t, err)
				var entries []Entry
				require.NoError(t, got.Each(raw, func(e Entry) bool { entries = append(entries, e); return true }))
				require.Len(t, entries, len(want))
				for i := range want {
					require.True(t, want[i].Pos == entries[i].Pos && want[i].Device == entries[i].Device && want[i].Boot == entries[i].Boot && want[i].Seq == entries[i].Seq)
					require.True(t, slices.Equal(want[i].Data, entries[i].Data))
				}

				// Elsewhere, or in another file, it is no block.
				_, err = headOf(memFile{b: data}, salt+1, off)
				require.ErrorIs(t, err, errNoHead)
				_, err = headOf(memFile{b: data[page:]}, salt, off-page)
				require.ErrorIs(t, err, errNoHead)
			}
		})
	}
}

// Either head suffices, whichever is damaged and however large it is.
func TestHeadsSurvive(t *testing.T) {
	for _, devices := range []int{1, 300, 5000} {
		t.Run(fmt.Sprint(devices), func(t *testing.T) {
			var b Builder
			b.Reset()
			for i := range devices {
				b.Add(fmt.Sprintf("a long device name, number %d", i), 3, 17, []byte("data"))
			}
			h := Head{First: 1}
			data := b.Append(nil, 9, 0, &h)
			tail := len(data) - trailerBytes
			for name, r := range map[string][2]int{
				"first":                   {0, h.headLen},
				"first magic":             {0, 1},
				"first, last byte":        {h.headLen - 1, h.headLen},
				"copy":                    {tail - h.headLen, tail},
				"copy, one byte":          {tail - 1, tail},
				"length of the copy":      {tail, tail + 4},
				"magic at the end":        {tail + 4, tail + 8},
				"first, and what follows": {0, min(page, tail-h.headLen)},
			} {
				damaged := slices.Clone(data)
				for i := r[0]; i < r[1]; i++ {
					damaged[i] ^= 0xff
				}
				pieces := slices.Collect(Blocks(memFile{b: damaged}, 9, 0))
				require.Len(t, pieces, 1, name)
				require.Equal(t, strings.HasPrefix(name, "first"), pieces[0].Copied, name)
				require.Equal(t, int64(len(data)), pieces[0].Head.avail)
				pieces[0].Head.avail = 0
				require.True(t, reflect.DeepEqual(h, *pieces[0].Head), name)
			}
		})
	}
}

// seal makes a block, without the second head, of a head whose checksums and
// lengths it sets, and a body.
func seal(head, body []byte, salt uint64) []byte {
	le := binary.LittleEndian
	copy(head, headMagic[:])
	le.PutUint32(head[8:], uint32(len(head)))
	le.PutUint32(head[12:], uint32(len(body)))
	le.PutUint32(head[20:], crc32.Update(seed(salt, 0), castagnoli, head[headBytes:]))
	le.PutUint32(head[24:], crc32.Update(seed(salt, 0), castagnoli, body))
	le.PutUint32(head[4:], crc32.Update(seed(salt, 0), castagnoli, head[8:headBytes]))
	return append(head, body...)
}

// hostile makes a head that says what a writer would not, with good checksums.
func hostile(change func(head []byte)) []byte {
	var b Builder
	b.Reset()
	b.Add("device", 3, 1, []byte("data"))
	h := Head{First: 1}
	data := b.Append(nil, 9, 0, &h)
	change(data[:h.headLen])
	le := binary.LittleEndian
	le.PutUint32(data[20:], crc32.Update(seed(9, 0), castagnoli, data[headBytes:h.headLen]))
	le.PutUint32(data[4:], crc32.Update(seed(9, 0), castagnoli, data[8:headBytes]))
	return data[:len(data)-trailerBytes] // without the copy
}

// What a head claims is bounded before it is believed.
func TestHostileHeads(t *testing.T) {
	le := binary.LittleEndian
	for name, change := range map[string]func([]byte){
		"head of 4 GiB":          func(b []byte) { le.PutUint32(b[8:], 1<<32-1) },
		"head too short":         func(b []byte) { le.PutUint32(b[8:], headBytes-1) },
		"body of 4 GiB":          func(b []byte) { le.PutUint32(b[12:], 1<<32-1) },
		"inflates to 4 GiB":      func(b []byte) { le.PutUint32(b[16:], 1<<32-1) },
		"inflates to too much":   func(b []byte) { le.PutUint32(b[16:], maxInflate*page+1); le.PutUint32(b[28:], flagDeflate) },
		"no entries":             func(b []byte) { le.PutUint32(b[36:], 0) },
		"more entries than span": func(b []byte) { le.PutUint32(b[36:], 2) },
		"entries not listed":     func(b []byte) { le.PutUint32(b[32:], 9); le.PutUint32(b[36:], 9) },
		"a span of 2^20 and 1":   func(b []byte) { le.PutUint32(b[32:], MaxSpan+1) },
		"position 0":             func(b []byte) { le.PutUint64(b[40:], 0) },
		"position 2^63":          func(b []byte) { le.PutUint64(b[40:], 1<<63) },
		"before 2^63":            func(b []byte) { le.PutUint64(b[48:], 1<<63) },
		"durable 2^63":           func(b []byte) { le.PutUint64(b[56:], 1<<63) },
		"acked 2^63":             func(b []byte) { le.PutUint64(b[64:], 1<<63) },
		"documents":              func(b []byte) { b[headBytes] = 0x7f },
		"devices":                func(b []byte) { b[headBytes+1] = 0x7f },
		"a boot given before":    func(b []byte) { b[headBytes+2] = 1 },
		"boot 0":                 func(b []byte) { clear(b[headBytes+3 : headBytes+11]) },
		"name beyond the end":    func(b []byte) { b[headBytes+11] = 0x7f },
		"no runs":                func(b []byte) { b[headBytes+18] = 0 },
		"sequence number 0":      func(b []byte) { b[headBytes+19] = 0 },
		"an empty run":           func(b []byte) { b[headBytes+20] = 0 },
		"a long run":             func(b []byte) { b[headBytes+20] = 2 },
	} {
		data := hostile(change)
		_, err := headOf(memFile{b: data}, 9, 0)
		require.ErrorIs(t, err, errNoHead, name)
		require.Nil(t, blocksOf(memFile{b: data}, 9, nil), name)
	}
	var devices []Device // more than a head may list, all of them there
	for range MaxHead / deviceBytes {
		devices = append(devices, Device{Boot: 1, Runs: []Run{{1, 1}}})
	}
	long := Head{First: 1, Span: uint32(len(devices)), Entries: uint32(len(devices))}
	require.Nil(t, blocksOf(memFile{b: long.seal(nil, 9, 0, appendDirectory(nil, nil, devices), nil)}, 9, nil))

	h, err := headOf(memFile{b: hostile(func([]byte) {})}, 9, 0)
	require.NoError(t, err, "the unchanged one is fine")
	require.Equal(t, uint32(1), h.Entries)

	// What passes is damaged in its body, and stays so.
	for name, change := range map[string]func([]byte){
		"inflated length":  func(b []byte) { le.PutUint32(b[16:], 7) },
		"deflated":         func(b []byte) { le.PutUint32(b[28:], flagDeflate) },
		"a newer flag":     func(b []byte) { le.PutUint32(b[28:], 2) },
		"longer body":      func(b []byte) { le.PutUint32(b[12:], MaxBody) },
		"position missing": func(b []byte) { le.PutUint32(b[32:], 2) },
	} {
		data := hostile(change)
		h, err := headOf(memFile{b: data}, 9, 0)
		require.NoError(t, err, name)
		_, err = ReadBody(memFile{b: data}, 9, h)
		var damage *DamageError
		require.ErrorAs(t, err, &damage, name)
		require.Contains(t, err.Error(), "block at byte 0", name)
		require.False(t, Unreadable(err), name)
	}
}
