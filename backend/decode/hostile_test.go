package decode

import (
	"bytes"
	"compress/gzip"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/record"
)

// peak runs fn and returns by how much the heap grew at most, as seen at each
// item, and what was allocated in all.
func peak(fn func(look func())) (grown, total uint64) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	look := func() {
		runtime.ReadMemStats(&now)
		if now.HeapAlloc > before.HeapAlloc {
			grown = max(grown, now.HeapAlloc-before.HeapAlloc)
		}
	}
	fn(look)
	look()
	return grown, now.TotalAlloc - before.TotalAlloc
}

func TestBombs(t *testing.T) {
	// 16 MiB of record JSON in lines of 64 KiB, and in one line.
	line := []byte(`{"device_id":"d","readings":{"s":"` + strings.Repeat(" ", 1<<16) + `"}}` + "\n")
	var gz, zs, oneLine bytes.Buffer
	zw := gzip.NewWriter(&gz)
	sw, err := zstd.NewWriter(&zs)
	require.NoError(t, err)
	ow, err := zstd.NewWriter(&oneLine)
	require.NoError(t, err)
	_, _ = ow.Write([]byte(`{"device_id":"`))
	for range 256 {
		_, _ = zw.Write(line)
		_, _ = sw.Write(line)
		_, _ = ow.Write(bytes.Repeat([]byte("a"), 1<<16))
	}
	require.NoError(t, zw.Close())
	require.NoError(t, sw.Close())
	require.NoError(t, ow.Close())
	hugeWindow := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0, 0}
	good := frameOf(t, compress.Zstd, recordsOf("good", 50))

	for name, data := range map[string][]byte{"gzip": gz.Bytes(), "zstd": zs.Bytes(), "one line": oneLine.Bytes(), "window": hugeWindow} {
		d := Decoder{MaxBytes: 2 << 20}
		var damages, records int
		grown, _ := peak(func(look func()) {
			require.NoError(t, d.Decode(data, "k", func(it Item) error {
				if it.Kind == Damaged {
					damages++
					require.Equal(t, name == "gzip" || name == "zstd", it.Err.(*Error).Reason == ErrTooLarge, "%s: %v", name, it.Err)
				} else if records++; records%8 == 1 {
					look()
				}
				return nil
			}))
		})
		require.Equal(t, 1, damages, name)
		require.LessOrEqual(t, records, 32, name)
		t.Logf("%s: %d KiB", name, grown>>10)
		require.Less(t, grown, uint64(32<<20), name)
	}

	// Bombs in an aggregate share the budget, and what stands between them is not starved.
	var users []kpl.UserRecord
	for range 5 {
		users = append(users, kpl.UserRecord{PartitionKey: "bomb", Data: zs.Bytes()}, kpl.UserRecord{PartitionKey: "good", Data: good})
	}
	d := Decoder{MaxBytes: 4 << 20}
	records, bombs, out := 0, 0, 0
	grown, _ := peak(func(look func()) {
		require.NoError(t, d.Decode(aggregateOf(t, users...), "k", func(it Item) error {
			switch {
			case it.Kind == Damaged:
				require.ErrorIs(t, it.Err, ErrTooLarge)
				bombs++
			case it.PartitionKey == "good":
				records++
			default:
				out += 1 << 16
				look()
			}
			return nil
		}))
	})
	require.Equal(t, 5, bombs)
	require.Equal(t, 5*50, records)
	require.LessOrEqual(t, out, 4<<20)
	require.Less(t, grown, uint64(32<<20))
}

func TestHugeCounts(t *testing.T) {
	var b kpl.Builder
	for range 150_000 { // 8 bytes each
		require.NoError(t, b.Add(kpl.UserRecord{PartitionKey: "k"}))
	}
	data := b.AppendTo(nil)
	for most, want := range map[int]int{0: 1, 1000: 1, 150_000: 150_000} {
		d := Decoder{MaxUserRecords: most}
		items := 0
		_, total := peak(func(func()) {
			require.NoError(t, d.Decode(data, "k", func(it Item) error {
				items++
				if want == 1 {
					require.ErrorIs(t, it.Err, ErrTooLarge)
					require.Equal(t, -1, it.Index)
				}
				return nil
			}))
		})
		require.Equal(t, want, items)
		limit := uint64(64 << 10)
		if want > 1 {
			limit += uint64(want) * 80
		}
		require.Less(t, total, limit)
	}
}

