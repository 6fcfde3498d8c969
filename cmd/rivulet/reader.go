package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

const (
	// A shard takes five GetRecords a second, from all its readers together; who
	// is at the tip is asked to wait for one second.
	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
	readInterval = 250 * time.Millisecond
	pollInterval = time.Second

	// maxPages is how many pages of records, of at most 10 MiB each, are fetched or
	// wait to be printed. That bounds the memory.
	maxPages = 4

	callTimeout = 2 * time.Minute
	maxBackoff  = 10 * time.Second
	maxFailures = 8 // in a row, of one shard, before a reader that doesn't follow gives up
)

// reader reads all shards of a stream. In a shard it keeps the order, and it reads
// the parents of a shard to their end before the shard itself: so the records of
// one partition key come in order, whatever splits and merges there were.
type reader struct {
	client  *kinesis.Client
	stream  string
	from    position
	follow  bool
	perCall int32                // most records a call
	notice  func(message string) // for calls that keep failing

	started time.Time
	shards  []*shard // in the order they were found
	byID    map[string]*shard
}

// position is where reading begins.
type position struct {
	kind types.ShardIteratorType // TRIM_HORIZON, LATEST or AT_TIMESTAMP
	at   time.Time               // of AT_TIMESTAMP
}

type shard struct {
	id       string
	parents  []string
	start    position
	closed   bool    // as far as known
	iterator *string // nil: to be asked for
	last     string  // sequence number of the last record read
	busy     bool    // a call is under way
	done     bool    // there is nothing more to read, or, without follow, nothing yet
	due      time.Time
	failures int
}

// page is the outcome of reading once from a shard. After an error, iterator is
// the one to try again with.
type page struct {
	shard    *shard
	at       time.Time // when it was asked for
	records  []types.Record
	iterator *string       // nil: the shard has ended
	children []types.Shard // of a shard that has ended
	tip      bool          // there was nothing more to read
	err      error
}

// read calls fn with the records of each page, page by page. It returns nil when
// all shards have been read, ctx's error, an error of fn as it is, or what keeps
// it from reading.
func (r *reader) read(ctx context.Context, fn func(shard string, records []types.Record) error) error {
	r.started = time.Now()
	r.byID = make(map[string]*shard)
	found, err := r.list(ctx)
	if err != nil {
		return err
	}
	for _, s := range found {
		start := r.from
		if r.from.kind == types.ShardIteratorTypeLatest && closed(s) {
			start = position{}
		}
		r.add(s, start)
	}

	ctx, cancel := context.WithCancel(ctx)
	pages := make(chan page, maxPages) // room for all: a fetcher never waits
	var fetchers sync.WaitGroup
	defer fetchers.Wait()
	defer cancel()
	for busy := 0; ; {
		next := r.next()
		if next == nil && busy == 0 {
			return nil
		}
		var due <-chan time.Time
		if next != nil && busy < maxPages {
			wait := time.Until(next.due)
			if wait <= 0 && ctx.Err() == nil {
				next.busy = true
				busy++
				snapshot := *next
				fetchers.Go(func() { pages <- r.fetch(ctx, next, snapshot) })
				continue
			}
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-due:
		case p := <-pages:
			busy--
			p.shard.busy = false
			if err := r.take(p, fn); err != nil {
				return err
			}
		}
	}
}

// add takes note of a shard; one to be read from nowhere is only a parent.
func (r *reader) add(s types.Shard, start position) {
	id := deref(s.ShardId)
	if r.byID[id] != nil {
		return
	}
	sh := &shard{id: id, start: start, done: start.kind == "", closed: closed(s)}
	for _, p := range []*string{s.ParentShardId, s.AdjacentParentShardId} {
		if p != nil && *p != "" {
			sh.parents = append(sh.parents, *p)
		}
	}
	r.byID[id] = sh
	r.shards = append(r.shards, sh)
}

func closed(s types.Shard) bool {
	return s.SequenceNumberRange != nil && deref(s.SequenceNumberRange.EndingSequenceNumber) != ""
}

// next returns the shard that is to be read next, among those that are not being
// read; nil if there is none.
func (r *reader) next() (next *shard) {
	for _, sh := range r.shards {
		if !sh.busy && !sh.done && (next == nil || sh.due.Before(next.due)) && r.parentsDone(sh) {
			next = sh
		}
	}
	return next
}

// parentsDone: parents that are not known have expired with all their records.
func (r *reader) parentsDone(sh *shard) bool {
	for _, id := range sh.parents {
		if p := r.byID[id]; p != nil && !p.done {
			return false
		}
	}
	return true
}

// take passes a page on and decides when its shard is read again.
func (r *reader) take(p page, fn func(string, []types.Record) error) error {
	sh := p.shard
	if p.err != nil {
		sh.failures++
		sh.iterator = p.iterator
		if !temporary(p.err) || !r.follow && sh.failures > maxFailures {
			return p.err
		}
		wait := min(time.Second<<min(sh.failures-1, 10), maxBackoff)
		if sh.failures == 3 {
			r.notice(fmt.Sprintf("%s: still trying: %v", sh.id, p.err))
		}
		sh.due = time.Now().Add(wait)
		return nil
	}
	sh.failures = 0
	sh.iterator = p.iterator
	if n := len(p.records); n > 0 {
		sh.last = deref(p.records[n-1].SequenceNumber)
		if err := fn(sh.id, p.records); err != nil {
			return err
		}
	}
	sh.due = p.at.Add(readInterval)
	switch {
	case p.iterator == nil:
		sh.done = true
		for _, c := range p.children {
			r.add(c, position{kind: types.ShardIteratorTypeTrimHorizon})
		}
	case p.tip && r.follow:
		sh.due = p.at.Add(pollInterval)
	case p.tip:
		// A closed shard ends with a nil iterator; if one doesn't, being at the tip must do.
		sh.done = true
	}
	return nil
}
