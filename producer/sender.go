package producer

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/rivulet-iot/rivulet/record"
)

// sender is the one consumer of the buffer: it reads rows, makes frames, packs
// them into calls and deals with the answers. It belongs to one goroutine, so it
// has no lock, and it holds none while it waits, calls Kinesis or calls back.
type sender struct {
	p   *Producer
	cfg *Config

	framer framer

	out      []*frame  // to be sent, per key in order
	outBytes int       // of memory that they take
	leased   int       // bytes that their entries take in the buffer
	maybe    indexSet  // entries that an attempt of unknown outcome carried
	read     uint64    // the index that Next goes on at
	more     bool      // Next has more than was read: do not wait for age
	first    time.Time // when what is not read yet was noticed; zero: there is nothing
	flush    uint64    // send up to this index without waiting

	stream stream
	size   callSize
	search search
	stored uint64 // calls that stored something
	// acquitted counts the searches in a row that found everything refused.
	acquitted int
	until     time.Time // no call before
	failing   failing
	options   func(*kinesis.Options) // of each call
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
	return &sender{p: p, cfg: &p.cfg, framer: framer{batch: record.NewBatch(dec), groups: map[string]*group{}},
		read: first, more: first < next, // what is found in the buffer has waited long enough
		size: newCallSize(max(p.window, aggregateBytes)), search: noSearch(), options: newCallOptions(),
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
		now := time.Now()
		if wait := s.step(now); wait > 0 {
			if now.Sub(s.framer.used) >= lull {
				s.framer.release()
			}
			s.sleep(wait)
		}
	}
}

// unreadable is how long to wait for a disk that the buffer cannot read.
const unreadable = 5 * time.Second

// lull is how long there has to be nothing to encode before the memory for it is
// given back.
const lull = time.Minute

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
			s.acquit(now, classify(s.search.reason), s.search.reason)
		}
		return idle
	}
	entries, wait := s.pack(now)
	if len(entries) == 0 {
		return min(wait, idle) // idle 0: fill has more to do, though all that is queued must wait
	}
	s.send(entries)
	s.framer.sent(entries)
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
	s.out, s.outBytes, s.leased = nil, 0, 0
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
			s.outBytes -= f.memory()
			s.leased -= f.stored
		} else {
			kept = append(kept, f)
		}
	}
	clear(s.out[len(kept):])
	s.out = kept
}
