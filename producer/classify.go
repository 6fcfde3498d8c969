package producer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

var (
	errEmptyAnswer = errors.New("producer: the answer is empty")
	errWrongCount  = errors.New("producer: the answer does not have one result for each record")
)

// classify returns the code, as the failure table spells it, of a call that
// failed.
func classify(err error) string {
	var (
		api       smithy.APIError
		resp      *smithyhttp.ResponseError
		dns       *net.DNSError
		op        *net.OpError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		header    tls.RecordHeaderError
		deser     *smithy.DeserializationError
		signing   *smithy.SerializationError
		params    smithy.InvalidParamsError
	)
	switch {
	case errors.Is(err, errEmptyAnswer):
		return failure.CodeEmptyResponse
	case errors.Is(err, errWrongCount):
		return failure.CodeWrongCount
	case errors.As(err, &api) && api.ErrorCode() != "" && api.ErrorCode() != "UnknownError":
		return api.ErrorCode()
	case errors.As(err, &resp) && resp.HTTPStatusCode() >= 300:
		return failure.CodeForStatus(resp.HTTPStatusCode())
	case errors.As(err, &deser):
		return failure.CodeEmptyResponse // 200, but not an answer
	case errors.As(err, &params): // by the SDK, before anything was sent
		return "ValidationException"
	case errors.As(err, &signing):
		return failure.CodeNotSent
	case errors.As(err, &dns):
		return failure.CodeDNS
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failure.CodeTLSNotValidNow
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &header):
		return failure.CodeTLSUntrusted
	case errors.As(err, &op) && op.Op == "dial":
		return failure.CodeRefused
	case strings.Contains(err.Error(), "get identity:"), strings.Contains(err.Error(), "failed to refresh cached credentials"):
		// The SDK has no type for "no credentials"; the words are its own.
		return "MissingAuthenticationTokenException"
	case errors.Is(err, context.DeadlineExceeded):
		return failure.CodeTimeout
	}
	return failure.CodeReset
}
