package kpl

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuilderEmpty(t *testing.T) {
	var b Builder
	require.Zero(t, b.Len())
	require.Zero(t, b.Size())
	require.Equal(t, []byte("x"), b.AppendTo([]byte("x")))
	require.Equal(t, 31, b.SizeWith(UserRecord{PartitionKey: "k", Data: []byte("hi")}))
	b.Reset()
	require.Zero(t, b.Size())
}

func TestBuilderBytes(t *testing.T) {
	var b Builder
	require.NoError(t, b.Add(UserRecord{PartitionKey: "k", Data: []byte("hi")}))
	require.Equal(t, seal([]byte("\x0A\x01k\x1A\x06\x08\x00\x1A\x02hi")), b.AppendTo(nil)) // as in doc.go
	require.NoError(t, b.Add(UserRecord{PartitionKey: "l", Data: nil}))
	require.Equal(t, "dst"+string(seal([]byte("\x0A\x01k\x0A\x01l\x1A\x06\x08\x00\x1A\x02hi\x1A\x04\x08\x01\x1A\x00"))),
		string(b.AppendTo([]byte("dst"))))
	require.Equal(t, 2, b.Len())

	b.Reset()
	require.NoError(t, b.Add(UserRecord{PartitionKey: "l", ExplicitHashKey: "9", Data: []byte("!")}))
	require.Equal(t, seal([]byte("\x0A\x01l\x12\x019\x1A\x07\x08\x00\x10\x00\x1A\x01!")), b.AppendTo(nil))
}

func TestBuilderRefusesMix(t *testing.T) {
	plain := UserRecord{PartitionKey: "a"}
	explicit := UserRecord{PartitionKey: "b", ExplicitHashKey: "0"}
	for _, tc := range [][2]UserRecord{{plain, explicit}, {explicit, plain}} {
		var b Builder
		require.NoError(t, b.Add(tc[0]))
		before := b.AppendTo(nil)
		require.ErrorIs(t, b.Add(tc[1]), ErrMixed)
		require.Equal(t, before, b.AppendTo(nil))
		require.Equal(t, 1, b.Len())
		b.Reset()
		require.NoError(t, b.Add(tc[1]), "after a Reset either kind is welcome")
	}
}

// Exact sizes wherever one more byte moves a length, or one more key an index,
// over a step of its varint.
func TestSizeWithAtVarintSteps(t *testing.T) {
	check := func(b *Builder, u UserRecord) {
		size := b.SizeWith(u)
		before := b.Size()
		require.NoError(t, b.Add(u))
		require.Equal(t, size, b.Size())
		require.Greater(t, size, before)
		require.Len(t, b.AppendTo(nil), size)
	}
	for _, step := range []int{1 << 7, 1 << 14, 1 << 21} {
		for n := step - 10; n <= step+3; n++ {
			var b Builder
			check(&b, UserRecord{PartitionKey: "k", ExplicitHashKey: "1", Data: make([]byte, n)})
			if n < 1<<15 {
				check(&b, UserRecord{PartitionKey: strings.Repeat("k", n), ExplicitHashKey: strings.Repeat("1", n)})
			}
		}
	}
	var b Builder
	for i := range 1<<14 + 3 {
		u := UserRecord{PartitionKey: fmt.Sprint("k", i), ExplicitHashKey: fmt.Sprint(i), Data: []byte("d")}
		size := b.SizeWith(u)
		require.NoError(t, b.Add(u))
		if size != b.Size() {
			t.Fatalf("record %d: SizeWith %d, Size %d", i, size, b.Size())
		}
	}
	require.Len(t, b.AppendTo(nil), b.Size())
}

func TestBuilderCopiesData(t *testing.T) {
	var b Builder
	data := []byte("before")
	require.NoError(t, b.Add(UserRecord{PartitionKey: "k", Data: data}))
	copy(data, "xxxxxx")
	got, err := Parse(b.AppendTo(nil), Limits{})
	require.NoError(t, err)
	require.Equal(t, "before", string(got[0].Data))
}

func TestBuilderAllocations(t *testing.T) {
	var b Builder
	records := make([]UserRecord, 100)
	for i := range records {
		records[i] = UserRecord{PartitionKey: fmt.Sprint("device-", i%7), Data: bytes.Repeat([]byte("d"), 100)}
	}
	fill := func() {
		b.Reset()
		for _, u := range records {
			b.SizeWith(u)
			_ = b.Add(u)
		}
	}
	fill()
	dst := make([]byte, 0, b.Size())
	require.Zero(t, testing.AllocsPerRun(20, func() { dst = b.AppendTo(dst[:0]) }), "AppendTo with room")
	require.Zero(t, testing.AllocsPerRun(20, fill), "Reset and Add again")
	require.Zero(t, testing.AllocsPerRun(20, func() { Looks(dst) }))
}

func BenchmarkBuilder(bm *testing.B) {
	records := make([]UserRecord, 100)
	for i := range records {
		records[i] = UserRecord{PartitionKey: fmt.Sprint("device-", i%7), Data: make([]byte, 250)}
	}
	var b Builder
	var dst []byte
	bm.ReportAllocs()
	for bm.Loop() {
		b.Reset()
		for _, u := range records {
			_ = b.Add(u)
		}
		dst = b.AppendTo(dst[:0])
	}
	bm.SetBytes(int64(len(dst)))
}

func BenchmarkParse(bm *testing.B) {
	records := make([]UserRecord, 100)
	for i := range records {
		records[i] = UserRecord{PartitionKey: fmt.Sprint("device-", i%7), Data: make([]byte, 250)}
	}
	data := build(bm, records)
	bm.SetBytes(int64(len(data)))
	bm.ReportAllocs()
	for bm.Loop() {
		if _, err := Parse(data, Limits{}); err != nil {
			bm.Fatal(err)
		}
	}
}

// In 32-bit builds too, where no oracle is at hand, what is built is read back.
func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	for round := range 20 {
		records := randomRecords(rnd, round%2 == 0)
		got, err := Parse(build(t, records), Limits{})
		require.NoError(t, err)
		require.Equal(t, records, got)
	}
}
