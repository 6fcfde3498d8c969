package producer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// frame is one KPL user record on its way: a run of records of one partition
// key, encoded, or one opaque record.
type frame struct {
	key, ehk string
	hash     partition.Hash
	data     []byte
	opaque   bool
	runs     []run // where its entries are in the buffer
	ids      ranges
	records  int
	raw      int // what it counts against the window: rows and overhead, or data if that is more
	refusals int // how often it was refused alone

	storedBefore uint64 // sender.stored when it was refused alone for the first time
	attempts     int
	again        int       // how many of its records an earlier attempt may have stored
	notBefore    time.Time // when it may be sent again
	backoff      retry.Backoff
}

// frameOverhead is what a frame itself takes in memory, about.
const frameOverhead = 512

// run is a run of indexes in the buffer, inclusive.
type run struct{ first, last uint64 }

func (f *frame) add(e *retry.Entry) {
	if n := len(f.runs); n > 0 && f.runs[n-1].last+1 == e.Index {
		f.runs[n-1].last = e.Index
	} else {
		f.runs = append(f.runs, run{e.Index, e.Index})
	}
	f.ids.add(e)
	f.records++
	f.raw += len(e.Data) + retry.EntryOverhead
}

// formOpaque is the first byte of an opaque record in the buffer; no row begins
// with it. It is followed by the partition key and the explicit hash key, each
// behind its length as a uvarint, and the data.
const formOpaque = 0xff

func appendOpaque(dst []byte, key, ehk string, data []byte) []byte {
	dst = append(dst, formOpaque)
	for _, s := range []string{key, ehk} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return append(dst, data...)
}

func parseOpaque(row []byte) (key, ehk string, data []byte, err error) {
	rest := row[1:]
	for _, s := range []*string{&key, &ehk} {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return "", "", nil, errors.New("producer: damaged opaque record")
		}
		*s = string(rest[size : size+int(n)])
		rest = rest[size+int(n):]
	}
	return key, ehk, rest, nil
}

// group collects the entries of one key until they are encoded.
type group struct {
	key     string
	entries []retry.Entry
	raw     int
}

// frames turns leased entries into frames, appended to s.out: per key in order.
func (s *sender) frames(entries []retry.Entry) {
	groups := map[string]*group{}
	var order []*group // so that the outcome does not depend on map order
	for i := range entries {
		e := &entries[i]
		if len(e.Data) > 0 && e.Data[0] == formOpaque {
			s.opaqueFrame(e, groups)
			continue
		}
		key := s.cfg.Key.Key(e.Device, e.Seq)
		g := groups[key]
		if g == nil {
			g = &group{key: key}
			groups[key] = g
			order = append(order, g)
		}
		size := len(e.Data) + retry.EntryOverhead
		if g.raw += size; len(g.entries) > 0 && (g.raw > s.rawPerFrame() || len(g.entries) >= s.search.maxRecords) {
			s.encode(g.key, g.entries)
			g.entries, g.raw = g.entries[:0], size
		}
		g.entries = append(g.entries, *e)
	}
	for _, g := range order {
		s.encode(g.key, g.entries)
	}
}

func (s *sender) opaqueFrame(e *retry.Entry, groups map[string]*group) {
	key, ehk, data, err := parseOpaque(e.Data)
	f := &frame{key: key, ehk: ehk, opaque: true, raw: frameOverhead}
	f.add(e)
	if err != nil {
		s.giveUp(f, retry.Corrupt, err)
		return
	}
	if g := groups[key]; g != nil { // what was put before goes before
		s.encode(key, g.entries)
		g.entries, g.raw = g.entries[:0], 0
	}
	f.data = append([]byte{}, data...) // never nil: the SDK takes that for missing
	if ehk == "" {
		f.hash = partition.HashKey(key)
	} else if f.hash, err = partition.ParseHash(ehk); err != nil {
		s.giveUp(f, retry.Rejected, err)
		return
	}
	s.admit(f)
}

// rawPerFrame is how many bytes of rows, with overhead, are likely to fill a frame,
// by what the last one came to.
func (s *sender) rawPerFrame() int { return int(float64(s.frameLimit()) * 0.9 / s.ratio) }

// frameLimit is the most that a frame's data may have: what an aggregate is
// filled to, less what a key and the aggregate's own bytes take.
func (s *sender) frameLimit() int {
	return max(min(aggregateBytes, s.stream.recordBytes, s.size.call)-4*partition.MaxKeyRunes-64, 1<<10)
}

// encode makes one frame of entries, or several when they do not fit one.
func (s *sender) encode(key string, entries []retry.Entry) {
	if len(entries) == 0 {
		return
	}
	s.rows = s.rows[:0]
	for i := range entries {
		e := &entries[i]
		s.rows = append(s.rows, record.Row{ID: record.ID{Device: e.Device, Boot: e.Boot, Seq: e.Seq}, Data: e.Data})
	}
	s.batch.Set(s.rows)
	data, err := s.enc.AppendFrame(s.encoded[:0], s.batch)
	s.encoded = data
	if len(entries) > 1 && (err != nil || len(data) > s.frameLimit()) {
		half := len(entries) / 2 // too large, or one of the rows is damaged: the halves tell
		s.encode(key, entries[:half])
		s.encode(key, entries[half:])
		return
	}
	f := &frame{key: key, hash: partition.HashKey(key), raw: frameOverhead}
	for i := range entries {
		f.add(&entries[i])
	}
	switch {
	case err != nil:
		s.giveUp(f, retry.Corrupt, err)
	case len(data)+len(key) > s.stream.recordBytes: // one record alone, and too large for the stream
		s.giveUp(f, retry.Rejected, fmt.Errorf("producer: the record takes %d bytes as codec %s, the stream's limit is %d",
			len(data)+len(key), s.cfg.Codec.Name(), s.stream.recordBytes))
	default:
		f.data = append([]byte(nil), data...)
		s.ratio = max(float64(len(data))/float64(f.raw-frameOverhead), 0.005)
		s.admit(f)
	}
}

// admit puts a frame in the queue of those to be sent.
func (s *sender) admit(f *frame) {
	f.again = s.maybe.count(f.runs)
	f.raw = max(f.raw, len(f.data))
	s.out = append(s.out, f)
	s.outRaw += f.raw
}

// giveUp finishes a frame that will not be delivered.
func (s *sender) giveUp(f *frame, o retry.Outcome, reason error) {
	s.finish(f, o)
	s.p.reportLost(&LostError{Outcome: o, IDs: f.ids.list, Reason: reason}, f.key, f.attempts)
}

// finish tells the buffer how the frame's entries ended.
func (s *sender) finish(f *frame, o retry.Outcome) {
	for _, r := range f.runs {
		s.p.buf.Ack(r.first, r.last, o)
	}
	s.maybe.remove(f.runs)
}
