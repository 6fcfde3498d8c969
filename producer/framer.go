package producer

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// framer is the memory in which a window of rows is sorted by partition key and
// encoded. It is kept from one window to the next, and given back when there was
// nothing to encode for a while.
type framer struct {
	enc     compress.Encoder // nil until there is something to encode
	batch   *record.Batch
	encoded []byte            // scratch
	groups  map[string]*group // of the window
	order   []*group          // the same, so that the outcome does not depend on map order
	last    *group            // of the last row: the next one is mostly of the same
	free    []*group          // for reuse
	freed   int               // rows that free has room for
	spare   []*kpl.Builder    // of aggregates that were sent
	ratio   float64           // of a frame's bytes to those of its rows, lately; 0: not known
	used    time.Time
}

// group collects the rows of one key until they are encoded.
type group struct {
	key   string
	hash  partition.Hash // of key, once it was asked for
	known bool           // hash is
	rows  []record.Row
	index []uint64 // of each row, in the buffer
	raw   int      // bytes of the rows, with overhead
}

func newFramer(dec *record.Decoder) framer {
	return framer{batch: record.NewBatch(dec), groups: map[string]*group{}}
}

// rate is the ratio, and until it is known the worst of a codec that compresses.
func (fr *framer) rate() float64 { return cmp.Or(fr.ratio, 1) }

// learn notes what came of raw bytes of rows. Rows that compress less than expected
// cost another encoding, so the estimate is raised at once and lowered slowly.
func (fr *framer) learn(data, raw int) {
	r := max(float64(data)/float64(raw), 0.005)
	if fr.ratio == 0 || r > fr.ratio {
		fr.ratio = r
	} else {
		fr.ratio += (r - fr.ratio) / 4
	}
}

// group returns the group of a key.
func (fr *framer) group(key string) *group {
	if fr.last != nil && fr.last.key == key {
		return fr.last
	}
	g := fr.groups[key]
	if g == nil {
		if n := len(fr.free); n > 0 {
			g, fr.free = fr.free[n-1], fr.free[:n-1]
			fr.freed -= cap(g.rows)
		} else {
			g = new(group)
		}
		g.key = key
		fr.groups[key] = g
		fr.order = append(fr.order, g)
	}
	fr.last = g
	return g
}

// hash returns the hash of a key, which may have a group.
func (fr *framer) hash(key string) partition.Hash {
	if g := fr.groups[key]; g != nil {
		return g.hashed()
	}
	return partition.HashKey(key)
}

// empty forgets the groups, and keeps their memory for those of the next window,
// as long as it does not exceed most rows.
func (fr *framer) empty(most int) {
	for _, g := range fr.order {
		g.reset()
		if fr.freed+cap(g.rows) <= most {
			fr.free = append(fr.free, g)
			fr.freed += cap(g.rows)
		}
	}
	clear(fr.groups)
	clear(fr.order)
	fr.order, fr.last = fr.order[:0], nil
	fr.batch.Set(nil)
}

// reset takes all rows out of the group, and lets go of what they point to.
func (g *group) reset() {
	clear(g.rows)
	g.rows, g.index, g.raw, g.known = g.rows[:0], g.index[:0], 0, false
}

// hashed returns the hash of the group's key.
func (g *group) hashed() partition.Hash {
	if !g.known {
		g.hash, g.known = partition.HashKey(g.key), true
	}
	return g.hash
}

// builder returns an empty builder of aggregates; sent takes those of a call back.
func (fr *framer) builder() *kpl.Builder {
	n := len(fr.spare)
	if n == 0 {
		return new(kpl.Builder)
	}
	b := fr.spare[n-1]
	fr.spare = fr.spare[:n-1]
	return b
}

func (fr *framer) sent(entries []*entry) {
	for _, e := range entries {
		if e.agg != nil && len(fr.spare) < 2 {
			e.agg.Reset()
			fr.spare = append(fr.spare, e.agg)
		}
		e.agg = nil
	}
}

// release gives back the memory. The batch stays: it knows the schemas.
func (fr *framer) release() {
	*fr = framer{batch: fr.batch, groups: map[string]*group{}, ratio: fr.ratio, used: fr.used}
}

// take puts an entry into the group of its key, or makes a frame of it if it is opaque,
// unless it is not wanted.
func (w *window) take(e *retry.Entry, r *reading, f facts) bool {
	if len(e.Data) > 0 && e.Data[0] == formOpaque {
		return w.takeOpaque(e, r, f)
	}
	key := w.cfg.Key.Key(e.Device, e.Seq)
	if r.want != nil && !r.want(key, w.fr.hash(key), e.Index) {
		return false
	}
	g := w.fr.group(key)
	if e.Index < w.marks.before {
		w.marks.read(e.Device, e.Boot)
	}
	g.rows = append(g.rows, record.Row{ID: record.ID{Device: e.Device, Boot: e.Boot, Seq: e.Seq}, Data: e.Data})
	g.index = append(g.index, e.Index)
	g.raw += len(e.Data) + retry.EntryOverhead
	return true
}

