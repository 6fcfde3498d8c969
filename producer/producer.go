package producer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// ErrClosed is returned by every Put after Close was called.
var ErrClosed = errors.New("producer: closed")

// Producer sends records to one stream. All its methods are safe for concurrent
// use.
type Producer struct {
	cfg     Config
	types   kinds
	api     API
	buf     retry.Buffer
	window  int   // bytes of rows, with overhead, that are framed at a time, and of the frames that wait to be sent
	leases  int   // bytes of the buffer that may be leased
	burst   int64 // bytes of rows, with overhead, that may be put before some are sent
	scratch sync.Pool

	bell      *doorbell
	refused   atomic.Uint64
	reporting atomic.Bool // OnDelivery runs

	ctx    context.Context // of the calls; ends when Close gives up
	cancel context.CancelFunc
	done   chan struct{} // the sender has ended
	ended  chan struct{} // and the buffer is closed

	upBefore, downBefore uint64 // what the client had counted at New

	mu      sync.Mutex
	stats   Stats
	waiters []waiter
	closed  sync.Once
	lost    error // what Close returns
}

// waiter is a Flush: ch is closed when every entry up to index is finished.
type waiter struct {
	index uint64
	ch    chan struct{}
}

// New starts a producer. api is usually a *kinesis.Client; the error names every
// field of cfg that is wrong. New does not call Kinesis: a device may start
// offline. Close ends the one goroutine that New starts.
func New(api API, cfg Config) (*Producer, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(api); err != nil {
		return nil, err
	}
	types := cfg.schemas()
	if cfg.Buffer == nil {
		m, err := retry.NewMemory(retry.Options{MaxBytes: cfg.MaxMemory / 4 * 3})
		if err != nil {
			return nil, err
		}
		cfg.Buffer = m
	}
	for _, s := range cfg.schemas() {
		doc, err := s.MarshalJSON()
		if err == nil {
			err = cfg.Buffer.Define(s.Fingerprint(), doc)
		}
		if err != nil {
			return nil, fmt.Errorf("producer: schema %s: %w", s.Ref(), err)
		}
	}
	limit := max(cfg.Buffer.Ledger().Limit, 4)
	p := &Producer{cfg: cfg, api: api, buf: cfg.Buffer, types: types, done: make(chan struct{}), ended: make(chan struct{}),
		window: int(min(cfg.MaxMemory/8, maxWindow, limit/2)),
		leases: int(min(limit/2, math.MaxInt32)), // they cannot be evicted: the newer half can
		burst:  min(cfg.MaxMemory, limit) / 4}
	p.bell = newDoorbell(p.burst)
	p.scratch.New = func() any { b := make([]byte, 0, 512); return &b }
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.stats.Since = time.Now()
	p.upBefore, p.downBefore = socketBytes(api)
	go newSender(p).run()
	return p, nil
}

// Put accepts one record: v is the struct that Config.Schema was made of with
// record.SchemaOf, or a pointer to it. On nil the record is accepted, at the
// level the buffer promises, and will end delivered or reported lost under the
// id returned. v is copied. Put does not wait for the network; it waits, until
// ctx is done, only for room in a buffer whose policy is to block. Errors, after
// which nothing was accepted: a *record.ValidationError that names each field, a
// wrong type, retry.ErrFull, retry.ErrTooLarge, retry.ErrTooManyDevices, ErrClosed,
// ctx's error.
func (p *Producer) Put(ctx context.Context, v any) (record.ID, error) {
	schema, err := p.types.of(v)
	if err != nil {
		p.refused.Add(1)
		return record.ID{}, err
	}
	b := p.scratch.Get().(*[]byte)
	row, device, err := schema.AppendTyped((*b)[:0], v, time.Now())
	id, err := p.accept(ctx, device, row, err)
	p.putBack(b, row)
	return id, err
}

// PutRecord accepts one dynamic record, for gateways that relay what they do not
// know. r.ID.Device, if not "", is kept; Boot and Seq are assigned. When the
// producer has a schema and r.Schema is "" or names it, r must satisfy it;
// otherwise the readings are free-form. r is copied. For the rest it is as [Producer.Put].
func (p *Producer) PutRecord(ctx context.Context, r *record.Record) (record.ID, error) {
	b := p.scratch.Get().(*[]byte)
	row, err := record.AppendRecord((*b)[:0], p.types.named(r.Schema), r, time.Now())
	id, err := p.accept(ctx, r.ID.Device, row, err)
	p.putBack(b, row)
	return id, err
}

