package identitytest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/backend/decode"
	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// world is devices, the gateways that relay them, their directories, and a consumer.
type world struct {
	t    *testing.T
	rng  *rand.Rand
	root string
	dirs int // made so far

	open      []*opening
	closed    []string // directories that no opening has
	snapshots []string // copies that somebody keeps

	put     int               // records put so far; each has another content
	content map[record.ID]int // of each id that was ever seen
	arrived map[int]int       // of contents: how often they came to the consumer
	kept    map[int]int       // how often it kept them
	done    []string          // what was done, for whoever reads of a failure
	encoder compress.Encoder
	batch   *record.Batch
	decoder decode.Decoder
	dedup   decode.Dedup
	counts  map[string]int      // of what was done
	boots   map[uint64]*opening // who has which boot
}

// opening is a buffer that is open, in a directory or in memory.
type opening struct {
	buf retry.Buffer
	dir string // "" in memory
}

func newWorld(t *testing.T, seed uint64, root string) *world {
	return &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), root: root, content: map[record.ID]int{}, arrived: map[int]int{}, kept: map[int]int{},
		encoder: compress.Columnar.NewEncoder(), batch: record.NewBatch(record.NewDecoder()), counts: map[string]int{}, boots: map[uint64]*opening{}}
}

func (w *world) say(format string, args ...any) {
	w.done = append(w.done, fmt.Sprintf(format, args...))
}

func (w *world) require(ok bool, format string, args ...any) {
	if !ok {
		for _, line := range w.done {
			w.t.Log(line)
		}
		w.t.Fatalf(format, args...)
	}
}

// saw notes that an id goes with a content.
func (w *world) saw(id record.ID, content int) {
	was, known := w.content[id]
	w.require(!known || was == content, "%s is both record %d and record %d", id, was, content)
	w.content[id] = content
}

func (w *world) newDir() string {
	w.dirs++
	return filepath.Join(w.root, fmt.Sprint(w.dirs))
}

func (w *world) openDir(dir string) *opening {
	buf, err := retry.Open(dir, retry.Options{Sync: retry.SyncNever, MaxBytes: 4 << 20})
	require.NoError(w.t, err)
	return w.opened(&opening{buf, dir})
}

func (w *world) openMemory() *opening {
	buf, err := retry.NewMemory(retry.Options{})
	require.NoError(w.t, err)
	return w.opened(&opening{buf: buf})
}

func (w *world) opened(o *opening) *opening {
	w.open = append(w.open, o)
	w.say("open %q", o.dir)
	return o
}

// some returns an opening, at random.
func (w *world) some() *opening { return w.open[w.rng.IntN(len(w.open))] }

// putSome puts a few records of a device: that of the opening, or one that
// several gateways relay.
func (w *world) putSome(o *opening) {
	device := []string{"pi", "relayed", "other"}[w.rng.IntN(3)]
	for range 1 + w.rng.IntN(6) {
		w.put++
		r := record.Record{Readings: []record.Reading{{Name: "n", Value: record.IntValue(int64(w.put))}}}
		row, err := record.AppendRecord(nil, nil, &r, time.UnixMilli(1))
		require.NoError(w.t, err)
		boot, seq, err := o.buf.Append(context.Background(), device, row)
		require.NoError(w.t, err)
		w.require(boot != 0 && (w.boots[boot] == nil || w.boots[boot] == o), "boot %s is drawn twice", record.FormatBoot(boot))
		w.boots[boot] = o
		w.saw(record.ID{Device: device, Boot: boot, Seq: seq}, w.put)
	}
	if w.rng.IntN(3) == 0 && o.dir != "" {
		require.NoError(w.t, o.buf.Sync(context.Background()))
	}
}

// deliver sends what is pending, maybe twice, and finishes some or all of it.
func (w *world) deliver(o *opening) {
	entries := o.buf.Next(1 << uint(6+w.rng.IntN(8)))
	if len(entries) == 0 {
		return
	}
	rows := make([]record.Row, len(entries))
	for i, e := range entries {
		rows[i] = record.Row{ID: record.ID{Device: e.Device, Boot: e.Boot, Seq: e.Seq}, Data: e.Data}
	}
	w.batch.Set(rows)
	frame, err := w.encoder.AppendFrame(nil, w.batch)
	require.NoError(w.t, err)
	for range 1 + w.rng.IntN(3)/2 { // the answer is lost now and then
		w.consume(frame)
	}
	n := len(entries) // the process may end before all is acknowledged
	if w.rng.IntN(3) == 0 {
		n = w.rng.IntN(n + 1)
	}
	for _, e := range entries[:n] {
		o.buf.Ack(e.Index, e.Index, retry.Delivered)
	}
}

// consume is what a reader of the stream does.
func (w *world) consume(frame []byte) {
	require.NoError(w.t, w.decoder.Decode(frame, "k", func(it decode.Item) error {
		if it.Kind != decode.Record {
			return it.Err
		}
		n, _ := it.Record.Get("n")
		content := int(n.Int())
		id := it.Record.ID
		id.Device = fmt.Sprint(id.Device) // it lives longer than the frame
		w.saw(id, content)
		w.arrived[content]++
		if !w.dedup.Seen(id) {
			w.kept[content]++
		}
		return nil
	}))
}

// check holds the consumer to its promise: what arrived was kept once.
func (w *world) check() {
	for content, n := range w.arrived {
		w.require(w.kept[content] == 1, "record %d arrived %d times and was kept %d times", content, n, w.kept[content])
	}
}

// shut closes an opening in a proper way.
func (w *world) shut(o *opening) {
	require.NoError(w.t, o.buf.Close())
	w.forget(o)
	if o.dir != "" {
		w.closed = append(w.closed, o.dir)
	}
}

func (w *world) forget(o *opening) {
	for i, other := range w.open {
		if other == o {
			w.open = append(w.open[:i], w.open[i+1:]...)
			return
		}
	}
}

// copyOf makes a copy of a directory as it is now, maybe without the ends of files
// that a power cut took.
func (w *world) copyOf(dir string, cut bool) string {
	to := w.newDir()
	require.NoError(w.t, os.MkdirAll(to, 0o700))
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return to
	}
	require.NoError(w.t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if os.IsNotExist(err) {
			continue // removed meanwhile
		}
		require.NoError(w.t, err)
		if cut && w.rng.IntN(2) == 0 && filepath.Ext(e.Name()) == ".seg" {
			b = b[:w.rng.IntN(len(b)+1)]
		}
		require.NoError(w.t, os.WriteFile(filepath.Join(to, e.Name()), b, 0o600))
	}
	return to
}
