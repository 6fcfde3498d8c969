package retry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/vfs"
)

type entryID struct {
	device string
	boot   uint64
	seq    uint64
}

// history is what happened before a crash: logs that only grow, so that a moment
// is their lengths.
type history struct {
	put      []entryID
	data     map[entryID]string
	spooled  []entryID
	finished []entryID // acked, or reported lost
	boots    []uint64
}

type moment struct{ put, spooled, finished, boots int }

func (h *history) now() moment {
	return moment{len(h.put), len(h.spooled), len(h.finished), len(h.boots)}
}

// crashPoint is a moment at which the power may go.
type crashPoint struct {
	at    moment
	point *vfs.Point
	what  string
}

// rig drives a buffer without its goroutine, so that every run is the same.
type rig struct {
	t      testing.TB
	fs     *vfs.Crash
	d      *Disk
	h      *history
	opts   Options
	leased []Entry
	puts   int
	points []crashPoint
}

const crashDir = "spool"

func newRig(t testing.TB, opts Options, garbage bool) *rig {
	r := &rig{t: t, fs: vfs.NewCrash(), h: &history{data: map[entryID]string{}}, opts: opts}
	r.fs.Garbage = garbage
	r.points = append(r.points, crashPoint{r.h.now(), r.fs.Point(), "nothing"})
	r.fs.OnCall = func(c vfs.Call) {
		r.sweep() // what is evicted is reported before its file is removed
		r.points = append(r.points, crashPoint{r.h.now(), r.fs.Point(), c.String()})
	}
	r.opts.OnSpooled = func(ranges []Range) {
		for _, x := range ranges {
			for seq := x.First; seq <= x.Last; seq++ {
				r.h.spooled = append(r.h.spooled, entryID{x.Device, x.Boot, seq})
			}
		}
	}
	r.open()
	return r
}

func (r *rig) open() {
	d, err := newDisk(r.fs, crashDir, r.opts)
	require.NoError(r.t, err)
	id := uint64(len(r.h.boots)) // each opening has a schema of its own
	require.NoError(r.t, d.Define(id, fmt.Append(nil, "schema ", id)))
	r.d, r.leased = d, nil
	r.h.boots = append(r.h.boots, d.m.boot)
}

func (r *rig) append(device string, size int) {
	r.puts++
	id := entryID{device, r.d.m.boot, 0}
	data := fmt.Sprintf("%s-%d-%d", device, r.puts, size)
	if size > len(data) {
		data += string(noise[r.puts%64 : r.puts%64+size-len(data)])
	}
	_, seq, err := r.d.Append(context.Background(), device, []byte(data))
	require.NoError(r.t, err)
	id.seq = seq
	r.h.put, r.h.data[id] = append(r.h.put, id), data
}

func (r *rig) work() {
	r.d.m.mu.Lock()
	r.d.urgent = true
	r.d.m.mu.Unlock()
	r.d.work()
	require.NoError(r.t, r.d.Health().Err)
	r.sweep()
}

func (r *rig) sweep() {
	if r.d == nil {
		return
	}
	for _, l := range r.d.Sweep() {
		for seq := l.First; seq <= l.Last; seq++ {
			r.h.finished = append(r.h.finished, entryID{l.Device, l.Boot, seq})
		}
	}
}

func (r *rig) ack(i int, o Outcome) {
	if len(r.leased) == 0 {
		r.leased = slices.Clone(r.d.Next(1000))
	}
	if len(r.leased) == 0 {
		return
	}
	i = min(i, len(r.leased)-1)
	e := r.leased[i]
	r.leased = slices.Delete(r.leased, i, i+1)
	r.h.finished = append(r.h.finished, entryID{e.Device, e.Boot, e.Seq})
	r.d.Ack(e.Index, e.Index, o)
}

// ops are what a workload is made of.
var ops = []func(r *rig){
	func(r *rig) { r.append("a", 10); r.append("b", 10); r.work() }, // put and sync
	func(r *rig) { r.append("a", 30) },                              // put
	func(r *rig) { r.append("a", 3000); r.append("b", 4000); r.append("a", 4000); r.work() },
	func(r *rig) { r.ack(0, Delivered); r.ack(0, Delivered); r.work() },
	func(r *rig) { r.ack(1, Delivered); r.ack(3, Rejected) },
	func(r *rig) { r.d.finish(); r.open() },
	func(r *rig) { rewind(r.d); r.leased = nil; require.NoError(r.t, r.d.saveCursor()) },
	func(r *rig) {
		for range 8 {
			r.append("c", 3500)
		}
		r.work()
	},
}

// longOps are for the long workload: they leave old blocks behind a segment's last
// one, and finish segments behind one that is not.
var longOps = append(ops[:len(ops):len(ops)],
	func(r *rig) { r.append("d", 9000); r.work() },
	func(r *rig) {
		rewind(r.d)
		r.leased = slices.Clone(r.d.Next(1 << 20))
		for len(r.leased) > 1 {
			r.ack(1, Delivered)
		}
		r.work()
		r.d.finish()
		r.open()
	},
)

var crashOptions = Options{MaxBytes: minDisk, MaxMemory: minWaiting, SyncDelay: time.Hour, SyncBytes: 1 << 30}

