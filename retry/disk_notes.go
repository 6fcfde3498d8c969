package retry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// notes are messages for Options.Logger. A handler may do anything, and call this
// package: so they are said by a goroutine that holds no lock and that nobody waits
// for, and that ends when there are none.
type notes struct {
	logger *slog.Logger // nil: nobody listens

	mu     sync.Mutex
	list   []note
	more   int           // that did not fit
	saying chan struct{} // closed when all is said; nil: it is
}

type note struct {
	level slog.Level
	text  string
	args  []any
}

// maxNotes bounds those that wait for a handler.
const maxNotes = 64

func (n *notes) add(level slog.Level, text string, args ...any) {
	if n.logger == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.list) >= maxNotes {
		n.more++
		return
	}
	n.list = append(n.list, note{level, text, args})
	if n.saying == nil {
		n.saying = make(chan struct{})
		go n.say()
	}
}

func (n *notes) say() {
	for {
		n.mu.Lock()
		list, more := n.list, n.more
		n.list, n.more = nil, 0
		if len(list) == 0 {
			close(n.saying)
			n.saying = nil
			n.mu.Unlock()
			return
		}
		n.mu.Unlock()
		for _, x := range list {
			n.logger.Log(context.Background(), x.level, x.text, x.args...)
		}
		if more > 0 {
			n.logger.Warn("the buffer had more to say than was heard", "messages", more)
		}
	}
}

// wait waits until all is said, but not for long: it may be called by a handler.
func (n *notes) wait() {
	n.mu.Lock()
	saying := n.saying
	n.mu.Unlock()
	if saying == nil {
		return
	}
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-saying:
	case <-t.C:
	}
}
