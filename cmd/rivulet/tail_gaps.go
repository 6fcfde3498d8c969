package main

import (
	"slices"
	"strings"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/record"
)

// gaps finds what is not there: sequence numbers of a device and a boot between
// those that were read. The devices' marks tell what is missing, for nothing before
// a mark is on its way any more, from what is still to come.
type gaps struct {
	series map[seriesID]*sequence
	late   int64 // records that came behind a mark which said that none is outstanding
}

type seriesID struct {
	device string
	boot   uint64
}

// sequence is what was read of a device and a boot.
type sequence struct {
	seen     []span // rising, neither touching nor overlapping
	mark     uint64 // nothing below it is outstanding
	overflow bool   // there were too many gaps to remember
}

// span is a run of sequence numbers, inclusive.
type span struct{ first, last uint64 }

// What is remembered: a hostile stream is full of devices and of gaps.
const (
	maxSequences = 1 << 16
	maxSpans     = 1 << 12 // of a sequence
)

// of returns the sequence of an id, nil if there are too many others.
func (g *gaps) of(device string, boot uint64) *sequence {
	if s := g.series[seriesID{device, boot}]; s != nil {
		return s
	}
	if len(g.series) >= maxSequences {
		return nil
	}
	if g.series == nil {
		g.series = map[seriesID]*sequence{}
	}
	s := &sequence{}
	g.series[seriesID{strings.Clone(device), boot}] = s
	return s
}

// read takes note of a record.
func (g *gaps) read(id record.ID) {
	if id.Seq == 0 || id.Boot == 0 {
		return
	}
	s := g.of(id.Device, id.Boot)
	if s == nil || s.overflow {
		return
	}
	if s.add(id.Seq) && id.Seq < s.mark {
		g.late++
	}
}

// marked takes note of a mark.
func (g *gaps) marked(m compress.Mark) {
	if s := g.of(m.Device, m.Boot); s != nil {
		s.mark = max(s.mark, m.First)
	}
	for _, boot := range m.Closed {
		if s := g.series[seriesID{m.Device, boot}]; s != nil {
			s.mark = ^uint64(0)
		}
	}
}

// add reports whether seq is new.
func (s *sequence) add(seq uint64) bool {
	n := len(s.seen)
	if n > 0 && s.seen[n-1].last+1 == seq { // as most
		s.seen[n-1].last = seq
		return true
	}
	// at is the first span that does not end before seq.
	at, _ := slices.BinarySearchFunc(s.seen, seq, func(r span, seq uint64) int {
		if r.last < seq {
			return -1
		}
		return 1
	})
	switch {
	case at < n && s.seen[at].first <= seq:
		return false
	case at < n && s.seen[at].first == seq+1:
		if s.seen[at].first = seq; at > 0 && s.seen[at-1].last+1 == seq {
			s.seen[at-1].last = s.seen[at].last
			s.seen = slices.Delete(s.seen, at, at+1)
		}
	case at > 0 && s.seen[at-1].last+1 == seq:
		s.seen[at-1].last = seq
	case n == maxSpans:
		s.seen, s.overflow = nil, true
	default:
		s.seen = slices.Insert(s.seen, at, span{seq, seq})
	}
	return true
}

// count returns how many records are missing, and how many were not seen yet. What
// comes before the first that was read may have left the stream, and does not count.
func (g *gaps) count() (missing, unseen uint64) {
	for _, s := range g.series {
		for i := 1; i < len(s.seen); i++ {
			from, to := s.seen[i-1].last+1, s.seen[i].first // of the gap; to is not in it
			below := min(max(s.mark, from), to)
			missing += below - from
			unseen += to - below
		}
	}
	return missing, unseen
}

// full reports whether there was more than could be remembered.
func (g *gaps) full() bool {
	if len(g.series) >= maxSequences {
		return true
	}
	for _, s := range g.series {
		if s.overflow {
			return true
		}
	}
	return false
}
