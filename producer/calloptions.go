package producer

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// newCallOptions returns what a producer changes about each of its calls, whatever
// client it was given. The function keeps what is known from one call to the next:
// make one for a producer's life.
func newCallOptions() func(*kinesis.Options) {
	return func(o *kinesis.Options) {
		// A retry inside the SDK would hide duplicates from the ledger and wait where
		// nobody can wake it.
		o.Retryer = aws.NopRetryer{}
	}
}
