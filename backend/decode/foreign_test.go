package decode

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
)

// TestRandomBytesAreOpaque: of somebody's own bytes none is taken for a frame that
// was damaged. At torture they are 30 million.
func TestRandomBytesAreOpaque(t *testing.T) {
	total := 3_000_000
	if os.Getenv("TORTURE") != "" {
		total = 33_000_000
	}
	rng := rand.NewChaCha8([32]byte{1})
	d := new(Decoder)
	for _, size := range []int{2, 4, 5, 8, 10, 12, 16, 32, 33, 64, 100, 1000} {
		data := make([]byte, size)
		n := total / 12
		if size == 1000 {
			n /= 10
		}
		for range n {
			_, _ = rng.Read(data)
			items := 0
			_ = d.Decode(data, "k", func(it Item) error {
				items++
				if it.Kind != Opaque || !bytes.Equal(it.Data, data) {
					t.Errorf("% x is %v: %v", data[:min(size, 32)], it.Kind, it.Err)
				}
				return nil
			})
			if items != 1 {
				t.Fatalf("% x: %d items", data, items)
			}
		}
	}
}

// TestNearFramesAreOpaque: nor are bytes that begin as a frame does with all but
// the last of what is looked at.
func TestNearFramesAreOpaque(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, start := range []string{"\xd7R", "\xd7RV", "\x1f\x8b", "\x1f\x8b\x08", "\x28\xb5", "\x28\xb5\x2f", "{", `{"`, "{\n", `{"device_id"`, "\xf3\x89\x9a"} {
		taken := 0
		for range 3000 {
			data := append([]byte(start), make([]byte, 4+rng.IntN(60))...)
			for i := len(start); i < len(data); i++ {
				data[i] = byte(rng.Uint32())
			}
			for _, it := range collect(t, new(Decoder), data, "k") {
				require.Equal(t, data, it.Data)
				if it.Kind != Opaque {
					taken++
				}
			}
		}
		require.LessOrEqual(t, taken, 60, "%q", start) // three right bytes, and the fourth by chance
	}
}

