package identitytest

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// actions are what may happen, each to an opening that is chosen at random.
var actions = []struct {
	name string
	do   func(w *world, o *opening)
}{
	{"put", func(w *world, o *opening) { w.putSome(o) }},
	{"put", func(w *world, o *opening) { w.putSome(o) }},
	{"put", func(w *world, o *opening) { w.putSome(o) }},
	{"deliver", func(w *world, o *opening) { w.deliver(o) }},
	{"deliver", func(w *world, o *opening) { w.deliver(o) }},
	{"deliver", func(w *world, o *opening) { w.deliver(o) }},
	{"deliver", func(w *world, o *opening) { w.deliver(o) }},
	{"restart", func(w *world, o *opening) {
		w.shut(o)
		w.reopen(o)
	}},
	{"kill", func(w *world, o *opening) { w.end(o, false) }},
	{"power cut", func(w *world, o *opening) { w.end(o, true) }},
	{"wipe", func(w *world, o *opening) { // or another card, or a file system in memory
		w.shut(o)
		if o.dir != "" {
			require.NoError(w.t, os.RemoveAll(o.dir))
		}
		w.reopen(o)
	}},
	{"keep a copy", func(w *world, o *opening) {
		if o.dir != "" {
			w.snapshots = append(w.snapshots, w.copyOf(o.dir, false))
		}
	}},
	{"restore a copy", func(w *world, o *opening) {
		if o.dir == "" || len(w.snapshots) == 0 {
			return
		}
		w.shut(o)
		require.NoError(w.t, os.RemoveAll(o.dir))
		w.openDir(w.copyOf(w.snapshots[w.rng.IntN(len(w.snapshots))], false))
	}},
	{"copy to a second device", func(w *world, o *opening) {
		if o.dir != "" && len(w.open) < 5 {
			w.openDir(w.copyOf(o.dir, w.rng.IntN(2) == 0))
		}
	}},
	{"second producer", func(w *world, _ *opening) { // of the same devices, or a second gateway
		if len(w.open) < 5 {
			w.openDir(w.newDir())
		}
	}},
	{"second producer in memory", func(w *world, _ *opening) {
		if len(w.open) < 5 {
			w.openMemory()
		}
	}},
}

// reopen opens what was closed, in the same place.
func (w *world) reopen(o *opening) {
	if o.dir == "" {
		w.openMemory()
		return
	}
	for i, dir := range w.closed {
		if dir == o.dir {
			w.closed = append(w.closed[:i], w.closed[i+1:]...)
			break
		}
	}
	w.openDir(o.dir)
}

// end ends a process without a farewell: what it leaves is what is in its directory
// at that moment, less what a power cut takes of what was not synced.
func (w *world) end(o *opening, power bool) {
	left := ""
	if o.dir != "" {
		left = w.copyOf(o.dir, power)
	}
	require.NoError(w.t, o.buf.Close()) // only so that its goroutine ends; its directory is gone
	w.forget(o)
	if left == "" {
		w.openMemory()
		return
	}
	require.NoError(w.t, os.RemoveAll(o.dir))
	w.openDir(left)
}

// TestIdsAreNeverGivenTwice: in random histories of all that may become of a
// directory, no id has two contents, and a consumer that drops duplicates by their
// ids keeps each record that arrives, once.
func TestIdsAreNeverGivenTwice(t *testing.T) {
	histories, root := 1000, "/dev/shm" // many openings: on a disk most of the time would be syncing
	dir, err := os.MkdirTemp(root, "identity")
	if err != nil {
		histories, dir = 50, t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const parts = 4 // each waits for its buffers most of the time
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			counts := map[string]int{}
			for seed := part; seed < histories; seed += parts {
				w := newWorld(t, uint64(seed), fmt.Sprintf("%s/%d", dir, seed))
				w.live(counts)
				w.finish()
				w.check()
				counts["records"] += w.put
				counts["records that arrived"] += len(w.arrived)
				for _, n := range w.arrived {
					counts["arrivals"] += n
				}
				require.NoError(t, os.RemoveAll(w.root))
			}
			t.Logf("%d histories: %v", histories/parts, counts)
			require.Greater(t, 2*counts["records that arrived"], counts["records"], "most was lost")
			require.Greater(t, 2*counts["arrivals"], 3*counts["records that arrived"], "little came twice")
			for _, a := range actions {
				require.NotZero(t, counts[a.name], a.name)
			}
		})
	}
}

// live is one history.
func (w *world) live(counts map[string]int) {
	w.openDir(w.newDir())
	for range 10 + w.rng.IntN(20) {
		a := actions[w.rng.IntN(len(actions))]
		o := w.some()
		w.say("%s: %q", a.name, o.dir)
		a.do(w, o)
		counts[a.name]++
	}
}

// finish lets everything arrive that is left anywhere, copies too.
func (w *world) finish() {
	for _, dir := range append(w.snapshots, w.closed...) {
		w.openDir(dir)
	}
	w.snapshots, w.closed = nil, nil
	for len(w.open) > 0 {
		o := w.open[0]
		for {
			first, next := o.buf.Span()
			if w.deliver(o); first == next {
				break
			}
			if entries := o.buf.Next(1); len(entries) == 0 { // what was leased and not acknowledged comes with the next opening
				break
			}
		}
		require.NoError(w.t, o.buf.Close())
		w.forget(o)
	}
}
