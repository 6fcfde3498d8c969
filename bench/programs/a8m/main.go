// Command a8m is the program measured for github.com/a8m/kinesis-producer.
package main

//lint:file-ignore SA1019 a8m/kinesis-producer is built on the old SDK

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	producer "github.com/a8m/kinesis-producer"
	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/kinesis"

	"github.com/rivulet-iot/rivulet/bench/internal/child"
)

func main() { child.Main(run) }

func run(j child.Job) error {
	lines, err := child.OpenLines(j.Input)
	if err != nil {
		return err
	}
	client, err := newClient(j, len(os.Args) > 1 && os.Args[1] == "h2")
	if err != nil {
		return err
	}
	flush := j.Flush
	if j.Pace == "windows" {
		flush = j.Window // it has no flush but that of its clock
	}
	p := producer.New(&producer.Config{StreamName: j.Stream, Client: client, FlushInterval: flush,
		Logger: &producer.StdLogger{Logger: log.New(io.Discard, "", 0)}})
	failures, failed := p.NotifyFailures(), make(chan error, 1)
	go func() {
		var first error
		for f := range failures {
			if first == nil {
				first = f
			}
		}
		failed <- first
	}()
	p.Start() // its clock begins, as near as makes no difference, with that of the input
	return j.Run(child.Work{
		Next: lines.Next,
		Put:  func() error { return p.Put(lines.Data, lines.Key) },
		Finish: func() error {
			p.Stop()
			if err := <-failed; err != nil {
				return fmt.Errorf("a record was not delivered: %w", err)
			}
			return nil
		},
	})
}

func newClient(j child.Job, http2 bool) (*kinesis.Kinesis, error) {
	roots, err := j.Roots()
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(http2)
	sess, err := session.NewSession(&aws.Config{Endpoint: &j.URL, Region: aws.String("us-east-1"), HTTPClient: &http.Client{Transport: t},
		Credentials: credentials.NewEnvCredentials()})
	if err != nil {
		return nil, err
	}
	return kinesis.New(sess), nil
}
