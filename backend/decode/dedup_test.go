package decode

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// randomID draws ids as a stream has them: mostly the next of a device, often one
// from the recent past, sometimes any at all.
func randomID(rng *rand.Rand, next map[string]uint64) record.ID {
	id := record.ID{Device: fmt.Sprint("d", rng.IntN(5)), Boot: []uint64{0, 1, 1 << 31, 1<<32 - 1}[rng.IntN(4)]}
	key := fmt.Sprint(id.Device, "/", id.Boot)
	switch rng.IntN(10) {
	case 0:
		id.Seq = rng.Uint64()>>uint(rng.IntN(64)) | 1
	case 1, 2, 3:
		id.Seq = max(1, next[key]-min(next[key], rng.Uint64N(3000)))
	default:
		next[key] += 1 + rng.Uint64N(2)
		id.Seq = next[key]
	}
	return id
}

func TestDedupIsASetWhileItHasRoom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var d Dedup
	exact, next := map[record.ID]bool{}, map[string]uint64{}
	duplicates := 0
	for range 200_000 {
		id := randomID(rng, next)
		if rng.IntN(50) == 0 {
			d.Forget(id)
			delete(exact, id)
			continue
		}
		if exact[id] {
			duplicates++
		}
		require.Equal(t, exact[id], d.Seen(id), id)
		exact[id] = true
	}
	require.Greater(t, duplicates, 10_000)
}

// With too few pages it forgets, oldest first, but calls nothing a duplicate that is none.
func TestDedupForgetsTheOldest(t *testing.T) {
	for _, pages := range []int{1, 2, 7, 50} {
		rng := rand.New(rand.NewPCG(uint64(pages), 3))
		d := Dedup{Pages: pages}
		exact, next := map[pageKey]map[uint64]bool{}, map[string]uint64{}
		var recent []pageKey // least recently used first
		for range 20_000 {
			id := randomID(rng, next)
			key := pageKey{id.Device, id.Boot, id.Seq >> pageBits}
			kept := false
			for i, k := range recent {
				if k == key {
					kept = true
					recent = append(recent[:i], recent[i+1:]...)
					break
				}
			}
			if !kept { // forgotten, if it was ever known
				exact[key] = map[uint64]bool{}
			}
			if recent = append(recent, key); len(recent) > pages {
				recent = recent[1:]
			}
			require.Equal(t, exact[key][id.Seq], d.Seen(id), "%d pages, %v", pages, id)
			exact[key][id.Seq] = true
			require.LessOrEqual(t, len(d.pages), pages)
			require.Equal(t, len(d.pages), len(d.index))
		}
	}
}

func TestDedupEdges(t *testing.T) {
	var d Dedup
	d.Forget(record.ID{Device: "d", Seq: 1})
	handmade := record.ID{Device: "d"}
	require.False(t, d.Seen(handmade))
	require.False(t, d.Seen(handmade), "an id without sequence number is none")
	last := record.ID{Device: "d", Boot: 1<<32 - 1, Seq: 1<<64 - 1}
	require.False(t, d.Seen(last))
	require.True(t, d.Seen(last))
	d.Forget(last)
	require.False(t, d.Seen(last))

	// A stream read shard by shard, one device spread over 4 keys: every fourth
	// sequence number first, and then, much later, the next ones.
	for start := range uint64(4) {
		for i := range uint64(100_000) {
			require.False(t, d.Seen(record.ID{Device: "spread", Boot: 1, Seq: 1 + start + 4*i}))
		}
	}
	require.True(t, d.Seen(record.ID{Device: "spread", Boot: 1, Seq: 1}))
}

func TestDedupMemory(t *testing.T) {
	const pages = 1 << 13
	d := Dedup{Pages: pages}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 4 * pages {
		d.Seen(record.ID{Device: fmt.Sprintf("device-%027d", i), Boot: 1, Seq: 1})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d bytes a page", (after.HeapAlloc-before.HeapAlloc)/pages)
	require.Less(t, after.HeapAlloc-before.HeapAlloc, uint64(pages*320))
	id := record.ID{Device: "device", Boot: 1}
	require.Zero(t, testing.AllocsPerRun(400, func() { id.Seq = 1 + id.Seq%500; d.Seen(id) }))
}

// TestDedupTellsBootsApart: a boot is 64 bits, and each of them counts.
func TestDedupTellsBootsApart(t *testing.T) {
	var d Dedup
	const boot = 0x9f3c1e7a55d20b86
	require.False(t, d.Seen(record.ID{Device: "d", Boot: boot, Seq: 1}))
	for bit := range 64 {
		id := record.ID{Device: "d", Boot: boot ^ 1<<bit, Seq: 1}
		require.False(t, d.Seen(id), "bit %d", bit)
		require.True(t, d.Seen(id))
	}
	require.True(t, d.Seen(record.ID{Device: "d", Boot: boot, Seq: 1}))
}
