package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"

	"github.com/rivulet-iot/rivulet/producer/wire"
)

// target says which Kinesis to talk to, and how.
type target struct {
	region, endpoint, profile, wire string
	insecure                        bool
}

// local reports whether the endpoint is on this machine.
func (t target) local() bool { return wire.OnLoopback(t.endpoint) }

// check finds what is wrong with the flags.
func (t target) check() error {
	if u, err := url.Parse(t.endpoint); t.endpoint != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return usagef("-endpoint %q is not a URL such as https://127.0.0.1:4567", t.endpoint)
	}
	if t.insecure && !t.local() {
		return usagef("-insecure accepts any certificate, so it needs an -endpoint on this machine, such as https://127.0.0.1:4567")
	}
	if _, err := wire.ParseProtocol(t.wire); err != nil {
		return usagef("-wire %q is neither cbor nor json", t.wire)
	}
	return nil
}

// imdsDisabled is imds.ClientDisabled: an emulator on a laptop must not wait for
// the metadata service of a virtual machine that is not there.
const imdsDisabled = 1

// client returns a client for the target, and the target with its region filled
// in from the environment.
func (t target) client(ctx context.Context) (*wire.Client, target, error) {
	if err := t.check(); err != nil {
		return nil, t, err
	}
	protocol, _ := wire.ParseProtocol(t.wire) // checked
	load := []func(*config.LoadOptions) error{config.WithRegion(t.region), config.WithSharedConfigProfile(t.profile)}
	if t.local() {
		load = append(load, config.WithEC2IMDSClientEnableState(imdsDisabled))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, t, fmt.Errorf("AWS configuration: %w", err)
	}
	t.region = cfg.Region
	if t.region == "" && t.endpoint == "" {
		return nil, t, errors.New("which region? Give -region or set AWS_REGION")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if !t.local() || t.profile != "" {
			return nil, t, fmt.Errorf("there are no usable AWS credentials; \"aws sts get-caller-identity\" tells more: %w", err)
		}
		cfg.Credentials = wire.EmulatorCredentials()
	}
	c, err := wire.NewClient(wire.Config{Region: t.region, Endpoint: t.endpoint, Credentials: cfg.Credentials, Protocol: protocol, Insecure: t.insecure})
	return c, t, err
}

// where says where the target is, for messages.
func (t target) where() string {
	switch {
	case t.endpoint == "":
		return "in region " + t.region
	case t.region == "":
		return "at " + t.endpoint
	}
	return "in region " + t.region + " at " + t.endpoint
}

// explain adds to an error of Kinesis what to do about it.
func (t target) explain(stream string, err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	hint := ""
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "ResourceNotFoundException":
			return fmt.Errorf("there is no stream %q %s, or it was deleted: check the name, the region and the account (%s)", stream, t.where(), api.ErrorMessage())
		case "AccessDeniedException":
			hint = "; tail needs kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords"
		case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "IncompleteSignatureException":
			hint = "; the credentials are not accepted: look at AWS_PROFILE and the AWS_… variables"
		}
	} else if errors.As(err, new(*tls.CertificateVerificationError)) {
		hint = "; -insecure accepts a self-signed certificate, on this machine"
	} else {
		hint = "; is the endpoint right, and reachable?"
	}
	return fmt.Errorf("stream %q %s: %w%s", stream, t.where(), err, hint)
}
