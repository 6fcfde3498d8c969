package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/retry"
)

// life is a producer's end.
type life struct {
	ctx       context.Context // of the calls; ends when Close gives up
	cancel    context.CancelFunc
	sent      chan struct{} // the sender has ended
	ended     chan struct{} // and the buffer is closed
	once      sync.Once
	reporting atomic.Bool // OnDelivery runs
	lost      error       // for Close to return
}

func newLife() life {
	ctx, cancel := context.WithCancel(context.Background())
	return life{ctx: ctx, cancel: cancel, sent: make(chan struct{}), ended: make(chan struct{})}
}

// Close refuses further Puts, sends what is buffered until ctx is done, and closes
// the buffer. One on disk keeps the rest for the next start, and Close returns nil. What
// a buffer in memory, or one whose disk fails, then loses, Close reports through
// OnDelivery and returns as a *LostError. Close may be called more
// than once; every call returns the same, but for one whose ctx is done while an
// OnDelivery still runs: it returns ctx's error, and the buffer is closed when that returns.
func (p *Producer) Close(ctx context.Context) error {
	p.life.once.Do(func() {
		p.bell.closing.Store(true)
		p.bell.hurry.Store(true)
		p.bell.ring()
		go p.finish()
	})
	stop := context.AfterFunc(ctx, p.life.cancel) // each call's context counts: the first may have had patience
	defer stop()
	select {
	case <-p.life.ended:
		return p.life.lost
	case <-ctx.Done():
	}
	// The sender ends at once and the buffer is closed, unless an OnDelivery holds them up.
	for held := 0; held < 4; {
		select {
		case <-p.life.ended:
			return p.life.lost
		case <-time.After(50 * time.Millisecond):
			if held++; !p.life.reporting.Load() {
				held = 0
			}
		}
	}
	return fmt.Errorf("producer: Close: a call of OnDelivery has not returned: %w", ctx.Err())
}

// finish closes the buffer when the sender has ended.
func (p *Producer) finish() {
	defer close(p.life.ended)
	<-p.life.sent
	p.life.cancel()
	p.reportLosses()
	err := p.buf.Close()
	var lost []IDRange
	for _, l := range p.buf.Sweep() { // what the closed buffer gave up
		lost = append(lost, IDRange{l.Device, l.Boot, l.First, l.Last})
	}
	if len(lost) > 0 {
		lostErr := &LostError{Outcome: retry.Evicted, IDs: lost, Reason: p.whyUnsent()}
		p.reportLost(lostErr, "", 0)
		err = errors.Join(lostErr, err)
	}
	p.life.lost = err
	p.setState(Closed, failure.Rule{}, nil)
}

// whyUnsent is the reason for what a closed buffer loses.
func (p *Producer) whyUnsent() error {
	st := p.Stats()
	if st.Message == "" {
		return errors.New("not sent before Close gave up, and not on disk")
	}
	return fmt.Errorf("not sent before Close gave up, and not on disk: %s. %s (%s)", st.State, st.Advice, st.Message)
}
