package kinesistest

import (
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
)

// apiError is an error reply of the service. It is a smithy.APIError, so that
// errors of the methods of Server read like those of a client.
type apiError struct {
	code    string
	message string
	status  int // HTTP status; 0: statusOf(code)
}

var _ smithy.APIError = (*apiError)(nil)

func (e *apiError) Error() string        { return e.code + ": " + e.message }
func (e *apiError) ErrorCode() string    { return e.code }
func (e *apiError) ErrorMessage() string { return e.message }

func (e *apiError) ErrorFault() smithy.ErrorFault {
	if statusOf(e.code) >= 500 {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

func errf(code, format string, args ...any) *apiError {
	return &apiError{code: code, message: fmt.Sprintf(format, args...)}
}

// Error codes used in several places.
const (
	codeThroughput       = "ProvisionedThroughputExceededException"
	codeInternalFailure  = "InternalFailure"
	codeInvalidArgument  = "InvalidArgumentException"
	codeValidation       = "ValidationException"
	codeSerialization    = "SerializationException"
	codeNotFound         = "ResourceNotFoundException"
	codeInUse            = "ResourceInUseException"
	codeInvalidSignature = "InvalidSignatureException"
	codeIncomplete       = "IncompleteSignatureException"
	codeUnknownOperation = "UnknownOperationException"
	codeDryRun           = "DryRunOperationException"
	codeExpiredToken     = "ExpiredTokenException"
)

// statusOf returns the HTTP status that goes with an error code.
//
// https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
func statusOf(code string) int {
	switch code {
	case codeInternalFailure, "InternalFailureException", "InternalServerError":
		return 500
	case "ServiceUnavailable", "ServiceUnavailableException":
		return 503
	case "RequestEntityTooLargeException":
		return 413
	}
	return 400
}

// messageOf returns a message in the wording of AWS for an error code that a
// fault injects without one.
func messageOf(code string) string {
	switch code {
	case codeInternalFailure, "InternalFailureException", "InternalServerError":
		return "Internal service failure."
	case "ServiceUnavailable", "ServiceUnavailableException":
		return "The request has failed due to a temporary failure of the server."
	case codeExpiredToken, "ExpiredToken":
		return "The security token included in the request is expired"
	case "UnrecognizedClientException", "InvalidClientTokenId":
		return "The security token included in the request is invalid."
	case "ThrottlingException", "Throttling", "LimitExceededException", codeThroughput:
		return "Rate exceeded."
	case "AccessDeniedException":
		return "User: arn:aws:iam::" + AccountID + ":user/device is not authorized to perform this action because no identity-based policy allows it"
	}
	return "Injected by kinesistest: " + code + "."
}

// validation collects what a request breaks of the API's model, so that one
// reply names all of it, as AWS does.
type validation []string

// max is the number of failures that a message lists.
const maxFailures = 10

// add notes that the value at path breaks a constraint.
func (v *validation) add(path, value, constraint string) {
	if len(*v) < maxFailures {
		*v = append(*v, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, path, constraint))
	}
}

// missing notes that a required member is absent.
func (v *validation) missing(path string) { v.add(path, "null", "Member must not be null") }

func (v validation) err() error {
	switch len(v) {
	case 0:
		return nil
	case 1:
		return errf(codeValidation, "1 validation error detected: %s", v[0])
	}
	return errf(codeValidation, "%d validation errors detected: %s", len(v), strings.Join(v, "; "))
}

// quoted returns s in the quotes of a validation message, cut if it is long.
func quoted(s string) string {
	const most = 300
	if len(s) > most {
		return fmt.Sprintf("'%s…' (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
	}
	return "'" + s + "'"
}
