package producer

import (
	"context"
	"slices"
	"sync"
)

// Flush sends what is buffered without waiting for the flush interval and returns
// nil when every record put before is delivered or reported lost. It tries at
// once even if the producer was waiting to try again. When ctx is done first, its
// error is returned and the records stay buffered.
func (p *Producer) Flush(ctx context.Context) error {
	first, next := p.buf.Span()
	if first == next {
		return nil
	}
	w := waiter{next - 1, make(chan struct{})}
	p.flushes.add(w)
	p.bell.hurry.Store(true)
	p.bell.ring()
	select {
	case <-w.ch:
		return nil
	case <-ctx.Done():
	case <-p.life.sent:
	}
	p.flushes.remove(w)
	if err := ctx.Err(); err != nil {
		return err
	}
	if first, _ := p.buf.Span(); first <= w.index {
		return ErrClosed
	}
	return nil
}

// flushes are the calls of Flush that wait.
type flushes struct {
	mu  sync.Mutex
	all []waiter
}

// waiter is a Flush: ch is closed when every entry up to index is finished.
type waiter struct {
	index uint64
	ch    chan struct{}
}

func (f *flushes) add(w waiter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, w)
}

func (f *flushes) remove(w waiter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = slices.DeleteFunc(f.all, func(o waiter) bool { return o.ch == w.ch })
}

// release ends the flushes that are done, as all below first is finished, and returns the
// highest index that one still waits for, 0 for none.
func (f *flushes) release(first uint64) (to uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = slices.DeleteFunc(f.all, func(w waiter) bool {
		if w.index < first {
			close(w.ch)
			return true
		}
		to = max(to, w.index)
		return false
	})
	return to
}
