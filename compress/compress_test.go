package compress

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	kgzip "compress/gzip"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

func batchOf(t testing.TB, n int, seed uint64) (*record.Batch, []record.Record) {
	rng := rand.New(rand.NewPCG(seed, 7))
	var rows []record.Row
	var recs []record.Record
	for i := range n {
		r := record.Record{ID: record.ID{Device: "pi", Boot: 3, Seq: uint64(i + 1)},
			Time: time.UnixMilli(1_700_000_000_000 + int64(i)*1000).UTC(), Meta: []record.Meta{{Name: "site", Value: "n\n\"é"}},
			Readings: []record.Reading{{Name: "t", Value: record.FloatValue(math.Float64frombits(rng.Uint64() &^ (1 << 62)))},
				{Name: "n", Value: record.IntValue(rng.Int64() - rng.Int64())}, {Name: "b", Value: record.BoolValue(i%2 == 0)}, {Name: "s", Value: record.StringValue("x")}}}
		row, err := record.AppendRecord(nil, nil, &r, time.Time{})
		require.NoError(t, err)
		rows = append(rows, record.Row{ID: r.ID, Data: row})
		recs = append(recs, r)
	}
	b := record.NewBatch(record.NewDecoder())
	b.Set(rows)
	return b, recs
}

func TestRoundTrip(t *testing.T) {
	for _, c := range Codecs() {
		enc := c.NewEncoder()
		for _, n := range []int{1, 2, 100, 5000, 3} { // the encoder is reused
			b, want := batchOf(t, n, uint64(n))
			frame, err := enc.AppendFrame([]byte("before"), b)
			require.NoError(t, err)
			require.True(t, bytes.HasPrefix(frame, []byte("before")))
			frame = frame[len("before"):]
			require.Equal(t, c.Name(), Sniff(frame).String())
			var got []record.Record
			require.NoError(t, Decode(frame, 0, func(r *record.Record) error { got = append(got, r.Clone()); return nil }))
			require.Equal(t, want, got, "%s, %d records", c.Name(), n)
		}
		empty := record.NewBatch(record.NewDecoder())
		out, err := enc.AppendFrame([]byte("kept"), empty)
		require.Error(t, err)
		require.Equal(t, "kept", string(out))
	}
}

func TestBadRowLeavesDstAlone(t *testing.T) {
	for _, c := range Codecs() {
		b := record.NewBatch(record.NewDecoder())
		b.Set([]record.Row{{ID: record.ID{Device: "d", Seq: 1}, Data: []byte{0xff}}})
		enc := c.NewEncoder()
		out, err := enc.AppendFrame([]byte("kept"), b)
		require.ErrorIs(t, err, record.ErrRow)
		require.ErrorContains(t, err, "record d/0000000000000000/1")
		require.Equal(t, "kept", string(out))
		good, want := batchOf(t, 3, 1) // and the encoder still works
		frame, err := enc.AppendFrame(nil, good)
		require.NoError(t, err)
		n := 0
		require.NoError(t, Decode(frame, 0, func(r *record.Record) error { require.Equal(t, want[n].ID, r.ID); n++; return nil }))
		require.Equal(t, 3, n)
	}
}

func TestByName(t *testing.T) {
	for _, c := range Codecs() {
		got, err := ByName(c.Name())
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
	_, err := ByName("lz4")
	require.EqualError(t, err, `compress: there is no codec "lz4"; there are none, gzip, zstd, columnar`)
}

func TestBombs(t *testing.T) {
	line := []byte(`{"device_id":"d","readings":{"s":"` + string(bytes.Repeat([]byte{' '}, 900_000)) + `"}}` + "\n")
	lines := bytes.Repeat(line, 100)
	var gz bytes.Buffer
	w := kgzip.NewWriter(&gz)
	_, _ = w.Write(lines)
	_ = w.Close()
	ze, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	for name, frame := range map[string][]byte{"gzip": gz.Bytes(), "zstd": ze.EncodeAll(lines, nil), "none": lines} {
		n := 0
		err := Decode(frame, 10_000_000, func(*record.Record) error { n++; return nil })
		require.ErrorIs(t, err, ErrTooLarge, name)
		require.LessOrEqual(t, n, 12, name)
	}
	oneLine := bytes.Repeat([]byte{'{'}, 3<<20)
	require.ErrorContains(t, Decode(oneLine, 0, nil), "longer than 1048576 bytes")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	huge := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0, 0} // asks for a window of terabytes
	require.ErrorIs(t, Decode(huge, 0, nil), ErrCorrupt)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}

func TestDamage(t *testing.T) {
	for _, c := range Codecs()[1:] {
		b, want := batchOf(t, 8, 3)
		frame, err := c.NewEncoder().AppendFrame(nil, b)
		require.NoError(t, err)
		for cut := range frame {
			if err := Decode(frame[:cut], 0, func(*record.Record) error { return nil }); err == nil {
				t.Fatalf("%s: cut at %d of %d went unnoticed", c.Name(), cut, len(frame))
			}
		}
		for bit := range len(frame) * 8 {
			bad := bytes.Clone(frame)
			bad[bit/8] ^= 1 << (bit % 8)
			var got []record.Record
			if err := Decode(bad, 0, func(r *record.Record) error { got = append(got, r.Clone()); return nil }); err == nil {
				require.Equal(t, want, got, "%s: bit %d changed a record and no checksum said so", c.Name(), bit)
			}
		}
	}
	require.ErrorIs(t, Decode([]byte("hello"), 0, nil), ErrFormat)
	require.ErrorIs(t, Decode(nil, 0, nil), ErrFormat)
	require.ErrorIs(t, Decode([]byte("{}"), 0, nil), ErrNotRecords)
	require.ErrorIs(t, Decode([]byte(`{"device_id":"d","readings":`), 0, nil), ErrCorrupt)
	var empty bytes.Buffer
	require.NoError(t, kgzip.NewWriter(&empty).Close())
	require.ErrorContains(t, Decode(empty.Bytes(), 0, nil), "there is nothing in it")
	mine := errors.New("mine")
	require.Equal(t, mine, Decode([]byte(`{"device_id":"d"}`), 0, func(*record.Record) error { return mine }))
}

func TestEncoderMemory(t *testing.T) {
	for codec, most := range map[Codec]uint64{Gzip: 5 << 18, Zstd: 5 << 18} {
		b, _ := batchOf(t, 4000, 9)
		dst := make([]byte, 0, 4<<20)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		enc := codec.NewEncoder()
		_, err := enc.AppendFrame(dst, b)
		require.NoError(t, err)
		runtime.ReadMemStats(&after)
		t.Logf("%s: %d KiB", codec.Name(), (after.TotalAlloc-before.TotalAlloc)>>10)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, most, codec.Name())
		allocs := testing.AllocsPerRun(5, func() { _, _ = enc.AppendFrame(dst, b) })
		require.LessOrEqual(t, allocs, 20.0, "%s: allocations a frame of 4000 records", codec.Name())
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range Codecs() {
		b, _ := batchOf(f, 3, 1)
		frame, _ := c.NewEncoder().AppendFrame(nil, b)
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		_ = Decode(frame, 1<<20, func(*record.Record) error { return nil })
	})
}
