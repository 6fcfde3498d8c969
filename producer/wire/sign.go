package wire

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// needed are the headers that the service reads. The SDK sends more: an id of the
// call and a count of the attempts, both new each time, which header compression
// cannot spare, and 120 bytes of user agent.
var needed = map[string]bool{"Content-Type": true, "X-Amz-Target": true}

// userAgent is what AWS finds in its logs: eight bytes a connection, and one a
// request.
var userAgent = []string{"rivulet"}

// sparingSigner signs with as few headers as Signature Version 4 allows: host,
// content-type and x-amz-*, and takes away those that nobody needs. The length is
// not signed; the hash of the body, which is, covers it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
//
// The signer comes after everything in the SDK that sets headers, and runs again
// for each attempt.
type sparingSigner struct {
	kinesis.HTTPSignerV4
	clock *clock
}

func (s sparingSigner) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time, optFns ...func(*v4.SignerOptions)) error {
	at = s.clock.signing(at)
	if !formOf(ctx).plain {
		for name := range r.Header {
			if !needed[name] {
				delete(r.Header, name)
			}
		}
		r.Header["User-Agent"] = userAgent
		length := r.ContentLength
		r.ContentLength = -1
		defer func() { r.ContentLength = length }()
	}
	return s.HTTPSignerV4.SignHTTP(ctx, c, r, payloadHash, service, region, at, optFns...)
}
