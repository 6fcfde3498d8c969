package producer

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/internal/kpl"
)

// entry is one record of a PutRecords call: one frame as it is, or an aggregate
// of several.
type entry struct {
	frames []*frame
	shard  string // where we think it goes, "" if we cannot tell
	size   int    // of data, exact
	agg    *kpl.Builder
}

func (e *entry) first() *frame { return e.frames[0] }

// bytes is what the entry counts against the limits: data and partition key.
func (e *entry) bytes() int { return e.size + len(e.first().key) }

func (e *entry) build() types.PutRecordsRequestEntry {
	f := e.first()
	// An aggregate goes under the key of its first frame: all its frames hash to
	// the same shard, so any of their keys is honest, and a real key spreads
	// consumers that work per key, which a constant would not.
	out := types.PutRecordsRequestEntry{PartitionKey: &f.key, Data: f.data}
	if f.ehk != "" {
		out.ExplicitHashKey = aws.String(f.ehk)
	}
	if len(e.frames) > 1 {
		out.Data = e.agg.AppendTo(make([]byte, 0, e.size))
	}
	return out
}

// pack chooses what the next call carries. Frames of one key keep their order: a
// key has at most one entry in a call, since Kinesis may store a call's entries
// in any order and may refuse any of them, and a frame that has to wait holds
// back those of its key behind it. When nothing may be sent now, it returns how
// long until something may.
func (s *sender) pack(now time.Time) (entries []*entry, wait time.Duration) {
	held := map[string]bool{}
	byKey := map[string]*entry{}
	type target struct {
		shard    string
		explicit bool // an aggregate has explicit hash keys on all of its records or on none
	}
	open := map[target]*entry{}
	wait = time.Hour
	total, frames := 0, 0
	hold := func(f *frame, d time.Duration) {
		held[f.key] = true
		wait = min(wait, max(d, time.Millisecond))
	}
	for _, f := range s.out {
		if held[f.key] {
			continue
		}
		if d := f.notBefore.Sub(now); d > 0 {
			hold(f, d)
			continue
		}
		if frames >= s.search.maxFrames {
			hold(f, 0)
			continue
		}
		shard := s.stream.predict(f.hash)
		size := len(f.data) + len(f.key)
		e, mine := open[target{shard, f.ehk != ""}], byKey[f.key]
		joins := e != nil && s.stream.aggregate && (mine == nil || mine == e) && e.fits(f, s.stream.recordBytes)
		if total+size > min(maxRequestBytes, s.size.call) && len(entries) > 0 {
			break
		}
		if !joins && (mine != nil || len(entries) == maxRequestRecords) {
			hold(f, 0)
			continue
		}
		if pc := s.stream.pace(shard); pc != nil {
			records := 1
			if joins {
				records = 0
			}
			if d := pc.wait(now, size, records); d > 0 {
				hold(f, d)
				continue
			}
		}
		if joins {
			before := e.bytes()
			if !e.add(f) {
				hold(f, 0)
				continue
			}
			total += e.bytes() - before
		} else {
			e = &entry{frames: []*frame{f}, shard: shard, size: len(f.data)}
			open[target{shard, f.ehk != ""}] = e
			entries = append(entries, e)
			total += e.bytes()
		}
		byKey[f.key] = e
		frames++
	}
	return entries, wait
}

// fits tells whether f can join the entry's aggregate without making it larger
// than an aggregate is filled to, or than the stream takes.
func (e *entry) fits(f *frame, recordBytes int) bool {
	limit := min(aggregateBytes, recordBytes) - len(e.first().key)
	if e.size+len(f.data) > limit {
		return false
	}
	if e.agg == nil {
		b := new(kpl.Builder)
		if b.Add(userRecord(e.first())) != nil {
			return false
		}
		e.agg = b
	}
	return e.agg.SizeWith(userRecord(f)) <= limit
}

func (e *entry) add(f *frame) bool {
	if e.agg.Add(userRecord(f)) != nil {
		return false
	}
	e.frames = append(e.frames, f)
	e.size = e.agg.Size()
	return true
}

func userRecord(f *frame) kpl.UserRecord {
	return kpl.UserRecord{PartitionKey: f.key, ExplicitHashKey: f.ehk, Data: f.data}
}