// PutBytes accepts data as it is, under a partition key and, if not "", an
// explicit hash key, for those who come from a KPL or want their own format. It
// is one user record: not compressed, and without an id in it, so consumers
// cannot tell a duplicate by one. The id returned is the one OnDelivery uses;
// its device is the producer's. data is copied; it may have 10 MiB with its key if the stream
// takes that (MaxRecordSizeInKiB), and no more than a quarter of the buffer. Data that is
// an aggregated record itself passes unharmed, except to a stream that takes no aggregates:
// there it ends Rejected, with the reason. For the rest it is as [Producer.Put].
func (p *Producer) PutBytes(ctx context.Context, partitionKey, explicitHashKey string, data []byte) (record.ID, error) {
	err := partition.CheckKey(partitionKey)
	if err == nil && explicitHashKey != "" {
		err = partition.CheckExplicitHashKey(explicitHashKey)
	}
	if n := len(data) + len(partitionKey); err == nil && n > mostRecordBytes {
		err = fmt.Errorf("producer: data and partition key have %d bytes, the limit is %d", n, mostRecordBytes)
	}
	b := p.scratch.Get().(*[]byte)
	row := *b
	if err == nil {
		row = appendOpaque((*b)[:0], partitionKey, explicitHashKey, data)
	}
	id, err := p.accept(ctx, "", row, err)
	p.putBack(b, row)
	return id, err
}

// putBack keeps the scratch slice unless a huge record made it huge.
func (p *Producer) putBack(b *[]byte, grown []byte) {
	if cap(grown) <= 64<<10 {
		*b = grown[:0]
	}
	p.scratch.Put(b)
}

func (p *Producer) accept(ctx context.Context, device string, row []byte, err error) (record.ID, error) {
	if device == "" {
		device = p.cfg.Device
	} else if err == nil {
		err = record.CheckDevice(device)
	}
	if p.bell.closing.Load() {
		err = ErrClosed
	}
	var boot, seq uint64
	if err == nil {
		boot, seq, err = p.buf.Append(ctx, device, row)
	}
	if err != nil {
		p.refused.Add(1)
		if errors.Is(err, retry.ErrClosed) {
			err = ErrClosed
		}
		return record.ID{}, err
	}
	p.bell.put(int64(len(row) + retry.EntryOverhead))
	return record.ID{Device: device, Boot: boot, Seq: seq}, nil
}

// Sync returns when every record put before is on stable storage or delivered. A
// buffer in memory has none: then the error is retry.ErrVolatile. While the disk
// is in trouble it is retry.ErrDegraded or retry.ErrFull.
func (p *Producer) Sync(ctx context.Context) error { return p.buf.Sync(ctx) }

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
	p.mu.Lock()
	p.waiters = append(p.waiters, w)
	p.mu.Unlock()
	p.bell.hurry.Store(true)
	p.bell.ring()
	select {
	case <-w.ch:
		return nil
	case <-ctx.Done():
	case <-p.done:
	}
	p.mu.Lock()
	p.waiters = slices.DeleteFunc(p.waiters, func(o waiter) bool { return o.ch == w.ch })
	p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if first, _ := p.buf.Span(); first <= w.index {
		return ErrClosed
	}
	return nil
}

// releaseWaiters ends the flushes that are done and returns the highest index
// that one still waits for, 0 for none.
func (p *Producer) releaseWaiters() (flushTo uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiters) == 0 {
		return 0
	}
	first, _ := p.buf.Span()
	p.waiters = slices.DeleteFunc(p.waiters, func(w waiter) bool {
		if w.index < first {
			close(w.ch)
			return true
		}
		flushTo = max(flushTo, w.index)
		return false
	})
	return flushTo
}

// Close refuses further Puts, sends what is buffered until ctx is done, and closes
// the buffer. One on disk keeps the rest for the next start, and Close returns nil. What
// a buffer in memory, or one whose disk fails, then loses, Close reports through
// OnDelivery and returns as a *LostError. Close may be called more
// than once; every call returns the same, but for one whose ctx is done while an
// OnDelivery still runs: it returns ctx's error, and the buffer is closed when that returns.
func (p *Producer) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, p.cancel) // each call's context counts: the first may have had patience
	defer stop()
	p.closed.Do(func() {
		p.bell.closing.Store(true)
		p.bell.hurry.Store(true)
		p.bell.ring()
		go p.finish()
	})
	select {
	case <-p.ended:
		return p.lost
	case <-ctx.Done():
	}
	// The sender ends at once and the buffer is closed, unless an OnDelivery holds them up.
	for held := 0; held < 4; {
		select {
		case <-p.ended:
			return p.lost
		case <-time.After(50 * time.Millisecond):
			if held++; !p.reporting.Load() {
				held = 0
			}
		}
	}
	return fmt.Errorf("producer: Close: a call of OnDelivery has not returned: %w", ctx.Err())
}

// finish closes the buffer when the sender has ended.
func (p *Producer) finish() {
	defer close(p.ended)
	<-p.done
	p.cancel()
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
	p.lost = err
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
