package compress

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// damaged returns frames that no decoder may take, by reason and name.
func damaged(t *testing.T) map[string][]byte {
	out := map[string][]byte{}
	add := func(name string, frame []byte) {
		require.NotContains(t, out, name)
		out[name] = frame
	}
	corrupt := func(name string, f *forge) { add("corrupt."+name, f.frame()) }
	col := func(kind record.Kind) record.Column { return record.Column{Name: "v", Kind: kind} }

	good := newForge().begin(3, col(record.Bool))
	good.column(fixed, 0, []int64{0, 1, 0})
	frame := good.frame()
	changed := func(at int, b byte) []byte {
		out := bytes.Clone(frame)
		out[at] = b
		return out
	}
	add("format.empty", nil)
	add("format.other", []byte("hello"))
	add("format.version", mend(changed(3, 2)))
	add("format.head-cut", frame[:3])
	add("corrupt.head-only", frame[:4])
	add("corrupt.truncated", frame[:len(frame)-1])
	add("corrupt.checksum", changed(4, frame[4]^1))
	add("corrupt.magic", changed(1, frame[1]^8))
	add("corrupt.version", changed(3, frame[3]^2))
	add("corrupt.changed", changed(len(frame)-1, frame[len(frame)-1]^4))

	// The text.
	add("corrupt.text-cut", mend(append(bytes.Clone(frame[:columnarHead]), 100, 1, 'x')))
	add("corrupt.text-length-unending", mend(append(bytes.Clone(frame[:columnarHead]), bytes.Repeat([]byte{0x80}, 12)...)))
	add("corrupt.text-length-huge", mend(append(bytes.Clone(frame[:columnarHead]), 0xff, 0xff, 0xff, 0xff, 0xff, 1)))
	long := newForge()
	long.text.buf = []byte{3, 'a', 'b'}
	corrupt("string-cut", long)
	latin := newForge()
	latin.text.append("\xff")
	corrupt("string-not-utf8", latin)
	for name, packed := range map[string][]byte{"garbage": {0xff, 0xff}, "cut": {1, 4, 0, 0xfb, 0xff, 'a'}, "short": {3, 0}} {
		f := newForge()
		f.size, f.packed = 4, packed
		corrupt("deflate-"+name, f)
	}
	// What follows these texts is fine.
	unended, more := newForge().begin(1), newForge().begin(1)
	n := byte(len(more.text.buf))
	unended.packed = append([]byte{0, n, 0, ^n, 0xff}, unended.text.buf...)
	corrupt("deflate-unended", unended)
	more.packed = append(append([]byte{1, n + 1, 0, ^(n + 1), 0xff}, more.text.buf...), 0)
	corrupt("deflate-long", more)

	// Records and series.
	one := func() *forge { return newForge().number(1, 0) }
	corrupt("no-records", newForge().number(0))
	corrupt("negative-records", newForge().number(-5))
	corrupt("more-series-than-records", newForge().number(2, 2))
	corrupt("string-missing", one().number(0))
	corrupt("string-before-first", one().number(1))
	corrupt("device-empty", one().str(""))
	corrupt("device-long", one().str(strings.Repeat("é", 129)))
	for name, bad := range map[string]string{"control": "pi\x1b[2J", "direction": "pi\u202e", "space": "pi "} {
		c := record.Column{Name: bad, Kind: record.Int}
		corrupt("device-"+name, one().id(bad, 0).shape().number(0).seqs(1, 1).number(0))
		corrupt("reading-"+name, one().id("d", 0).shape(c).number(0).seqs(1, 1).number(0).way(ordered).number(0))
		corrupt("metadata-"+name, one().id("d", 0).shape().number(1).str(bad).str("1").seqs(1, 1).number(0))
		corrupt("schema-"+name, one().id("d", 0).number(0).bits(0, 1).str(bad).number(0, 0).seqs(1, 1).number(0))
	}
	corrupt("boot-negative", one().str("d").number(-1))
	corrupt("boot-before-first", one().str("d").number(1))
	corrupt("closed-65", one().newBoot("d", 1).bits(1, 1).number(65))
	corrupt("closed-negative", one().newBoot("d", 1).bits(1, 1).number(-1))
	corrupt("shape-before-first", one().id("d", 0).number(1))
	corrupt("readings-513", one().id("d", 0).number(0).bits(0, 1).str("").number(513))
	corrupt("reading-without-name", one().id("d", 0).shape(record.Column{Kind: record.Int}))
	corrupt("reading-name-long", one().id("d", 0).shape(record.Column{Name: strings.Repeat("n", 129), Kind: record.Int}))
	corrupt("reading-twice", one().id("d", 0).shape(col(record.Int), col(record.Float)))
	corrupt("metadata-65", one().id("d", 0).shape().number(65))
	corrupt("metadata-twice", one().id("d", 0).shape().number(2).str("m").str("1").str("m").str("2"))
	corrupt("metadata-without-name", one().id("d", 0).shape().number(1).str("").str("1"))
	corrupt("record-of-no-series", newForge().number(2, 1).id("d", 0).shape().number(0).str("d").number(1, 1, 0).
		number(0).form(steps|isFlat).number(2))
	corrupt("time-late", one().id("d", 0).shape().number(0).seqs(1, 1).number(maxTime+1))
	corrupt("time-early", one().id("d", 0).shape().number(0).seqs(1, 1).number(minTime-1))

	// Columns.
	two := func(readings ...record.Column) *forge { return newForge().begin(2, readings...) }
	x, y := record.Column{Name: "x", Kind: record.Float}, record.Column{Name: "y", Kind: record.Float}
	bools := two(col(record.Bool))
	bools.column(fixed, 0, []int64{0, 2})
	corrupt("bool-2", bools)
	corrupt("strings-more-than-values", two(col(record.String)).number(3))
	corrupt("strings-missing", two(col(record.String)).number(2))
	place := two(col(record.String)).number(0)
	place.column(fixed, 0, []int64{0, 0})
	corrupt("string-place", place)
	corrupt("way-3", two(x).way(3).zeros(0))
	for _, way := range []uint64{derived, 3, quotients, singleProducts} {
		corrupt(fmt.Sprint("int-way-", way), two(col(record.Int)).way(way))
	}
	corrupt("list-long", two(col(record.Int)).way(ranked).number(3))
	empty := two(col(record.Int)).way(ranked).number(0)
	empty.column(fixed, 0, []int64{0, 0})
	corrupt("list-empty", empty)
	corrupt("derived-of-itself", two(x).way(derived).zeros(0).number(0))
	corrupt("derived-of-none", two(x).way(derived).zeros(0).number(1))
	ofBool := two(col(record.Bool), y)
	ofBool.column(fixed, 0, []int64{0, 1})
	corrupt("derived-of-bool", ofBool.way(derived).zeros(0).number(1).bits(0, 3))
	steep := two(x, y)
	floatsIn(fixed, 0, 0)(steep, []int64{0, 1})
	corrupt("derived-degree-5", steep.way(derived).zeros(0).number(1).bits(5, 3))
	partial := newForge().number(2, 1).id("d", 0).shape(x, y).number(0).id("e", 1).shape(y).number(0)
	partial.column(fixed, 0, []int64{0, 1})
	partial.seqs(1, 2).flat(0, 2).way(ordered).zeros(0).number(5)
	corrupt("derived-of-some", partial.way(derived).zeros(0).number(1).bits(1, 3))
	corrupt("odd-values-many", two(x).way(quotients).scale(0).number(3))
	corrupt("odd-values-in-one-place", two(x).way(products).scale(0).number(2, 1).bits(0, 64).number(0))
	corrupt("odd-value-behind-end", two(x).way(quotients).scale(0).number(1, 3))

	add("schema.unknown", one().id("d", 0).number(0).bits(1, 1).bits(0xdeadbeef, 32).frame())

	for _, b := range bombs() {
		if _, err := decoded(b.frame, 0); err != nil && reasonOf(err) == "too_large" {
			add("too_large."+strings.ReplaceAll(b.name, " ", "-"), b.frame)
		}
	}
	return out
}
