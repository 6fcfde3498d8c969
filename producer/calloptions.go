package producer

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/rivulet-iot/rivulet/producer/internal/guard"
)

// newCallOptions returns what a producer changes about each of its calls, whatever
// client it was given. The function keeps what has to be known from one call to the
// next: make one for a producer's life.
func newCallOptions() func(*kinesis.Options) {
	g := guard.New()
	return func(o *kinesis.Options) {
		// A retry inside the SDK would hide duplicates from the ledger and wait where
		// nobody can wake it.
		o.Retryer = aws.NopRetryer{}
		g.Options(o)
	}
}
