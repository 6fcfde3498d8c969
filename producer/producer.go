package producer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

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
	bounds  bounds
	scratch sync.Pool

	bell    *doorbell
	flushes flushes
	figures figures
	life    life
}

// bounds are what may be in memory, in bytes.
type bounds struct {
	window int   // of rows, with overhead, that are framed at a time, and of the frames that wait to be sent
	leases int   // of the buffer that may be leased
	burst  int64 // of rows, with overhead, that may be put before some are sent
}

func boundsOf(memory, limit int64) bounds {
	return bounds{
		window: int(min(memory/8, maxWindow, limit/2)),
		leases: int(min(limit/2, math.MaxInt32)), // they cannot be evicted: the newer half can
		burst:  min(memory, limit) / 4,
	}
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
	for _, s := range types {
		doc, err := s.MarshalJSON()
		if err == nil {
			err = cfg.Buffer.Define(s.Fingerprint(), doc)
		}
		if err != nil {
			return nil, fmt.Errorf("producer: schema %s: %w", s.Ref(), err)
		}
	}
	p := &Producer{cfg: cfg, api: api, buf: cfg.Buffer, types: types, life: newLife(), figures: newFigures(api),
		bounds: boundsOf(cfg.MaxMemory, max(cfg.Buffer.Ledger().Limit, 4))}
	p.bell = newDoorbell(p.bounds.burst)
	p.scratch.New = func() any { b := make([]byte, 0, 512); return &b }
	p.recallTime()
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
		p.figures.refused.Add(1)
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
		p.figures.refused.Add(1)
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
