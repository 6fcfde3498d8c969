package producer

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/internal/kpl"
)

// entry is one record of a PutRecords call: one frame as it is, or an aggregate.
type entry struct {
	frames []*frame
	shard  string // where we think it goes, "" if we cannot tell
	size   int    // of data, exact
	agg    *kpl.Builder
}

func (e *entry) first() *frame { return e.frames[0] }

// aggregate reports whether the entry is an aggregated record.
func (e *entry) aggregate() bool { return len(e.frames) > 1 || e.first().nested }

// bytes is what the entry counts against the limits: data and partition key.
func (e *entry) bytes() int { return e.size + len(e.first().key) }

// shared reports whether frames of several partition keys share the entry.
func (e *entry) shared() bool {
	return slices.ContainsFunc(e.frames, func(f *frame) bool { return f.key != e.first().key })
}

// records returns how many records the entry carries.
func (e *entry) records() (n int) {
	for _, f := range e.frames {
		n += f.records
	}
	return n
}

func (e *entry) build() types.PutRecordsRequestEntry {
	f := e.first()
	// An aggregate goes under the key of its first frame: all its frames hash to
	// the same shard, so any of their keys is honest, and a real key spreads
	// consumers that work per key, which a constant would not.
	out := types.PutRecordsRequestEntry{PartitionKey: &f.key, Data: f.data}
	if f.ehk != "" {
		out.ExplicitHashKey = aws.String(f.ehk)
	}
	if e.aggregate() {
		out.Data = e.agg.AppendTo(make([]byte, 0, e.size))
	}
	return out
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
