package producer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rivulet-iot/rivulet/internal/failure"
	"github.com/rivulet-iot/rivulet/producer/internal/guard"
)

var (
	errEmptyAnswer = &failure.Error{Code: failure.CodeEmptyResponse, Err: errors.New("producer: the answer is empty")}
	errWrongCount  = &failure.Error{Code: failure.CodeWrongCount, Err: errors.New("producer: the answer does not have one result for each record")}
)

// classify says what to do about a call that failed. Only a rule of class Unknown
// leaves open whether the call's records were stored.
func classify(err error) failure.Rule {
	var (
		known  *failure.Error
		api    smithy.APIError
		resp   *smithyhttp.ResponseError
		params smithy.InvalidParamsError
	)
	switch {
	case errors.As(err, &known):
		return failure.Lookup(known.Code)
	case errors.As(err, &api) && api.ErrorCode() != "" && api.ErrorCode() != "UnknownError":
		return refusal(api.ErrorCode(), api.ErrorMessage())
	case errors.As(err, &resp) && resp.HTTPStatusCode() > 0:
		return failure.Lookup(codeOfAnswer(resp))
	case errors.As(err, &params): // by the SDK, before anything was sent
		return failure.Lookup("ValidationException")
	}
	return failure.Lookup(codeOfConnection(err))
}

// tooSlow reports whether a call took longer than it had: a smaller one might not.
func tooSlow(rule failure.Rule) bool {
	return rule.Code == failure.CodeTimeout || rule.Code == failure.CodeTooSlow
}

// refusal is the rule for a code and message of AWS. Some codes are several
// failures, which only the message tells apart; the code stays AWS's own.
func refusal(code, message string) failure.Rule {
	rule := failure.Lookup(code)
	instead := ""
	switch {
	case strings.Contains(message, "scoped to a valid region"):
		instead = failure.CodeWrongRegion
	case strings.Contains(message, "scoped to correct service"):
		instead = failure.CodeNotKinesis
	case rule.Class == failure.Bisect && strings.Contains(message, "size exceeds"): // of all Records, not of one
		instead = failure.CodeHTTP413
	}
	if instead == "" {
		return rule
	}
	if r := failure.Lookup(instead); r.Class == failure.TooLarge {
		r.Code = rule.Code
		return r
	}
	return failure.Lookup(instead)
}

// codeOfAnswer is the code of an answer that is not one of AWS. The SDK wraps
// what it makes of it, which is of no use.
func codeOfAnswer(resp *smithyhttp.ResponseError) string {
	if resp.Response != nil && resp.Response.Response != nil {
		return failure.CodeForAnswer(resp.HTTPStatusCode(), resp.Response.Header.Get("Content-Type"), guard.RequestID(resp.Response.Header))
	}
	return failure.CodeForStatus(resp.HTTPStatusCode())
}

// codeOfConnection is the code of a call without an answer.
func codeOfConnection(err error) string {
	var (
		unsent    *failure.NotSent
		signing   *smithy.SerializationError
		dns       *net.DNSError
		op        *net.OpError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		header    tls.RecordHeaderError
	)
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case errors.As(err, &dns):
		return failure.CodeDNS
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failure.CodeTLSNotValidNow
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &header):
		return failure.CodeTLSUntrusted
	case errors.As(err, &op) && (op.Op == "proxyconnect" || op.Op == "socks connect"):
		return failure.CodeProxyUnreachable
	case errors.As(err, &op) && op.Op == "dial":
		return failure.CodeRefused
	case strings.Contains(err.Error(), "get identity:"), strings.Contains(err.Error(), "failed to refresh cached credentials"):
		return guard.CodeOfProvider(err) // the words are the SDK's own, which has no type for it
	case errors.As(err, &signing):
		return failure.CodeNotSent
	case errors.As(err, &unsent) && unsent.Begun && late:
		return failure.CodeTooSlow
	case errors.As(err, &unsent) && unsent.Handshake:
		return failure.CodeTLSFailed
	case errors.As(err, &unsent):
		return codeOfConnect(err)
	case late:
		return failure.CodeTimeout
	}
	return failure.CodeReset
}

// codeOfConnect is the code of a call for which there was no connection. What a
// proxy answers to CONNECT is, in net/http, an error of the status's own words.
func codeOfConnect(err error) string {
	for status := 400; status < 600; status++ {
		if text := http.StatusText(status); text != "" && strings.HasSuffix(err.Error(), ": "+text) {
			return failure.CodeForConnect(status)
		}
	}
	return failure.CodeNotSent
}