// TestRecordsAreBounded: records that repeat take next to no bytes, so their number
// has a limit of its own; and what comes behind a bomb has its share.
func TestRecordsAreBounded(t *testing.T) {
	var gz bytes.Buffer
	zw := gzip.NewWriter(&gz)
	_, _ = zw.Write(bytes.Repeat([]byte(`{"device_id":"d","readings":{}}`+"\n"), 50_000))
	require.NoError(t, zw.Close())
	columnar := frameOf(t, compress.Columnar, constant(50_000))
	good := frameOf(t, compress.Columnar, recordsOf("good", 100))
	for name, bomb := range map[string][]byte{"gzip": gz.Bytes(), "columnar": columnar} {
		count := func(d Decoder, data []byte) (bombs, fine int, damages []error) {
			require.NoError(t, d.Decode(data, "k", func(it Item) error {
				switch {
				case it.Kind == Damaged:
					damages = append(damages, it.Err)
				case it.PartitionKey == "good":
					fine++
				default:
					bombs++
				}
				return nil
			}))
			return bombs, fine, damages
		}
		bombs, _, damages := count(Decoder{MaxRecords: 1000}, bomb)
		require.LessOrEqual(t, bombs, 1000, name)
		require.Len(t, damages, 1)
		require.ErrorIs(t, damages[0], ErrTooLarge)
		require.ErrorContains(t, damages[0], "more than 1000 records")
		bombs, _, damages = count(Decoder{MaxRecords: 50_000}, bomb)
		require.Equal(t, 50_000, bombs, name)
		require.Empty(t, damages)
		bombs, _, damages = count(Decoder{}, bomb)
		require.Equal(t, 50_000, bombs, name)
		require.Empty(t, damages)

		var users []kpl.UserRecord
		for range 6 {
			users = append(users, kpl.UserRecord{PartitionKey: "bomb", Data: bomb}, kpl.UserRecord{PartitionKey: "good", Data: good})
		}
		bombs, fine, damages := count(Decoder{MaxRecords: 40_000}, aggregateOf(t, users...))
		require.LessOrEqual(t, bombs, 40_000, name)
		require.Equal(t, 600, fine, name)
		require.Len(t, damages, 6, name)

		// An error of the callback ends it at once.
		n, mine := 0, errors.New("enough")
		require.Equal(t, mine, new(Decoder).Decode(bomb, "k", func(Item) error {
			if n++; n == 10 {
				return mine
			}
			return nil
		}))
		require.Equal(t, 10, n)
	}
}

// TestHonestRecordsThatRepeat: a device whose readings never change sends hundreds of
// thousands of records in an aggregate, and they all pass.
func TestHonestRecordsThatRepeat(t *testing.T) {
	frame := frameOf(t, compress.Columnar, constant(30_000)) // the most of a window
	require.Less(t, len(frame), 300)
	var users []kpl.UserRecord
	for range 20 {
		users = append(users, kpl.UserRecord{PartitionKey: "k", Data: frame})
	}
	n := 0
	require.NoError(t, new(Decoder).Decode(aggregateOf(t, users...), "k", func(it Item) error {
		if it.Kind != Record {
			return it.Err
		}
		n++
		return nil
	}))
	require.Equal(t, 20*30_000, n)
}

// constant are records that nothing changes in.
func constant(n int) []record.Record {
	recs := make([]record.Record, n)
	for i := range recs {
		recs[i] = record.Record{ID: record.ID{Device: "d", Boot: 7, Seq: uint64(i + 1)}, Time: time.UnixMilli(1_700_000_000_000 + 1000*int64(i)).UTC(),
			Readings: []record.Reading{{Name: "t", Value: record.FloatValue(21.5)}}}
	}
	return recs
}
