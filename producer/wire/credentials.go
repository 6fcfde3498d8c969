package wire

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rivulet-iot/rivulet/internal/failure"
)

// EnvCredentials reads AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if set,
// AWS_SESSION_TOKEN each time credentials are needed.
func EnvCredentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		c := aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Source: "environment"}
		var missing []string
		if c.AccessKeyID == "" {
			missing = append(missing, "AWS_ACCESS_KEY_ID")
		}
		if c.SecretAccessKey == "" {
			missing = append(missing, "AWS_SECRET_ACCESS_KEY")
		}
		if len(missing) > 0 {
			return aws.Credentials{}, &failure.Error{Code: failure.CodeNoCredentials, Err: fmt.Errorf("wire: %s not set in the environment; with a profile or SSO, run: eval \"$(aws configure export-credentials --format env)\"", strings.Join(missing, " and "))}
		}
		return c, nil
	})
}

// EmulatorCredentials are for emulators on this machine, which want a signature
// and do not check it.
func EmulatorCredentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local-emulator", Source: "emulator"}, nil
	})
}
