package spool

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

// countFS counts what is read.
type countFS struct {
	vfs.FS
	opens, reads int
	bytes        int64
}

func (c *countFS) Open(name string, mode vfs.Mode) (vfs.File, error) {
	c.opens++
	f, err := c.FS.Open(name, mode)
	if err != nil {
		return nil, err
	}
	return countFile{f, c}, nil
}

type countFile struct {
	vfs.File
	c *countFS
}

func (f countFile) ReadAt(b []byte, off int64) (int, error) {
	f.c.reads++
	f.c.bytes += int64(len(b))
	return f.File.ReadAt(b, off)
}

func (f countFile) NextData(off int64) int64 {
	if d, ok := f.File.(interface{ NextData(int64) int64 }); ok {
		return d.NextData(off)
	}
	return off
}

// cost is what Load reads and allocates.
type cost struct {
	opens, reads int
	bytes, alloc int64
}

func costOf(t *testing.T, dir string) cost {
	t.Helper()
	c := &countFS{FS: vfs.OS{}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Load(c, dir)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	return cost{c.opens, c.reads, c.bytes, int64(after.TotalAlloc - before.TotalAlloc)}
}

// claim is the fixed part of a head with a good checksum, which claims a head and
// a body of these lengths.
func claim(salt uint64, off int64, head, body int) []byte {
	h := Head{First: 1, Span: 1, Entries: 1, headLen: head, bodyLen: body, rawLen: body}
	b := h.appendFixed(nil)
	binary.LittleEndian.PutUint32(b[4:], crc32.Update(seed(salt, off), castagnoli, b[8:]))
	return b
}

// crafted are files that were made to cost their reader as much as can be. Each is of
// so many pages; the salt is that of its name.
var crafted = map[string]func(salt uint64, pages int) []byte{
	"pages that begin like a head of 1 MiB": func(_ uint64, pages int) []byte {
		b := make([]byte, pages*page)
		for off := 0; off < len(b); off += page {
			copy(b[off:], "RVb1\x00\x00\x00\x00\x00\x00\x10\x00")
		}
		return b
	},
	"pages that end like a block": func(_ uint64, pages int) []byte {
		b := make([]byte, pages*page)
		for off := page; off <= len(b); off += page {
			binary.LittleEndian.PutUint32(b[off-8:], MaxHead)
			copy(b[off-4:], tailMagic[:])
		}
		return b
	},
	"good fixed parts of heads whose directories are bad": func(salt uint64, pages int) []byte {
		b := make([]byte, pages*page)
		for off := 0; off < len(b); off += page {
			copy(b[off:], claim(salt, int64(off), MaxHead, 0))
		}
		return b
	},
	"the same in the copies": func(salt uint64, pages int) []byte {
		const head = 2*page - 512 // its copy begins two pages before its end
		b := make([]byte, pages*page)
		for end := page; end <= len(b); end += page {
			binary.LittleEndian.PutUint32(b[end-8:], head)
			copy(b[end-4:], tailMagic[:])
			if off := int64(end) - blockSize(head, 0); off >= 0 {
				copy(b[end-8-head:], claim(salt, off, head, 0))
			}
		}
		return b
	},
	"good blocks whose bodies are beyond the end": func(salt uint64, pages int) []byte {
		b := make([]byte, pages*page)
		copy(b, block(salt, 0, 1, 0, 10))
		var f Builder
		f.Reset()
		f.Add("d", 7, 11, nil)
		h := Head{First: 11, Before: 10}
		data := f.Append(nil, salt, page, &h)
		binary.LittleEndian.PutUint32(data[12:], MaxBody)
		binary.LittleEndian.PutUint32(data[16:], MaxBody)
		binary.LittleEndian.PutUint32(data[4:], crc32.Update(seed(salt, page), castagnoli, data[8:headBytes]))
		copy(b[page:], data)
		return b
	},
	"blocks that inflate to as much as they may": func(salt uint64, pages int) []byte {
		var b []byte
		for i := range pages {
			var f Builder
			f.Reset()
			f.Add("d", 7, uint64(i+1), make([]byte, maxInflate*page-5))
			b = f.Append(b, salt, int64(len(b)), &Head{First: uint64(i + 1), Before: uint64(i)})
		}
		return b
	},
	"blocks of one page": func(salt uint64, pages int) (b []byte) {
		for i := range pages {
			b = append(b, block(salt, int64(len(b)), uint64(10*i+1), uint64(10*i), 10)...)
		}
		return b
	},
	"blocks of as many devices as there can be": func(salt uint64, pages int) (b []byte) {
		for first := uint64(1); len(b)+int(blockSize(MaxHead, 0)) < pages*page; {
			var devices []Device
			for size := headBytes + 12; size+deviceBytes < MaxHead; size += deviceBytes {
				devices = append(devices, Device{Boot: 1, Runs: []Run{{1, 1}}})
			}
			n := uint32(len(devices))
			h := Head{First: first, Before: first - 1, Span: n, Entries: n}
			b = h.seal(b, salt, int64(len(b)), appendDirectory(nil, nil, devices), nil)
			first += uint64(n)
		}
		return b
	},
}

// block is a block of one page.
func block(salt uint64, off int64, first, before uint64, entries int) []byte {
	var f Builder
	f.Reset()
	for i := range entries {
		f.Add("d", 7, first+uint64(i), []byte{byte(i)})
	}
	return f.Append(nil, salt, off, &Head{First: first, Before: before})
}

// What opening costs is bounded by what there is, whatever it says: these are the
// numbers in the comment of Load.
const (
	readsPerMiB = 1024
	bytesPerMiB = 6 << 20
	allocPerMiB = 32 << 20
	opensAFile  = 4
	readsAFile  = 8
	bytesAFile  = 256 << 10
	allocAFile  = 1 << 20
)

func requireCheap(t *testing.T, c cost, files int, bytes int64) {
	t.Helper()
	mib, n := float64(bytes)/(1<<20), float64(files+2)
	require.LessOrEqual(t, float64(c.opens), opensAFile*n)
	require.LessOrEqual(t, float64(c.reads), readsPerMiB*mib+readsAFile*n)
	require.LessOrEqual(t, float64(c.bytes), bytesPerMiB*mib+bytesAFile*n)
	require.LessOrEqual(t, float64(c.alloc), allocPerMiB*mib+allocAFile*n)
}

func TestLoadOfCraftedFiles(t *testing.T) {
	for name, make := range crafted {
		t.Run(name, func(t *testing.T) {
			const pages = 4096
			for _, copies := range []int{1, 2} { // of two that begin with the same position all is read, to compare them
				dir := t.TempDir()
				for i := range copies {
					id := FileID{First: 1, Salt: 77 + uint64(i)}
					b := make(id.Salt, pages)
					require.LessOrEqual(t, len(b), pages*page)
					require.NoError(t, os.WriteFile(filepath.Join(dir, id.Name(SegmentExt)), b, 0o600))
				}
				c := costOf(t, dir)
				t.Logf("%d files of 16 MiB: %d reads, %d MiB read, %d MiB allocated", copies, c.reads, c.bytes>>20, c.alloc>>20)
				requireCheap(t, c, copies, int64(copies)<<24)
			}
		})
	}
}

// Files larger than any segment, of which there is nothing on the disk, and very many.
func TestLoadOfCraftedDirectories(t *testing.T) {
	file := func(t *testing.T, dir string, name string, size int64, data []byte, at int64) {
		f, err := os.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = f.WriteAt(data, at)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(size))
		require.NoError(t, f.Close())
	}
	t.Run("a sparse segment of 8 GiB", func(t *testing.T) {
		dir := t.TempDir()
		file(t, dir, FileID{First: 1, Salt: 9}.Name(SegmentExt), 8<<30, block(9, 0, 1, 0, 10), 0)
		requireCheap(t, costOf(t, dir), 1, sparseBytes(1))
		s, err := Load(vfs.OS{}, dir)
		require.NoError(t, err)
		require.Equal(t, uint64(10), s.Segments[0].Pending, "what can be read is")
		require.True(t, s.Segments[0].Torn)
	})
	t.Run("with something at the end", func(t *testing.T) {
		dir := t.TempDir()
		file(t, dir, FileID{First: 1, Salt: 9}.Name(SegmentExt), 8<<30, block(9, MaxSegment-page, 1, 0, 10), MaxSegment-page)
		requireCheap(t, costOf(t, dir), 1, sparseBytes(1))
		dir = t.TempDir()
		file(t, dir, FileID{First: 1, Salt: 9}.Name(SegmentExt), 8<<30, block(9, MaxSegment, 1, 0, 10), MaxSegment)
		requireCheap(t, costOf(t, dir), 1, sparseBytes(1))
		s, err := Load(vfs.OS{}, dir)
		require.NoError(t, err)
		require.Zero(t, s.Segments[0].Pending, "it is behind all that a segment can have")
	})
	t.Run("many sparse ones", func(t *testing.T) {
		dir := t.TempDir()
		for i := range uint64(500) {
			file(t, dir, FileID{First: i + 1, Salt: 9}.Name(SegmentExt), MaxSegment, nil, 0)
		}
		requireCheap(t, costOf(t, dir), 500, sparseBytes(500))
	})
	t.Run("many empty ones", func(t *testing.T) {
		dir := t.TempDir()
		for i := range uint64(5000) {
			file(t, dir, FileID{First: 1, Salt: i}.Name(SegmentExt), 0, nil, 0)
		}
		requireCheap(t, costOf(t, dir), 5000, 0)
	})
	t.Run("documents", func(t *testing.T) {
		dir := t.TempDir()
		for i := range uint64(200) {
			file(t, dir, fmt.Sprintf("schema-%016x-00000000.json", i), MaxDoc, nil, 0)
		}
		file(t, dir, "schema-00000000000000ff-00000000.json", 1<<40, nil, 0)
		c := costOf(t, dir)
		require.LessOrEqual(t, c.bytes, int64(maxDocs+1<<20))
		require.LessOrEqual(t, c.alloc, int64(maxDocs+4<<20))
	})
	t.Run("small files that are large", func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{FormatName, CursorName, SpareName, LockName, "x.tmp", "x.bad", "x.aside"} {
			file(t, dir, name, 1<<40, nil, 0)
		}
		requireCheap(t, costOf(t, dir), 7, 0)
	})
}

// sparseBytes is what counts as being on the disk of files without content.
func sparseBytes(files int64) int64 {
	if runtime.GOOS == "linux" {
		return files << 12
	}
	return files * MaxSegment
}
