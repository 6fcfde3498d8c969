package producer

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/retry"
)

// mostTimeouts is how many times the RequestTimeout a call gets that carries one
// large record over a slow link.
const mostTimeouts = 10

// send makes one call and deals with its answer.
func (s *sender) send(entries []*entry) {
	in := &kinesis.PutRecordsInput{StreamName: &s.cfg.Stream, Records: make([]types.PutRecordsRequestEntry, len(entries))}
	again := uint64(0)
	for i, e := range entries {
		in.Records[i] = e.build()
		for _, f := range e.frames {
			f.attempts++
			again += uint64(f.again)
		}
	}
	timeout := s.cfg.RequestTimeout
	if n := entries[0].bytes() / s.size.call; len(entries) == 1 && n > 0 {
		// One record that cannot be split, larger than what this link takes in
		// one timeout: it gets more, or it would block the rest for ever.
		timeout *= time.Duration(min(n+1, mostTimeouts))
	}
	ctx, cancel := context.WithTimeout(s.p.ctx, timeout)
	out, err := s.p.api.PutRecords(ctx, in, s.options)
	cancel()
	s.p.count(func(st *Stats) { st.Requests++; st.DuplicatesSent += again })
	switch {
	case err != nil:
	case out == nil || len(out.Records) == 0:
		err = errEmptyAnswer
	case len(out.Records) != len(entries):
		err = fmt.Errorf("%w: %d for %d", errWrongCount, len(out.Records), len(entries))
	}
	now := time.Now()
	if err != nil {
		s.callFailed(now, entries, err)
		return
	}
	s.answered(now)
	s.results(now, entries, out.Records)
}

// results deals with each entry's result. FailedRecordCount is not looked at: the
// results themselves say it.
func (s *sender) results(now time.Time, entries []*entry, results []types.PutRecordsResultEntry) {
	done := map[*frame]bool{}
	var landedWrong, refused []int
	moved, stored := false, 0
	var failed types.PutRecordsResultEntry // one of them
	for i, e := range entries {
		r := &results[i]
		seq, shard := aws.ToString(r.SequenceNumber), aws.ToString(r.ShardId)
		switch {
		case r.ErrorCode != nil && *r.ErrorCode != "":
			failed = *r
			if c := failure.Lookup(*r.ErrorCode).Class; c == failure.Bisect || c == failure.TooLarge {
				refused = append(refused, i)
			} else {
				s.entryFailed(now, e, *r.ErrorCode)
			}
		case seq == "":
			s.unknown(e)
			s.holdBack(now, e, failure.Lookup(failure.CodeEmptyResponse))
		default:
			stored++
			s.accepted(e)
			moved = moved || shard != e.shard && e.shard != ""
			if shard != e.shard && len(e.frames) > 1 {
				landedWrong = append(landedWrong, i)
				continue
			}
			if pc := s.stream.pace(e.shard); pc != nil {
				pc.worked()
			}
			s.delivered(e, shard, seq, done)
		}
	}
	if moved {
		s.lookAgain(now)
	}
	for _, i := range landedWrong {
		e, shard := entries[i], aws.ToString(results[i].ShardId)
		if s.allBelong(e, shard) {
			s.delivered(e, shard, aws.ToString(results[i].SequenceNumber), done)
			continue
		}
		// A consumer that checks hash ranges drops the whole aggregate, so all of
		// its frames are sent again; one that does not will see them twice.
		s.unknown(e)
		if !s.stream.aggregate {
			s.holdBack(now, e, failure.Lookup("InternalFailure"))
		}
	}
	s.remove(done)
	if stored > 0 {
		s.proved()
		s.p.setState(Online, "", "", nil)
	} else if failed.ErrorCode != nil {
		rule := failure.Lookup(*failed.ErrorCode)
		s.p.setState(Backoff, rule.Code, rule.Advice, entryError(failed))
	}
	for _, i := range refused {
		e := entries[i]
		if stored > 0 && len(e.frames) == 1 && e.first().single() {
			s.giveUp(e.first(), retry.Rejected, entryError(results[i]))
			s.remove(map[*frame]bool{e.first(): true})
			continue
		}
		s.refused(now, []*entry{e}, failure.Lookup(*results[i].ErrorCode), entryError(results[i]))
		return // what is left of the call may be gone from the queue; it will be refused again
	}
}

func entryError(r types.PutRecordsResultEntry) error {
	return fmt.Errorf("%s: %s", aws.ToString(r.ErrorCode), aws.ToString(r.ErrorMessage))
}

// accepted counts an entry that Kinesis stored.
func (s *sender) accepted(e *entry) {
	s.p.count(func(st *Stats) {
		st.KinesisRecords++
		st.UserRecords += uint64(len(e.frames))
		st.PayloadBytes += uint64(e.size)
		st.PayloadUnits += payloadUnits(e.bytes())
	})
}

// delivered finishes the frames of an entry and reports them.
func (s *sender) delivered(e *entry, shard, seq string, done map[*frame]bool) {
	for _, f := range e.frames {
		s.finish(f, retry.Delivered)
		done[f] = true
		s.cfg.OnDelivery(Delivery{IDs: f.ids.list, PartitionKey: f.key, Shard: shard, SequenceNumber: seq, Attempts: f.attempts})
	}
}

// allBelong tells whether every frame of an aggregate hashes into the shard it
// landed on. A shard that is not in the map does not count as belonging.
func (s *sender) allBelong(e *entry, id string) bool {
	if s.stream.shards == nil {
		return false
	}
	sh, ok := s.stream.shards.ByID(id)
	for _, f := range e.frames {
		ok = ok && sh.Range.Contains(f.hash)
	}
	return ok
}

// unknown marks the records of an entry as maybe stored.
func (s *sender) unknown(e *entry) {
	for _, f := range e.frames {
		f.again = f.records
	}
}

// entryFailed deals with an entry that failed inside a 200.
func (s *sender) entryFailed(now time.Time, e *entry, code string) {
	rule := failure.Lookup(code)
	s.p.count(func(st *Stats) {
		if rule.Class == failure.Throttle {
			st.Throttled++
		} else {
			st.Failed++
		}
	})
	if pc := s.stream.pace(e.shard); pc != nil && rule.Class == failure.Throttle {
		pc.throttled()
	}
	s.holdBack(now, e, rule)
}

// holdBack keeps the frames of an entry from being sent for a while; those of
// the same keys behind them wait too.
func (s *sender) holdBack(now time.Time, e *entry, rule failure.Rule) {
	if rule.Min == 0 {
		rule.Min, rule.Max = time.Second, time.Minute
	}
	f := e.first()
	f.backoff.Min, f.backoff.Max = rule.Min, rule.Max
	d := f.backoff.Next()
	for _, g := range e.frames {
		g.backoff, g.notBefore = f.backoff, now.Add(d)
	}
}
