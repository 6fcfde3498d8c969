package producer

import (
	"time"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// sender is the one consumer of the buffer: it reads rows, makes frames, packs
// them into calls and deals with the answers. It belongs to one goroutine, so it
// has no lock, and it holds none while it waits, calls Kinesis or calls back.
type sender struct {
	p   *Producer
	cfg *Config

	enc     compress.Encoder
	batch   *record.Batch
	rows    []record.Row // scratch of encode
	encoded []byte       // likewise
	ratio   float64      // of a frame's bytes to those of its rows, lately

	out    []*frame  // to be sent, per key in order
	outRaw int       // bytes of their rows
	maybe  indexSet  // entries that an attempt of unknown outcome carried
	read   uint64    // the index that Next goes on at
	more   bool      // Next has more than the window took: do not wait for age
	first  time.Time // when what is not read yet was noticed; zero: there is nothing
	flush  uint64    // send up to this index without waiting

	stream stream
	size   callSize
	search search
	stored uint64 // calls that stored something
	// acquitted counts the searches in a row that found everything refused.
	acquitted int
	until     time.Time // no call before
	failing   failing
}

func newSender(p *Producer) *sender {
	dec := record.NewDecoder(p.cfg.Schema)
	for id, doc := range p.buf.Definitions() {
		if err := dec.AddStored(id, doc); err != nil {
			// A device must start whatever is in its buffer. The rows of this
			// schema will end as corrupt, with their ids.
			p.cfg.Logger.Warn("a schema in the buffer cannot be read", "fingerprint", id, "error", err)
		}
	}
	first, next := p.buf.Span()
	return &sender{p: p, cfg: &p.cfg, enc: p.cfg.Codec.NewEncoder(), batch: record.NewBatch(dec), ratio: 1,
		read: first, more: first < next, // what is found in the buffer has waited long enough
		size: newCallSize(max(p.window, aggregateBytes)), search: noSearch(),
		stream: stream{recordBytes: defaultRecordBytes, paces: map[string]*pace{}}}
}

// run is the sender's goroutine.
func (s *sender) run() {
	defer close(s.p.done)
	for {
		s.p.reportLosses()
		flush := s.p.releaseWaiters()
		if s.p.closing.Load() {
			first, next := s.p.buf.Span()
			if first == next || s.p.ctx.Err() != nil {
				return
			}
			flush = next - 1
		}
		s.flush = max(s.flush, flush)
		if s.p.fresh.Swap(false) { // a Flush or Close: try, whatever we were waiting for
			s.until = time.Time{}
			for _, f := range s.out {
				f.notBefore = time.Time{}
			}
		}
		if wait := s.step(time.Now()); wait > 0 {
			s.sleep(wait)
		}
	}
}

// unreadable is how long to wait for a disk that the buffer cannot read.
const unreadable = 5 * time.Second

// maxSleep bounds a wait, so that age limits are looked at now and then.
const maxSleep = time.Minute

// sleep waits for d, for a poke, or for the producer's end.
func (s *sender) sleep(d time.Duration) {
	t := time.NewTimer(min(d, maxSleep))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.p.wake:
	case <-s.p.ctx.Done():
	}
}

// step does the next thing there is to do and returns how long nothing is.
func (s *sender) step(now time.Time) time.Duration {
	if d := s.until.Sub(now); d > 0 {
		return d
	}
	idle := s.fill(now)
	if len(s.out) == 0 {
		if idle > 0 && len(s.search.suspects) > 0 { // there is nothing to compare them with
			s.acquit(now, retry.Lookup(classify(s.search.reason)), s.search.reason)
		}
		return idle
	}
	entries, wait := s.pack(now)
	if len(entries) == 0 {
		return min(wait, idle) // idle 0: fill has more to do, though all that is queued must wait
	}
	s.send(entries)
	return 0
}

// fill reads rows and makes frames of them when it is time to, within the
// window. It returns how long until it will be time.
func (s *sender) fill(now time.Time) time.Duration {
	room := s.p.window - s.outRaw
	if s.outRaw > 0 && room < s.p.window/2 { // crumbs would make small frames
		return maxSleep
	}
	first, next := s.p.buf.Span()
	if first < s.read && len(s.out) == 0 && len(s.search.suspects) == 0 { // a disk was read late
		s.p.buf.Rewind()
		s.read, s.more = first, true
	}
	if s.read >= next {
		// Nothing to read. Look again after raising the flag: a Put between the
		// two would have seen it down.
		s.first, s.more = time.Time{}, false
		s.p.idle.Store(true)
		if _, next = s.p.buf.Span(); s.read >= next {
			return maxSleep
		}
	}
	s.p.idle.Store(false)
	if s.first.IsZero() {
		s.first = now
	}
	due := s.more || s.flush >= s.read || len(s.search.suspects) > 0 || s.p.unread.Load() >= int64(s.p.window)
	if age := s.cfg.FlushInterval - now.Sub(s.first); !due && age > 0 {
		return age
	}
	if !s.stream.askAt.IsZero() && !now.Before(s.stream.askAt) {
		s.stream.asked = false
	}
	if !s.stream.asked {
		if err := s.look(); err != nil {
			s.lookFailed(now, err)
			return 0
		}
	}
	if s.size.call < s.size.most {
		room = min(room, int(float64(s.size.call)/s.ratio))
	}
	entries := s.p.buf.Next(room)
	size := 0
	for i := range entries {
		size += len(entries[i].Data) + retry.EntryOverhead
	}
	if len(entries) == 0 {
		if first, _ := s.p.buf.Span(); first < next { // dropped, or on a disk that cannot be read now
			s.more = true
			return unreadable
		}
		s.read = next
	} else {
		s.read = entries[len(entries)-1].Index + 1
	}
	if s.more = s.read < next; s.more {
		s.p.unread.Add(int64(-size))
	} else {
		s.p.unread.Store(0)
		s.first = time.Time{}
	}
	s.frames(entries)
	return 0
}

// release gives all leases back, so that the buffer may drop or expire what is
// oldest, memory is free while there is no link, and what has gathered is framed
// afresh, in larger frames, when there is one again.
//
// While there are suspects of a search nothing is released: they are compared with
// what is sent after them, and must not be forgotten before it is known.
func (s *sender) release() {
	if len(s.search.suspects) > 0 {
		return
	}
	var maybe []run
	for _, f := range s.out {
		if f.again > 0 {
			maybe = append(maybe, f.runs...)
		}
	}
	s.maybe.add(maybe)
	s.out, s.outRaw = nil, 0
	s.p.buf.Rewind()
	s.read, _ = s.p.buf.Span()
	s.maybe.dropBelow(s.read)
	s.more = true
}

// remove takes a frame out of the queue.
func (s *sender) remove(done map[*frame]bool) {
	kept := s.out[:0]
	for _, f := range s.out {
		if done[f] {
			s.outRaw -= f.raw
		} else {
			kept = append(kept, f)
		}
	}
	clear(s.out[len(kept):])
	s.out = kept
}
