package producer

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/partition"
)

// verdict is what an answer means for one entry of a call.
type verdict uint8

const (
	delivered verdict = iota // Kinesis stored it, where it belongs
	again                    // it may have been stored, and has to be sent again
	hold                     // it was not stored: wait, then send it again
	refused                  // it was refused for what it is
	tooLarge                 // it was refused for its size, together with others
)

// judged is an entry with its verdict.
type judged struct {
	*entry
	verdict verdict
	rule    failure.Rule // of the failure, unless delivered
	shard   string       // if delivered, as is seq
	seq     string
	err     error // the failure's own words
}

// answer is what came of a call. Either the call failed as a whole, with one rule
// and error for all entries, or each entry has a result of its own.
type answer struct {
	results []types.PutRecordsResultEntry
	rule    failure.Rule // of the call's failure
	err     error        // nil: the call was answered
}

// moved reports whether an entry was stored on another shard than predicted.
func (a *answer) moved(entries []*entry) bool {
	for i := range a.results {
		if e := entries[i]; e.shard != "" && a.elsewhere(i, e.shard) {
			return true
		}
	}
	return false
}

// movedFrom reports whether an entry was stored on another shard than predict says now.
func (a *answer) movedFrom(entries []*entry, predict func(partition.Hash) string) bool {
	for i := range a.results {
		if a.elsewhere(i, predict(entries[i].first().hash)) {
			return true
		}
	}
	return false
}

func (a *answer) elsewhere(i int, shard string) bool {
	r := &a.results[i]
	return aws.ToString(r.SequenceNumber) != "" && aws.ToString(r.ShardId) != shard
}

// judge gives each entry its verdict. belongs reports whether all frames of an entry
// hash into the shard of that name, as far as the shards are known. FailedRecordCount is
// not looked at: the results themselves say it.
func judge(entries []*entry, a *answer, belongs func(e *entry, shard string) bool) []judged {
	out := make([]judged, len(entries))
	whole := verdict(0)
	if a.err != nil {
		records, bytes := 0, 0
		for _, e := range entries {
			records += e.records()
			bytes += e.bytes()
		}
		whole = blame(ofClass(a.rule.Class), records, bytes)
	}
	for i, e := range entries {
		if a.err != nil {
			out[i] = judged{entry: e, verdict: whole, rule: a.rule, err: a.err}
			continue
		}
		out[i] = judgeEntry(e, &a.results[i], belongs)
	}
	return out
}

// codeMoved is the code of an aggregate that was stored on a wrong shard.
const codeMoved = "moved"

func judgeEntry(e *entry, r *types.PutRecordsResultEntry, belongs func(e *entry, shard string) bool) judged {
	seq, shard, code := aws.ToString(r.SequenceNumber), aws.ToString(r.ShardId), aws.ToString(r.ErrorCode)
	switch {
	case code != "":
		rule := failure.Lookup(code)
		v := blame(ofClass(rule.Class), e.records(), e.bytes())
		if v == again { // an entry that was answered for was not stored
			v = hold
		}
		return judged{entry: e, verdict: v, rule: rule, err: fmt.Errorf("%s: %s", code, aws.ToString(r.ErrorMessage))}
	case seq == "":
		return judged{entry: e, verdict: again, rule: failure.Lookup(failure.CodeEmptyResponse), err: errEmptyAnswer}
	case len(e.frames) > 1 && shard != e.shard && !belongs(e, shard):
		// A consumer that checks hash ranges drops the whole aggregate, silently: all
		// of its frames are sent again. One that does not check will see them twice.
		return judged{entry: e, verdict: again, shard: shard, rule: failure.Rule{Code: codeMoved}}
	}
	return judged{entry: e, verdict: delivered, shard: shard, seq: seq}
}

// blame decides who is to blame when that many records, of so many bytes, were refused for their
// size: their sum, or, if there is little of it, a record.
func blame(v verdict, records, bytes int) verdict {
	if v == tooLarge && (records == 1 || bytes <= 2*probeBytes) {
		return refused
	}
	return v
}

// ofClass returns the verdict on what a failure of that class happened to.
func ofClass(c failure.Class) verdict {
	switch c {
	case failure.Unknown:
		return again
	case failure.Bisect:
		return refused
	case failure.TooLarge:
		return tooLarge
	}
	return hold
}
