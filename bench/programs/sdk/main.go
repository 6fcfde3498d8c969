// Command sdk is the program measured for aws-sdk-go-v2 alone: PutRecords, one
// record an entry, as many as a call may have.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/bench/internal/child"
)

// Limits of a call.
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
const (
	maxEntries = 500
	maxBytes   = 10 << 20
)

func main() { child.Main(run) }

func run(j child.Job) error {
	lines, err := child.OpenLines(j.Input)
	if err != nil {
		return err
	}
	client, err := newClient(j)
	if err != nil {
		return err
	}
	b := &batch{client: client, stream: j.Stream}
	return j.Run(child.Work{
		Next: lines.Next,
		Put: func() error {
			if j.Pace == "rate" && len(b.entries) > 0 && time.Since(b.since) >= j.Flush {
				if err := b.send(); err != nil {
					return err
				}
			}
			return b.put(lines.Key, lines.Data)
		},
		Window: b.send,
		Finish: b.send,
	})
}

func newClient(j child.Job) (*kinesis.Client, error) {
	roots, err := j.Roots()
	if err != nil {
		return nil, err
	}
	return kinesis.New(kinesis.Options{
		BaseEndpoint: &j.URL, Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken: os.Getenv("AWS_SESSION_TOKEN")}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			if t.TLSClientConfig == nil {
				t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			t.TLSClientConfig.RootCAs = roots
		}),
	}), nil
}

type batch struct {
	client  *kinesis.Client
	stream  string
	entries []types.PutRecordsRequestEntry
	bytes   int
	since   time.Time // of its first entry
}

func (b *batch) put(key string, data []byte) error {
	n := len(key) + len(data)
	if len(b.entries) == maxEntries || b.bytes+n > maxBytes {
		if err := b.send(); err != nil {
			return err
		}
	}
	if len(b.entries) == 0 {
		b.since = time.Now()
	}
	b.entries = append(b.entries, types.PutRecordsRequestEntry{PartitionKey: &key, Data: data})
	b.bytes += n
	return nil
}

func (b *batch) send() error {
	if len(b.entries) == 0 {
		return nil
	}
	out, err := b.client.PutRecords(context.Background(), &kinesis.PutRecordsInput{StreamName: &b.stream, Records: b.entries})
	if err != nil {
		return err
	}
	if out.FailedRecordCount == nil || *out.FailedRecordCount != 0 {
		return fmt.Errorf("entries were refused: %v", out.FailedRecordCount)
	}
	b.entries, b.bytes = b.entries[:0], 0
	return nil
}
