package producer

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// mostTimeouts is how many times the RequestTimeout a call gets that carries one
// large record over a slow link.
const mostTimeouts = 10

// put makes one call of PutRecords and returns the answer. usual is how many bytes a call
// carries over this link.
func (r remote) put(ctx context.Context, entries []*entry, usual int) *answer {
	in := &kinesis.PutRecordsInput{Records: make([]types.PutRecordsRequestEntry, len(entries))}
	in.StreamName, in.StreamARN = r.cfg.target()
	for i, e := range entries {
		in.Records[i] = e.build()
	}
	timeout := r.cfg.RequestTimeout
	if n := entries[0].bytes() / usual; len(entries) == 1 && n > 0 {
		// One record that cannot be split, larger than this link takes in one
		// timeout: it gets more, or it would block the rest for ever.
		timeout *= time.Duration(min(n+1, mostTimeouts))
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out, err := r.api.PutRecords(ctx, in, r.opts)
	switch {
	case err != nil:
	case out == nil || len(out.Records) == 0:
		err = errEmptyAnswer
	case len(out.Records) != len(entries):
		err = fmt.Errorf("%w: %d for %d", errWrongCount, len(out.Records), len(entries))
	}
	if err != nil {
		return &answer{rule: classify(err), err: err}
	}
	return &answer{results: out.Records}
}