func (w *window) takeOpaque(e *retry.Entry, r *reading, f facts) bool {
	key, ehk, data, err := parseOpaque(e.Data)
	if r.want != nil && !r.want(key, partition.HashKey(key), e.Index) {
		return false
	}
	fr := newFrame(key, []record.Row{{ID: record.ID{Device: e.Device, Boot: e.Boot, Seq: e.Seq}, Data: e.Data}}, []uint64{e.Index})
	fr.ehk, fr.opaque = ehk, true
	if err == nil && ehk != "" {
		fr.hash, err = partition.ParseHash(ehk)
	}
	if err != nil {
		w.end(ending{frame: fr, outcome: retry.Corrupt, err: err})
		return true
	}
	if g := w.fr.groups[key]; g != nil { // what was put before goes before
		w.encodeGroup(g, f)
	}
	fr.data = append([]byte{}, data...) // never nil: the SDK takes that for missing
	if n := len(data) + len(key); f.limited && n > f.recordBytes {
		w.end(ending{frame: fr, outcome: retry.Rejected, err: fmt.Errorf("producer: data and partition key have %d bytes, the stream's limit is %d (MaxRecordSizeInKiB)", n, f.recordBytes)})
		return true
	}
	if fr.nested = kpl.Looks(data); fr.nested && f.why != "" {
		w.end(ending{frame: fr, outcome: retry.Rejected, err: fmt.Errorf("producer: the data of %s is an aggregated record itself. "+
			"It passes a consumer unharmed only within another one, and %s", e.Device, f.why)})
		return true
	}
	w.admit(fr)
	return true
}

// admit puts a frame in the queue of those to be sent.
func (w *window) admit(f *frame) {
	f.again = w.maybe.count(f.runs)
	w.queue.add(f)
}

// encodeAll makes frames of all groups and queues them: per key in order.
func (w *window) encodeAll(f facts) {
	for _, g := range w.fr.order {
		w.encodeGroup(g, f)
	}
	w.fr.empty(w.bounds.window / retry.EntryOverhead)
	if cap(w.fr.encoded) > 2*aggregateBytes {
		w.fr.encoded = nil
	}
}

// encodeGroup makes frames of about the same size of a group, as few as its rows
// are likely to fit.
func (w *window) encodeGroup(g *group, f facts) {
	for at := 0; at < len(g.rows); {
		left := len(g.rows) - at
		most := max(w.rawPerFrame(f)/(g.raw/len(g.rows)), 1) // rows
		n := share(left, (left+most-1)/most)
		w.encode(f, g.key, g.rows[at:at+n], g.index[at:at+n])
		at += n
	}
	g.reset()
}

// firstPart is how many of n rows to encode instead of all, which came to size bytes or were
// not encoded.
func firstPart(n, size, limit int, err error) int {
	var split *compress.SplitError
	switch {
	case errors.As(err, &split):
		return min(split.Rows, n-1)
	case err != nil: // one of the rows is damaged: the halves show which
		return share(n, 2)
	}
	return share(n, max(2, int(float64(size)/(float64(limit)*fullness))+1))
}

// share returns the size of the first of that many nearly equal parts of n.
func share(n, parts int) int { return (n + parts - 1) / parts }

// rawPerFrame is how many bytes of rows, with overhead, are likely to fill a frame,
// by what the last ones came to.
func (w *window) rawPerFrame(f facts) int {
	return int(float64(f.frameLimit()) * fullness / w.fr.rate())
}

// fullness is how much of a frame's limit is aimed at.
const fullness = 0.9

// frameLimit is the most that a frame's data should have: what an aggregate is
// filled to, less what a key and the aggregate's own bytes take.
func (f facts) frameLimit() int {
	return max(min(aggregateBytes, f.recordBytes, f.call)-4*partition.MaxKeyRunes-64, 1<<10)
}

// encode makes one frame of rows, or several when they do not fit one.
func (w *window) encode(f facts, key string, rows []record.Row, index []uint64) {
	fr := &w.fr
	if fr.enc == nil {
		fr.enc = w.cfg.Codec.NewEncoder()
	}
	fr.used = time.Now()
	fr.batch.Set(rows)
	w.marks.certain = w.certain(key, index)
	data, err := fr.enc.AppendFrame(fr.encoded[:0], fr.batch)
	fr.encoded = data
	limit := f.frameLimit()
	// A little more than the limit costs less than to encode it all again.
	tooLarge := len(data) > limit+limit/10 || len(data)+len(key) > f.recordBytes
	if len(rows) > 1 && (err != nil || tooLarge) {
		for n := firstPart(len(rows), len(data), limit, err); len(rows) > 0; {
			n = min(n, len(rows))
			w.encode(f, key, rows[:n], index[:n])
			rows, index = rows[n:], index[n:]
		}
		return
	}
	made := newFrame(key, rows, index)
	switch {
	case err != nil:
		w.end(ending{frame: made, outcome: retry.Corrupt, err: err})
	case len(data)+len(key) > f.recordBytes: // one record alone
		w.end(ending{frame: made, outcome: retry.Rejected, err: fmt.Errorf("producer: the record takes %d bytes as codec %s, the stream's limit is %d",
			len(data)+len(key), w.cfg.Codec.Name(), f.recordBytes)})
	default:
		made.data = append([]byte(nil), data...)
		made.marked = w.marks.certain
		fr.learn(len(data), made.stored+(retry.EntryOverhead-entryBytes)*made.records)
		w.admit(made)
	}
}
