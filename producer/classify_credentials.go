package producer

import (
	"errors"
	"strings"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// codeOfProvider is the code of a credentials provider that failed. Most failures
// pass; only what is clearly about the device's settings waits for a person.
func codeOfProvider(err error) string {
	var status interface{ HTTPStatusCode() int }
	if errors.As(err, &status) {
		switch n := status.HTTPStatusCode(); {
		case n == 408 || n == 429 || n < 400 || n >= 500:
			return failure.CodeCredentialsUnavailable
		default:
			return failure.CodeCredentialsRefused
		}
	}
	for _, words := range []string{"static credentials are empty", "no EC2 IMDS role found", "failed to get shared config profile", "not set in the environment", "no identity"} {
		if strings.Contains(err.Error(), words) {
			return failure.CodeNoCredentials
		}
	}
	return failure.CodeCredentialsUnavailable
}
