package producer

import "sync/atomic"

// doorbell is all that the callers' goroutines and the sender share beside the
// buffer: Put, Flush and Close ring it, the sender waits at it.
type doorbell struct {
	wake    chan struct{} // capacity 1: there is something to look at
	idle    atomic.Bool   // the sender waits for a first record
	unread  atomic.Int64  // bytes (with overhead) put since the sender last read all
	enough  atomic.Int64  // unread bytes beyond which waiting no longer saves bytes
	hurry   atomic.Bool   // a Flush or Close has begun: do not wait to try again
	closing atomic.Bool   // Close was called
}

func newDoorbell(enough int64) *doorbell {
	d := &doorbell{wake: make(chan struct{}, 1)}
	d.enough.Store(enough)
	return d
}

// put notes n bytes of a new entry, and rings for the first one after idleness and
// when there is enough for a call.
func (d *doorbell) put(n int64) {
	total, enough := d.unread.Add(n), d.enough.Load()
	if total >= enough && total-n < enough || d.idle.Load() && d.idle.CompareAndSwap(true, false) {
		d.ring()
	}
}

func (d *doorbell) ring() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// read notes that the sender has read n bytes, all that there was if rest is false.
func (d *doorbell) read(n int, rest bool) {
	if rest {
		d.unread.Add(-int64(n))
		return
	}
	d.unread.Store(0)
}
