package producer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// API is the part of Kinesis that a producer calls. *kinesis.Client is one. The
// producer turns the SDK's retries off for its calls and decides itself.
type API interface {
	// PutRecords carries every record.
	PutRecords(context.Context, *kinesis.PutRecordsInput, ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error)
	// ListShards tells the hash key ranges, by which frames are aggregated.
	ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	// DescribeStreamSummary tells the record limit and the distribution strategy.
	DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error)
}

// Config says what a producer sends, where, and within which bounds. Stream and
// Device are required; every other zero value means the default stated.
type Config struct {
	// Stream is the name of the stream, 1 to 128 characters of a-z A-Z 0-9 _ . -
	Stream string
	// StreamARN names the stream instead, for one of another account: a policy of that
	// stream has to allow it. Its name must be Stream's if both are given.
	StreamARN string
	// Device is the device id that records get unless they carry one of their
	// own: 1 to 128 characters.
	Device string

	// Schema is what Put takes and what PutRecord validates against. Default:
	// none; then Put is an error and PutRecord takes any readings.
	Schema *record.Schema
	// Schemas are more of them, for a device that says several kinds of things: Put
	// chooses by the struct's type, PutRecord by Record.Schema. All share the buffer, the
	// link, and one order for each key.
	Schemas []*record.Schema
	// Key chooses each record's partition key. Default: its device id.
	Key partition.Strategy
	// Codec encodes frames. Default: compress.Columnar, whose readers need the
	// schema's document (Schema as JSON); the others can be read without.
	Codec compress.Codec

	// Buffer holds records until they are acknowledged. The producer owns it
	// from New on and closes it in Close. Default: three quarters of MaxMemory
	// in memory, drop-oldest.
	Buffer retry.Buffer
	// MaxMemory bounds, in bytes, what the producer keeps in memory: the default
	// Buffer (another has a bound of its own); the window, an eighth of MaxMemory up
	// to 2 MiB, of rows that are made frames of at a time; and as much again for frames
	// that wait to be sent. The encoder and the request in flight, a copy of frames,
	// add at most 4 MiB and once the largest record. When nothing was encoded for a
	// minute, all but the buffer is given back. Default 8 MiB, at least 256 KiB.
	MaxMemory int64
	// FlushInterval is how long a record may wait for others to share a frame
	// with. Longer means fewer bytes. Default 30 s.
	FlushInterval time.Duration
	// RequestTimeout ends a call that gets no answer; its outcome is then
	// unknown. Default 30 s.
	RequestTimeout time.Duration

	// OnDelivery is called for each user record that reached the stream and for
	// every loss. Calls are serial and no lock is held; sending waits while one
	// runs, so it must not block, and must not call Flush or Close, nor Put when the
	// Buffer is one that blocks. A call that panics is logged as an error, and sending goes
	// on: the records that it was about have ended, and are counted.
	OnDelivery func(Delivery)
	// Logger gets changes of state (offline, paused, back) and losses. Default:
	// nothing is logged.
	Logger *slog.Logger
}

// withDefaults fills the zero values in.
func (c Config) withDefaults() Config {
	if name, ok := streamOfARN(c.StreamARN); ok && c.Stream == "" {
		c.Stream = name
	}
	if c.Key == nil {
		c.Key = partition.ByDevice()
	}
	if c.Codec == nil {
		c.Codec = compress.Columnar
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = 8 << 20
	}
	if c.FlushInterval == 0 {
		c.FlushInterval = 30 * time.Second
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = 30 * time.Second
	}
	if c.OnDelivery == nil {
		c.OnDelivery = func(Delivery) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

const minMemory = 256 << 10

// validate returns one error that names every field that is wrong.
func (c Config) validate(api API) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("producer: "+format, args...))
	}
	if c, ok := api.(*kinesis.Client); api == nil || ok && c == nil {
		bad("the Kinesis client is nil")
	}
	if c.StreamARN != "" {
		if name, ok := streamOfARN(c.StreamARN); !ok || c.Stream != name {
			bad("Config.StreamARN = %q: not arn:PARTITION:kinesis:REGION:ACCOUNT:stream/NAME with the name of Config.Stream, %q", c.StreamARN, c.Stream)
		}
	} else if !ValidStream(c.Stream) {
		bad("Config.Stream = %q: a stream's name is 1 to 128 characters of a-z A-Z 0-9 _ . -", c.Stream)
	}
	if err := record.CheckDevice(c.Device); err != nil {
		bad("Config.Device: %w", err)
	}
	if c.MaxMemory < minMemory {
		bad("Config.MaxMemory = %d: below the minimum %d", c.MaxMemory, minMemory)
	}
	if c.FlushInterval < 0 || c.FlushInterval > 24*time.Hour {
		bad("Config.FlushInterval = %v: not between 0 and 24h", c.FlushInterval)
	}
	if c.RequestTimeout < time.Second || c.RequestTimeout > time.Hour {
		bad("Config.RequestTimeout = %v: not between 1s and 1h", c.RequestTimeout)
	}
	c.schemas().check(bad)
	return errors.Join(errs...)
}

// target returns how a call names the stream: by its ARN if there is one, as only that
// says whose it is.
func (c *Config) target() (name, arn *string) {
	if c.StreamARN != "" {
		return nil, &c.StreamARN
	}
	return &c.Stream, nil
}

// streamOfARN returns the name in a stream's ARN.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesis.html
func streamOfARN(arn string) (name string, ok bool) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "kinesis" || parts[3] == "" || parts[4] == "" {
		return "", false
	}
	name, ok = strings.CutPrefix(parts[5], "stream/")
	return name, ok && ValidStream(name)
}

// ValidStream tells whether name can be a stream's, 1 to 128 characters of
// a-z A-Z 0-9 _ . -
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
func ValidStream(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return name != "" && len(name) <= 128
}