// TestDiskCrashShort cuts the power at every call of every workload of up to
// three operations.
func TestDiskCrashShort(t *testing.T) {
	var total atomic.Int64
	var group sync.WaitGroup
	work := make(chan []int)
	for range 2 {
		group.Go(func() {
			for w := range work {
				r := newRig(t, crashOptions, len(w)%2 == 1)
				for i, op := range w {
					if i == len(w)-1 { // shorter workloads had the rest
						r.points = r.points[:0]
					}
					ops[op](r)
				}
				total.Add(explore(t, r, statesPerPoint(), fmt.Sprint(w)))
			}
		})
	}
	for i := range ops {
		work <- []int{i}
		for j := range ops {
			work <- []int{i, j}
			for k := range ops {
				if !raceEnabled || (i+j+k)%8 == 0 {
					work <- []int{i, j, k}
				}
			}
		}
	}
	close(work)
	group.Wait()
	t.Logf("%d states", total.Load())
	if !raceEnabled && !t.Failed() && os.Getenv("STATES") == "" {
		require.Greater(t, total.Load(), int64(200_000))
	}
}

// TestDiskCrashLong is one workload of 200 operations.
func TestDiskCrashLong(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := newRig(t, crashOptions, false)
	var states int64
	for i := range 200 {
		r.points = r.points[:0]
		op := rng.IntN(len(longOps))
		longOps[op](r)
		states += explore(t, r, (statesPerPoint()+5)/6, fmt.Sprint("operation ", i, ": ", op))
	}
	t.Logf("%d states, %d entries put", states, len(r.h.put))
}

// statesPerPoint is how many states of a moment are tried; STATES=n makes it n.
func statesPerPoint() int {
	if n, err := strconv.Atoi(os.Getenv("STATES")); err == nil {
		return n
	}
	if raceEnabled {
		return 8
	}
	return 116
}

// explore tries states that the power cuts may leave, and a few of those that a
// cut in the recovery from those may leave.
func explore(t testing.TB, r *rig, most int, what string) (n int64) {
	for i, p := range r.points {
		where := fmt.Sprintf("%s, cut after %s", what, p.what)
		for state := range p.point.States(most, uint64(i)) {
			n++
			var again []*vfs.Point
			if n%16 == 0 {
				state.OnCall = func(vfs.Call) { again = append(again, state.Point()) }
			}
			got := check(t, r, p.at, state, where)
			state.OnCall = nil
			for j, p2 := range again {
				for state2 := range p2.States(2, uint64(j)) {
					n++
					require.Equal(t, got, check(t, r, p.at, state2, where+", and again in recovery"), "recovery is not idempotent: %s: %v", where, state2)
				}
			}
			if t.Failed() {
				return n
			}
		}
	}
	return n
}

// check opens what a cut left and compares it with what was promised.
func check(t testing.TB, r *rig, at moment, state *vfs.Crash, where string) (got []entryID) {
	fail := func(format string, args ...any) {
		t.Helper()
		require.FailNow(t, fmt.Sprintf(format, args...), "%s\nstate: %v", where, state)
	}
	opts := crashOptions
	d, err := newDisk(state, crashDir, opts)
	if err != nil {
		fail("open: %v", err)
	}
	if h := d.Health(); h.Degraded {
		fail("degraded: %v", h.Err)
	}
	if slices.Contains(r.h.boots, d.m.boot) {
		fail("boot %d was used before", d.m.boot)
	}
	opening := func(boot uint64) int { return slices.Index(r.h.boots, boot) }
	put := map[entryID]bool{}
	for _, id := range r.h.put[:at.put] {
		put[id] = true
	}
	last := map[string]entryID{}
	seen := map[entryID]bool{}
	for {
		entries := d.Next(1 << 20)
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			id := entryID{strings.Clone(e.Device), e.Boot, e.Seq}
			if !put[id] || r.h.data[id] != string(e.Data) {
				fail("%v was not put so: %.40q", id, e.Data)
			}
			if l := last[e.Device]; opening(l.boot) > opening(id.boot) || l.boot == id.boot && l.seq >= id.seq {
				fail("%v comes after %v", id, l)
			}
			if n := opening(id.boot); string(d.Definitions()[uint64(n)]) != fmt.Sprint("schema ", n) {
				fail("%v came back without its schema", id)
			}
			last[id.device], seen[id] = id, true
			got = append(got, id)
		}
		d.Return(entries[0].Index, entries[len(entries)-1].Index) // no more than half can be leased
	}
	finished := map[entryID]bool{}
	for _, id := range r.h.finished[:at.finished] {
		finished[id] = true
	}
	for _, id := range r.h.spooled[:at.spooled] {
		if !seen[id] && !finished[id] {
			fail("%v was spooled and is lost; there are %v", id, got)
		}
	}
	l := d.Ledger()
	if !l.Balanced() || l.Corrupt != 0 || l.Recovered != uint64(len(got)) || l.Bytes > l.Limit {
		fail("ledger: %+v, %d entries came back, losses %v", l, len(got), d.Sweep())
	}
	return got
}
