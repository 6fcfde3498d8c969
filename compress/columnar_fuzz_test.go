package compress

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// FuzzColumnarRoundTrip generates a batch of what the fuzzer makes up: the frame
// must give it back, bit for bit.
func FuzzColumnarRoundTrip(f *testing.F) {
	for seed := range 40 {
		f.Add(seeded(uint64(seed), 600).in)
	}
	enc := Columnar.NewEncoder()
	f.Fuzz(func(t *testing.T, choices []byte) {
		b, schemas := (&entropy{choices}).batch()
		if b.Len() == 0 {
			return
		}
		frame, err := enc.AppendFrame(nil, b)
		require.NoError(t, err)
		var want []record.Record
		require.NoError(t, b.Each(func(r *record.Record) error { want = append(want, r.Clone()); return nil }))
		n := 0
		require.NoError(t, Decode(frame, 0, func(r *record.Record) error {
			if n >= len(want) || !same(r, &want[n]) {
				t.Fatalf("record %d of %d differs: %v", n, len(want), r)
			}
			n++
			return nil
		}, schemas...))
		require.Equal(t, len(want), n)
		requireMarks(t, b, frame, schemas)
	})
}

// FuzzColumnarDecode reads frames whose checksum is right whatever is in them.
func FuzzColumnarDecode(f *testing.F) {
	enc := Columnar.NewEncoder()
	schema, err := record.NewSchema("gen", 1, record.Field{Name: "r0", Kind: record.Float}, record.Field{Name: "r1", Kind: record.String})
	require.NoError(f, err)
	for seed := range 40 {
		b, _ := seeded(uint64(seed), 600).batch()
		if b.Len() == 0 {
			continue
		}
		frame, err := enc.AppendFrame(nil, b)
		require.NoError(f, err)
		f.Add(frame)
	}
	for _, c := range bombs() {
		f.Add(c.frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if Sniff(frame) != Columns {
			return
		}
		mend(frame)
		const limit = 1 << 16
		if took := allocated(func() { _, _ = decoded(frame, limit, schema) }); took > mostAllocated(limit) {
			t.Fatalf("%d bytes allocated within a limit of %d", took, limit)
		}
	})
}

// mostAllocated is what decoding may allocate in all, garbage too: a few times the
// limit, and what it takes to begin.
func mostAllocated(limit uint64) uint64 { return 16*limit + 1<<20 }

func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

type bomb struct {
	name  string
	frame []byte
}

// bombs are small frames that ask for a lot.
func bombs() (out []bomb) {
	add := func(name string, f *forge) { out = append(out, bomb{name, f.frame()}) }
	add("records", newForge().begin(1<<40))
	add("series", newForge().number(1<<40, 1<<40-1))
	add("records of nothing", newForge().begin(1<<19))

	var many []record.Column
	for i := range record.MaxReadings {
		many = append(many, record.Column{Name: fmt.Sprint("r", i), Kind: record.Bool})
	}
	readings := newForge().begin(1<<16, many...)
	for range many {
		readings.number(0).form(fixed | isFlat).number(0)
	}
	add("readings", readings)

	// Series that have no records, and yet each has many readings.
	idle := newForge()
	idle.number(4000, 3999).id("device", 0).shape(many...).number(0)
	for range 3998 {
		idle.str("device").number(1, 1, 0)
	}
	idle.str("device").number(1).shape().number(0).number(3999).form(steps | isFlat).number(0)
	idle.seqs(1, 4000).flat(1, 4000)
	for range many {
		idle.number(0)
	}
	add("series without records", idle)

	long := newForge().begin(1<<15, record.Column{Name: "s", Kind: record.String})
	long.text.append(string(make([]byte, 40_000)))
	long.number(1, 0).form(steps | isFlat).number(0)
	add("one long string", long)

	texts := newForge()
	for range 200_000 {
		texts.text.append("")
	}
	add("strings", texts)

	packed := newForge()
	packed.size = 1 << 30
	packed.packed = []byte{3, 0}
	add("deflated text", packed)
	return out
}

func TestColumnarBombs(t *testing.T) {
	for _, c := range bombs() {
		for _, limit := range []int64{1 << 10, 1 << 16, 1 << 20, 1 << 22} {
			var err error
			took := allocated(func() { err = Decode(c.frame, limit, func(*record.Record) error { return nil }) })
			t.Logf("%s: %d bytes ask for %d bytes of %d: %v", c.name, len(c.frame), took, limit, err)
			require.Less(t, took, mostAllocated(uint64(limit)), "%s, limit %d", c.name, limit)
		}
	}
}
