package producer

import (
	"math"
	"time"
)

// fill reads rows and makes frames of them when it is time to. It returns how long
// until it will be time.
func (s *sender) fill(now time.Time) time.Duration {
	if len(s.out) > 0 && s.room() < s.p.window/2 { // crumbs would make small frames
		return maxSleep
	}
	first, next := s.p.buf.Span()
	if first < s.read && len(s.out) == 0 && len(s.search.suspects) == 0 { // a disk was read late
		s.p.buf.Return(0, math.MaxUint64)
		s.p.buf.Seek(0)
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
	due := s.more || s.flush >= s.read || len(s.search.suspects) > 0 || s.p.unread.Load() >= s.p.enough.Load()
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
	// One window after the other, so that a backlog fills calls although its rows
	// do not fit the memory at once. A quarter of a window of frames is enough.
	for enough := min(s.size.call, s.p.window/4); ; {
		if wait := s.readWindow(next); wait > 0 {
			return wait
		}
		if !s.more || s.outBytes >= enough || s.room() < s.p.window/2 {
			return 0
		}
	}
}

// room returns how many bytes of rows, with overhead, may be read: a window, and
// what is made of it must fit another one, together with what waits to be sent.
func (s *sender) room() int {
	return min(s.p.window, s.p.leases-s.leased, int(float64(s.p.window-s.outBytes)/s.framer.rate()))
}

// batchBytes is how much is leased at a time: entries are turned into rows at once,
// so that they are not in memory in both forms.
const batchBytes = 128 << 10

// readWindow makes frames of a window of entries. It returns how long to wait when
// there are some that cannot be read now.
func (s *sender) readWindow(next uint64) time.Duration {
	room := s.room()
	if s.size.call < s.size.most {
		room = min(room, int(float64(s.size.call)/s.framer.rate()))
	}
	if n := int(s.p.unread.Load()); room > 0 && n > room {
		room = n/((n+room-1)/room) + batchBytes/16 // windows of one size, and no crumbs in the last one
	}
	used := 0
	for ok := true; ok; ok = used < room && s.read < next {
		entries := s.p.buf.Next(min(room-used, batchBytes))
		if len(entries) == 0 {
			break
		}
		used += s.collect(entries)
		s.read = entries[len(entries)-1].Index + 1
	}
	if used == 0 {
		if first, _ := s.p.buf.Span(); first < next { // dropped, or on a disk that cannot be read now
			s.more = true
			return unreadable
		}
		s.read = next
	}
	if s.more = s.read < next; s.more {
		s.p.unread.Add(int64(-used))
	} else {
		s.p.unread.Store(0)
		s.first = time.Time{}
	}
	s.encodeAll()
	return 0
}
