package producer

import (
	"cmp"
	"fmt"
	"time"

	"github.com/rivulet-iot/rivulet/compress"
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
	ratio   float64           // of a frame's bytes to those of its rows, lately; 0: not known
	used    time.Time
}

// group collects the rows of one key until they are encoded.
type group struct {
	key   string
	rows  []record.Row
	index []uint64 // of each row, in the buffer
	raw   int      // bytes of the rows, with overhead
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
	g.rows, g.index, g.raw = g.rows[:0], g.index[:0], 0
}

// release gives back the memory. The batch stays: it knows the schemas.
func (fr *framer) release() {
	*fr = framer{batch: fr.batch, groups: map[string]*group{}, ratio: fr.ratio, used: fr.used}
}

// collect sorts entries into groups and returns how many bytes they have.
func (s *sender) collect(entries []retry.Entry) (bytes int) {
	for i := range entries {
		e := &entries[i]
		n := len(e.Data) + retry.EntryOverhead
		bytes += n
		if len(e.Data) > 0 && e.Data[0] == formOpaque {
			s.opaqueFrame(e)
			continue
		}
		g := s.framer.group(s.cfg.Key.Key(e.Device, e.Seq))
		g.rows = append(g.rows, record.Row{ID: record.ID{Device: e.Device, Boot: e.Boot, Seq: e.Seq}, Data: e.Data})
		g.index = append(g.index, e.Index)
		g.raw += n
	}
	return bytes
}

func (s *sender) opaqueFrame(e *retry.Entry) {
	key, ehk, data, err := parseOpaque(e.Data)
	f := newFrame(key, []record.Row{{ID: record.ID{Device: e.Device, Boot: e.Boot, Seq: e.Seq}, Data: e.Data}}, []uint64{e.Index})
	f.ehk, f.opaque = ehk, true
	if err != nil {
		s.giveUp(f, retry.Corrupt, err)
		return
	}
	if g := s.framer.groups[key]; g != nil { // what was put before goes before
		s.encodeGroup(g)
	}
	f.data = append([]byte{}, data...) // never nil: the SDK takes that for missing
	if ehk != "" {
		if f.hash, err = partition.ParseHash(ehk); err != nil {
			s.giveUp(f, retry.Rejected, err)
			return
		}
	}
	s.admit(f)
}

// encodeAll makes frames of all groups, appended to s.out: per key in order.
func (s *sender) encodeAll() {
	for _, g := range s.framer.order {
		s.encodeGroup(g)
	}
	s.framer.empty(s.p.window / retry.EntryOverhead)
	if cap(s.framer.encoded) > 2*aggregateBytes {
		s.framer.encoded = nil
	}
}

// encodeGroup makes frames of about the same size of a group, as few as its rows
// are likely to fit.
func (s *sender) encodeGroup(g *group) {
	for at := 0; at < len(g.rows); {
		left := len(g.rows) - at
		most := max(s.rawPerFrame()/(g.raw/len(g.rows)), 1) // rows
		most = min(most, s.search.maxRecords)
		n := share(left, (left+most-1)/most)
		s.encode(g.key, g.rows[at:at+n], g.index[at:at+n])
		at += n
	}
	g.reset()
}

// share returns the size of the first of that many nearly equal parts of n.
func share(n, parts int) int { return (n + parts - 1) / parts }

// rawPerFrame is how many bytes of rows, with overhead, are likely to fill a frame,
// by what the last ones came to.
func (s *sender) rawPerFrame() int { return int(float64(s.frameLimit()) * fullness / s.framer.rate()) }

// fullness is how much of a frame's limit is aimed at.
const fullness = 0.9

// frameLimit is the most that a frame's data should have: what an aggregate is
// filled to, less what a key and the aggregate's own bytes take.
func (s *sender) frameLimit() int {
	return max(min(aggregateBytes, s.stream.recordBytes, s.size.call)-4*partition.MaxKeyRunes-64, 1<<10)
}

// encode makes one frame of rows, or several when they do not fit one.
func (s *sender) encode(key string, rows []record.Row, index []uint64) {
	fr := &s.framer
	if fr.enc == nil {
		fr.enc = s.cfg.Codec.NewEncoder()
	}
	fr.used = time.Now()
	fr.batch.Set(rows)
	data, err := fr.enc.AppendFrame(fr.encoded[:0], fr.batch)
	fr.encoded = data
	limit := s.frameLimit()
	// A little more than the limit costs less than to encode it all again.
	tooLarge := len(data) > limit+limit/10 || len(data)+len(key) > s.stream.recordBytes
	if len(rows) > 1 && (err != nil || tooLarge) {
		parts := 2 // one of the rows is damaged: the halves tell
		if err == nil {
			parts = max(2, int(float64(len(data))/(float64(limit)*fullness))+1)
		}
		for n := share(len(rows), parts); len(rows) > 0; {
			n = min(n, len(rows))
			s.encode(key, rows[:n], index[:n])
			rows, index = rows[n:], index[n:]
		}
		return
	}
	f := newFrame(key, rows, index)
	switch {
	case err != nil:
		s.giveUp(f, retry.Corrupt, err)
	case tooLarge && len(data)+len(key) > s.stream.recordBytes: // one record alone, and too large for the stream
		s.giveUp(f, retry.Rejected, fmt.Errorf("producer: the record takes %d bytes as codec %s, the stream's limit is %d",
			len(data)+len(key), s.cfg.Codec.Name(), s.stream.recordBytes))
	default:
		f.data = append([]byte(nil), data...)
		fr.learn(len(data), f.stored+(retry.EntryOverhead-entryBytes)*f.records)
		s.p.enough.Store(min(s.p.burst, int64(aggregateBytes/fr.ratio)))
		s.admit(f)
	}
}
