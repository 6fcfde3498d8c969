package vfs

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// spool is a Crash like a log in the middle of its work: segments of 256 KiB,
// a lock, a format, a cursor and one block of the given pages being written.
func spool(b *testing.B, segments, pages int) *Crash {
	c := NewCrash()
	require.NoError(b, MkdirAll(c, "spool"))
	_, err := c.Lock("spool/LOCK")
	require.NoError(b, err)
	require.NoError(b, WriteFile(c, "spool/FORMAT", []byte("1")))
	var f File
	for i := range segments {
		f = create(b, c, fmt.Sprintf("spool/%016x.seg", i))
		require.NoError(b, f.Allocate(256<<10))
		write(b, f, filled('a', 32<<10), 0)
		require.NoError(b, f.Sync())
	}
	cursor := create(b, c, "spool/cursor")
	write(b, cursor, filled('a', 2*PageSize), 0)
	require.NoError(b, cursor.Sync())
	require.NoError(b, c.SyncDir("spool"))
	write(b, cursor, filled('b', PageSize), 0)
	write(b, f, filled('b', pages*PageSize), 32<<10)
	return c
}

// BenchmarkStates makes states, and reads of each the first page of each file, as
// a recovery does at the least. One op is one state.
func BenchmarkStates(b *testing.B) {
	for _, pages := range []int{1, 16} {
		for _, reads := range []bool{false, true} {
			b.Run(fmt.Sprintf("pages=%d/reads=%v", pages, reads), func(b *testing.B) {
				p := spool(b, 8, pages).Point()
				buf := make([]byte, PageSize)
				b.ReportAllocs()
				b.ResetTimer()
				for n := 0; n < b.N; {
					for s := range p.States(min(b.N-n, 4096), uint64(n)) {
						n++
						if !reads {
							continue
						}
						infos, err := s.ReadDir("spool")
						if err != nil {
							b.Fatal(err)
						}
						for _, i := range infos {
							f, err := s.Open("spool/"+i.Name, ReadOnly)
							if err != nil {
								b.Fatal(err)
							}
							_, _ = f.ReadAt(buf, 0)
							_ = f.Close()
						}
					}
				}
			})
		}
	}
}

// BenchmarkPoint takes a point, as after every call of a workload.
func BenchmarkPoint(b *testing.B) {
	c := spool(b, 8, 1)
	b.ReportAllocs()
	for b.Loop() {
		c.Point()
	}
}
