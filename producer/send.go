package producer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/retry"
)

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
	ctx, cancel := context.WithTimeout(s.p.ctx, s.cfg.RequestTimeout)
	out, err := s.p.api.PutRecords(ctx, in, noRetries)
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
	s.recovered(now)
	s.results(now, entries, out.Records)
}

// results deals with each entry's result. FailedRecordCount is not looked at: the
// results themselves say it.
func (s *sender) results(now time.Time, entries []*entry, results []types.PutRecordsResultEntry) {
	done := map[*frame]bool{}
	moved := false // something landed where we did not expect it
	var landedWrong []int
	for i, e := range entries {
		r := &results[i]
		code, seq, shard := aws.ToString(r.ErrorCode), aws.ToString(r.SequenceNumber), aws.ToString(r.ShardId)
		switch {
		case code != "":
			s.entryFailed(now, e, code, aws.ToString(r.ErrorMessage), done)
		case seq == "":
			s.unknown(e)
			s.holdBack(now, e, retry.Lookup(retry.CodeEmptyResponse))
		default:
			moved = moved || shard != e.shard && e.shard != ""
			if shard != e.shard && len(e.frames) > 1 {
				landedWrong = append(landedWrong, i)
				s.accepted(e)
				continue
			}
			if pc := s.stream.pace(e.shard); pc != nil {
				pc.worked()
			}
			s.accepted(e)
			s.delivered(e, shard, seq, done)
		}
	}
	if moved {
		// The stream was resharded, or switched to AUTO.
		if err := s.look(); err != nil {
			s.stream.asked, s.stream.aggregate, s.stream.shards = false, false, nil
		}
	}
	for _, i := range landedWrong {
		shard, seq := aws.ToString(results[i].ShardId), aws.ToString(results[i].SequenceNumber)
		if s.allBelong(entries[i], shard) {
			s.delivered(entries[i], shard, seq, done)
			continue
		}
		// A consumer that checks hash ranges drops the whole aggregate, so all of
		// its frames are sent again; one that does not will see them twice.
		s.unknown(entries[i])
	}
	s.remove(done)
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

// entryFailed deals with an entry that was refused inside a 200.
func (s *sender) entryFailed(now time.Time, e *entry, code, message string, done map[*frame]bool) {
	rule := retry.Lookup(code)
	if rule.Class == retry.Bisect && len(e.frames) == 1 && s.single(e.first()) {
		s.giveUp(e.first(), retry.Rejected, fmt.Errorf("%s: %s", code, message))
		done[e.first()] = true
		return
	}
	s.p.count(func(st *Stats) {
		if rule.Class == retry.Throttle {
			st.Throttled++
		} else {
			st.Failed++
		}
	})
	if pc := s.stream.pace(e.shard); pc != nil && rule.Class == retry.Throttle {
		pc.throttled()
	}
	s.holdBack(now, e, rule)
}

// single tells whether a frame cannot be split.
func (s *sender) single(f *frame) bool { return f.opaque || f.records == 1 }

// holdBack keeps the frames of an entry from being sent for a while; those of
// the same keys behind them wait too.
func (s *sender) holdBack(now time.Time, e *entry, rule retry.Rule) {
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

// recovered ends a run of failures. After an outage of a minute or more the drain
// begins after a random wait, so that the devices behind one cell tower or one
// endpoint do not all begin at once; a Flush does not wait.
func (s *sender) recovered(now time.Time) {
	f := &s.failing
	if out := now.Sub(f.since); f.rule.Class == retry.Offline && out >= time.Minute && s.flush < s.read {
		s.until = now.Add(rand.N(min(out/10, s.cfg.FlushInterval, 30*time.Second) + 1))
	}
	s.failing, s.failures, s.worked = failing{}, 0, true
	if f := s.suspect; f != nil { // another call has worked, so it was the record
		s.suspect = nil
		s.maxFrames, s.maxRecords = noFrameLimit, noFrameLimit
		s.giveUp(f, retry.Rejected, s.suspicion)
		s.remove(map[*frame]bool{f: true})
	}
	s.p.setState(Online, "", "", nil)
}

// callFailed deals with a call of PutRecords that failed as a whole.
func (s *sender) callFailed(now time.Time, entries []*entry, err error) {
	rule := retry.Lookup(classify(err))
	s.p.count(func(st *Stats) {
		st.Failed += uint64(len(entries))
		if rule.Class == retry.Unknown {
			st.Unknown++
		}
	})
	if rule.Class == retry.Unknown {
		for _, e := range entries {
			s.unknown(e)
		}
	}
	if rule.Class == retry.Bisect {
		s.bisect(now, entries, rule, err)
		return
	}
	if rule.Class == retry.Throttle {
		for _, e := range entries {
			if pc := s.stream.pace(e.shard); pc != nil {
				pc.throttled()
			}
		}
	}
	s.backOff(now, rule, err)
}

// lookFailed deals with a failed question about the stream. One that we may not
// ask, or whose answer makes no sense, is no reason not to send.
func (s *sender) lookFailed(now time.Time, err error) {
	rule := retry.Lookup(classify(err))
	switch {
	case rule.Code == "AccessDeniedException", rule.Code == "UnknownOperationException", rule.Code == retry.CodeEmptyResponse,
		rule.Class == retry.Bisect, rule.Class == retry.Ready:
		s.stream.asked = true
		s.cfg.Logger.Info("not aggregating: the stream cannot be described", "stream", s.cfg.Stream, "error", err)
	default:
		s.backOff(now, rule, err)
	}
}

// backOff waits as the rule says, and gives the leases back when it is not the
// first failure in a row.
func (s *sender) backOff(now time.Time, rule retry.Rule, err error) {
	f := &s.failing
	if f.rule.Code != rule.Code {
		*f = failing{rule: rule, backoff: rule.Backoff(), since: now, tried: f.tried}
	}
	s.failures++
	state := Backoff
	switch rule.Class {
	case retry.Offline:
		state = Offline
	case retry.Pause:
		state, f.paused = Paused, true
	case retry.Refresh, retry.Clock:
		if !f.tried {
			f.tried = true
			s.refreshCredentials()
			return // at once: the SDK has learnt the clock's offset from the answer
		}
		state, f.paused = Paused, true
	}
	if rule.Patience > 0 && now.Sub(f.since) > rule.Patience && !f.paused {
		f.paused, f.backoff = true, rule.PausedBackoff()
	}
	if f.paused {
		state = Paused
	}
	s.until = now.Add(f.backoff.Next())
	s.p.setState(state, rule.Code, rule.Advice, err)
	if s.failures > 1 {
		s.release()
	}
}

// refreshCredentials makes the SDK fetch new credentials before the next call.
func (s *sender) refreshCredentials() {
	c, ok := s.p.api.(interface{ Options() kinesis.Options })
	if !ok {
		return
	}
	if cache, ok := c.Options().Credentials.(interface{ Invalidate() }); ok {
		cache.Invalidate()
	}
}