// TestOthersDataIsOpaque: data that is not ours and is whole comes out as it went
// in, alone and in an aggregate.
func TestOthersDataIsOpaque(t *testing.T) {
	zipped := func(s string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Name = "data.csv"
		_, _ = w.Write([]byte(s))
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	enc, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	good := aggregateOf(t, kpl.UserRecord{PartitionKey: "k", Data: []byte("inner")})
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	long := bytes.Repeat([]byte("0123456789"), 300_000) // no line's end in 3 MB
	for name, data := range map[string][]byte{
		"gzip of CSV":          zipped("time,value\n1,2\n3,4\n"),
		"gzip of JSON":         zipped(`{"temperature":3}` + "\n" + `{"temperature":4}`),
		"gzip of noise":        zipped(string(noise)),
		"gzip of a long line":  zipped(string(long)),
		"gzip of gzip":         zipped(string(zipped("x"))),
		"zstd of CSV":          enc.EncodeAll([]byte("time,value\n1,2"), nil),
		"zstd of noise":        enc.EncodeAll(noise, nil),
		"zstd of a long line":  enc.EncodeAll(long, nil),
		"JSON":                 []byte(`{"temperature":3}`),
		"JSON, many lines":     []byte("{\n \"temperature\": 3,\n \"device_id\": \"d\"\n}\n"),
		"JSON of a device":     []byte(`{"device_id":"d","temperature":3}`),
		"text":                 []byte("21.7;ok"),
		"noise":                noise,
		"the columnar name":    []byte("\xd7RV"),
		"a PNG":                []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
		"protobuf":             {0x0a, 0x03, 'a', 'b', 'c', 0x10, 0x01},
		"CBOR":                 {0xa1, 0x61, 0x74, 0xfb, 0x40, 0x35, 0x80, 0, 0, 0, 0, 0},
		"no bytes":             {},
		"an aggregate":         good,                                                          // in another only
		"several":              append(bytes.Clone(good), good...),                            // likewise
		"magic of aggregates":  []byte(kpl.Magic),                                             // likewise
		"aggregate in another": aggregateOf(t, kpl.UserRecord{PartitionKey: "k", Data: good}), // likewise
	} {
		user := kpl.UserRecord{PartitionKey: "k", Data: data}
		items := collect(t, new(Decoder), aggregateOf(t, user, kpl.UserRecord{PartitionKey: "l", Data: []byte("x")}), "outer")
		if !bytes.HasPrefix(data, []byte(kpl.Magic)) {
			items = append(items, collect(t, new(Decoder), data, "k")...)
		}
		require.GreaterOrEqual(t, len(items), 2, name)
		for _, it := range items {
			require.Equal(t, Opaque, it.Kind, "%s: %v", name, it.Err)
			if it.PartitionKey == "k" {
				require.True(t, bytes.Equal(data, it.Data), name)
			}
		}
	}
}

// TestFramesAreNeverOpaque: a frame that lost its end, or of which any bit is wrong,
// is damaged or gives records, and is never somebody's own bytes.
func TestFramesAreNeverOpaque(t *testing.T) {
	// From how many bytes on a frame's beginning is told from anything else.
	told := map[string]int{"none": 5, "gzip": 10, "zstd": 4, "columnar": 4}
	for _, c := range compress.Codecs() {
		for _, n := range []int{1, 2, 40} {
			frame := frameOf(t, c, recordsOf("device", n))
			step := 1
			if n > 2 && os.Getenv("TORTURE") == "" {
				step = 11
			}
			for cut := told[c.Name()]; cut < len(frame); cut += step {
				requireDamaged(t, frame[:cut], c.Name() == "none", "%s of %d records, cut at %d", c.Name(), n, cut)
			}
			for bit := 0; bit < 8*len(frame); bit += step {
				bad := bytes.Clone(frame)
				bad[bit/8] ^= 1 << (bit % 8)
				requireDamaged(t, bad, c.Name() != "columnar", "%s of %d records, bit %d", c.Name(), n, bit)
			}
		}
	}
}

// requireDamaged requires that data gives a Damaged item behind what records it may
// give, or, if it may be fine, records only.
func requireDamaged(t *testing.T, data []byte, fine bool, format string, args ...any) {
	damages := 0
	for _, it := range collect(t, new(Decoder), data, "k") {
		if it.Kind == Opaque {
			require.Fail(t, "opaque", append([]any{format + ": % x: %v"}, append(args, data[:min(20, len(data))], it.Err)...)...)
		}
		if it.Kind == Damaged {
			damages++
		}
	}
	if !fine {
		require.Equal(t, 1, damages, append([]any{format}, args...)...)
	}
}

// TestLaterVersionsAreDamaged: a columnar frame of a later version is told by its
// checksum, and says that this program is too old; bytes like it are opaque.
func TestLaterVersionsAreDamaged(t *testing.T) {
	frame := frameOf(t, compress.Columnar, recordsOf("d", 3))
	frame[3] = 2
	require.Equal(t, Damaged, collect(t, new(Decoder), mended(frame), "k")[0].Kind)
	require.ErrorContains(t, collect(t, new(Decoder), frame, "k")[0].Err, "version 2, which this program is too old for")
	binary.LittleEndian.PutUint32(frame[4:], 7)
	frame[3] = 0x47
	require.Equal(t, Opaque, collect(t, new(Decoder), frame, "k")[0].Kind)
}

// mended makes the checksum of a columnar frame right.
func mended(frame []byte) []byte {
	binary.LittleEndian.PutUint32(frame[4:], crc32.Update(crc32.ChecksumIEEE(frame[:4]), crc32.IEEETable, frame[8:]))
	return frame
}
