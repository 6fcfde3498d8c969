package retry

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// To read on from anywhere costs no more than what lies between two places that are
// remembered, in a log that this opening wrote, and in one that it found and has
// read.
func TestDiskSeekIsCheap(t *testing.T) {
	crash := vfs.NewCrash()
	read := int64(0)
	fault := vfs.NewFault(crash, vfs.Plan{Match: func(c vfs.Call) bool {
		if c.Op == vfs.OpRead && strings.HasSuffix(c.Name, spool.SegmentExt) {
			read += c.Len
		}
		return false
	}})
	o := Options{MaxBytes: 64 << 20}
	d := still(t, fault, o)
	for range 3000 { // of a page each: three segments
		putStill(t, d, 1, 3000)
	}
	check := func() {
		rng := rand.New(rand.NewPCG(1, 1))
		first, _ := d.Span()
		next := first + 3000
		for range 300 {
			index := first + rng.Uint64N(next-first)
			before := read
			d.Seek(index)
			es := d.Next(1)
			require.Len(t, es, 1)
			require.Equal(t, index, es[0].Index)
			d.Return(es[0].Index, es[0].Index)
			require.LessOrEqual(t, read-before, int64(placeGap+3*64<<10))
		}
	}
	check()
	d.finish()
	d = still(t, fault, o)
	for es := d.Next(1 << 20); len(es) > 0; es = d.Next(1 << 20) {
		d.Return(es[0].Index, es[len(es)-1].Index)
	}
	check()
	for _, s := range d.segs {
		require.LessOrEqual(t, len(s.places), maxSegment/placeGap)
	}
}
