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

	out    []*frame // to be sent, per key in order
	outRaw int      // bytes of their rows
	maybe  indexSet // entries that an attempt of unknown outcome carried
	read   uint64   // the index that Next goes on at
	more   bool     // Next has more than the window took: do not wait for age
	first  time.Time
	flush  uint64 // send up to this index without waiting

	stream     stream
	maxFrames  int  // of a call; below the limit while looking for a poison
	maxRecords int  // of a frame, likewise
	worked     bool // a call has worked since the search began
	suspect    *frame
	suspicion  error // what Kinesis said of the suspect

	until    time.Time // no call before
	failing  failing
	failures int // calls in a row that failed
}

// noFrameLimit is more frames than a call can carry.
const noFrameLimit = 1 << 30

func newSender(p *Producer) (*sender, error) {
	dec := record.NewDecoder(p.cfg.Schema)
	for _, doc := range p.buf.Definitions() {
		s, err := record.ParseSchema(doc)
		if err != nil {
			return nil, err
		}
		dec.Add(s)
	}
	first, next := p.buf.Span()
	return &sender{p: p, cfg: &p.cfg, enc: p.cfg.Codec.NewEncoder(), batch: record.NewBatch(dec), ratio: 1,
		read: first, more: first < next, // what is found in the buffer has waited long enough

		maxFrames: noFrameLimit, maxRecords: noFrameLimit,
		stream: stream{recordBytes: defaultRecordBytes, paces: map[string]*pace{}}}, nil
}

// run is the sender's goroutine.
func (s *sender) run() {
	defer close(s.p.done)
	closing := false
	for {
		s.p.reportLosses()
		flush := s.p.releaseWaiters()
		if s.p.closing.Load() {
			first, next := s.p.buf.Span()
			if first == next || s.p.ctx.Err() != nil {
				return
			}
			flush = next - 1
			if !closing {
				closing = true
				s.until = time.Time{} // one try, whatever we were waiting for
			}
		}
		if flush > s.flush {
			s.flush = flush
			s.until = time.Time{}
		}
		if wait := s.step(time.Now()); wait > 0 {
			s.sleep(wait)
		}
	}
}

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

// probeBytes is about how many bytes a call carries after several have failed.
const probeBytes = 4 << 10

// step does the next thing there is to do and returns how long nothing is.
func (s *sender) step(now time.Time) time.Duration {
	if d := s.until.Sub(now); d > 0 {
		return d
	}
	idle := s.fill(now)
	if len(s.out) == 0 {
		return idle
	}
	entries, wait := s.pack(now)
	if len(entries) == 0 && s.suspect != nil {
		s.acquit(now, retry.Lookup(classify(s.suspicion)), s.suspicion) // nothing else to compare it with
		return 0
	}
	if len(entries) == 0 {
		if idle > 0 {
			wait = min(wait, idle)
		}
		return wait
	}
	s.send(entries)
	return 0
}

// fill reads rows and makes frames of them when it is time to, within the
// window. It returns how long until it will be time.
func (s *sender) fill(now time.Time) time.Duration {
	room := s.p.window - s.outRaw
	if room <= 0 {
		return maxSleep
	}
	_, next := s.p.buf.Span()
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
	due := s.more || s.flush >= s.read || s.p.unread.Load() >= int64(s.p.window)
	if age := s.cfg.FlushInterval - now.Sub(s.first); !due && age > 0 {
		return age
	}
	if !s.stream.asked {
		if err := s.look(); err != nil {
			s.lookFailed(now, err)
			return 0
		}
	}
	if s.failures > 1 {
		room = min(room, int(probeBytes/max(s.ratio, 1))) // see whether the link works, not how much it takes
	}
	entries := s.p.buf.Next(room)
	size := 0
	for i := range entries {
		size += len(entries[i].Data)
	}
	if len(entries) == 0 {
		s.read = next // what was there has been dropped
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
func (s *sender) release() {
	for _, f := range s.out {
		if f.again > 0 {
			for _, r := range f.runs {
				s.maybe.add(r)
			}
		}
	}
	s.out, s.outRaw, s.suspect = nil, 0, nil
	s.p.buf.Rewind()
	s.read, _ = s.p.buf.Span()
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

// failing is the run of failures that the sender is in.
type failing struct {
	rule    retry.Rule
	backoff retry.Backoff
	since   time.Time
	tried   bool // the one thing that the class allows at once has been tried
	paused  bool
}
