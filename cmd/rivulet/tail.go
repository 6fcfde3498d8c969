package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/backend/decode"
	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/record"
)

var tailCommand = command{
	name:    "tail",
	summary: "print the records of a stream as JSON lines",
	usage:   "-stream NAME [flags]",
	text: `
Tail reads every shard of a Kinesis stream and prints its records, decoded, as
record JSON, one a line: what aggregation and compression there is is undone, and
duplicates are dropped by record id. It ends when it has read all that is there;
with -follow it goes on and prints records as they arrive, until interrupted.
The records of a device come in order, across splits and merges of shards too.

Data that no rivulet producer encoded is printed as
{"opaque":true,"partition_key":"…","data":"base64"}. Data that is damaged is
reported on stderr; tail goes on, and exits with 1 at the end. Characters that a
terminal obeys, or that nobody sees, are printed as escapes.

The last line, on stderr, counts what is not there, too. A record is missing if its
device says that nothing before a later one is on its way any more: it was given up
by the device, or left the stream. Others between those printed are not seen yet.
Late are those that came behind what the device said, by another shard.

Examples:

  rivulet tail -stream telemetry -region eu-west-1
  rivulet tail -stream telemetry -follow -from latest
  rivulet tail -stream telemetry -from 2026-11-22T21:00:00Z -limit 100
  rivulet tail -stream telemetry | jq -r 'select(.device_id=="pi-7f3a") | .ts'

Columnar frames, which producers send unless told otherwise, name the schema of
their records and do not hold it. A producer's is its Schema as JSON; that of the
example agent is what -print-schema prints:

  raspberrypi -print-schema > machine.json
  rivulet tail -stream telemetry -schema machine.json

Against an emulator on this machine, for which no credentials are needed:

  rivulet tail -stream telemetry -endpoint http://127.0.0.1:4568
  rivulet tail -stream telemetry -endpoint https://127.0.0.1:4567 -insecure

What the stream holds, byte for byte, and how it was packed:

  rivulet tail -stream telemetry -raw | jq '{kind,user_records,size}'`,
	setup: func(f *flag.FlagSet) func(context.Context, streams) error {
		t := &tail{}
		f.StringVar(&t.stream, "stream", "", "`name` of the stream; required")
		f.StringVar(&t.region, "region", "", "AWS `region`; default: AWS_REGION or that of the profile")
		f.StringVar(&t.profile, "profile", "", "`name` of a profile in ~/.aws; default: AWS_PROFILE")
		f.StringVar(&t.endpoint, "endpoint", "", "`URL` of an emulator or a VPC endpoint; default: the region's own")
		f.BoolVar(&t.insecure, "insecure", false, "accept a self-signed certificate; only with an -endpoint on this machine")
		f.StringVar(&t.wire, "wire", "cbor", "encoding of requests and answers, `cbor or json`")
		f.StringVar(&t.from, "from", "trim_horizon", "`where` to begin: trim_horizon (the oldest), latest, or a time such as\n2026-11-22T21:00:00Z")
		f.BoolVar(&t.follow, "follow", false, "go on as records arrive, until interrupted")
		f.Int64Var(&t.limit, "limit", 0, "end after `n` lines; 0: no limit")
		f.BoolVar(&t.raw, "raw", false, "print Kinesis records as they are: where, how large, what kind, data in base64")
		f.Func("schema", "`FILE` with the schema document of records in columnar frames; once for each\nschema, and for each version that is still in the stream", func(file string) error {
			t.schemas = append(t.schemas, file)
			return nil
		})
		f.BoolVar(&t.dedup, "dedup", true, "drop records whose id was printed before; -dedup=false prints all")
		return t.run
	},
}

// tail is one run of the command: its flags, and what it counts.
type tail struct {
	target
	stream, from       string
	follow, raw, dedup bool
	limit              int64
	schemas            []string // files

	out     *bufio.Writer
	err     io.Writer
	line    []byte // reused
	escaped []byte // likewise: as it is printed
	decoder decode.Decoder
	seen    decode.Dedup
	gaps    gaps

	ended                        bool // by the limit, before all was read
	printed, duplicates, damaged int64
	unknown                      int64 // of those damaged, how many lack only their schema
}

// errLimit ends the reading when enough is printed.
var errLimit = errors.New("limit reached")

// readSchemas makes the schemas of the documents known.
func (t *tail) readSchemas() error {
	for _, file := range t.schemas {
		doc, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("-schema: %w", err)
		}
		s, err := record.ParseSchema(doc)
		if err != nil {
			return fmt.Errorf("-schema %s: %w", file, err)
		}
		t.decoder.Schemas = append(t.decoder.Schemas, s)
	}
	return nil
}

func (t *tail) run(ctx context.Context, s streams) error {
	if t.stream == "" {
		return usagef("which stream? Give -stream NAME")
	}
	if t.limit < 0 {
		return usagef("-limit %d is negative", t.limit)
	}
	from, err := t.position()
	if err == nil {
		err = t.readSchemas()
	}
	if err != nil {
		return err
	}
	c, where, err := t.client(ctx)
	if err != nil {
		return err
	}
	defer c.Close()

	t.out, t.err = bufio.NewWriterSize(s.out, 64<<10), s.err
	t.decoder.Marks = t.gaps.marked
	perCall := int64(10_000)
	if t.limit > 0 {
		perCall = min(perCall, t.limit)
	}
	r := reader{client: c.Client, stream: t.stream, from: from, follow: t.follow, perCall: int32(perCall), notice: t.notice}
	err = r.read(ctx, t.page)
	switch {
	case errors.Is(err, errLimit):
		t.ended, err = true, nil
	case t.follow && ctx.Err() != nil:
		err = nil
	case errors.As(err, new(outputError)):
	case err != nil:
		err = printable{where.explain(t.stream, err)} // it has the service's own words
	}
	if ferr := t.out.Flush(); err == nil && ferr != nil {
		err = outputError{ferr}
	}
	if len(r.shards) > 0 { // it got as far as that
		t.summary(len(r.shards))
	}
	switch {
	case err != nil:
	case t.unknown > 0 && t.unknown == t.damaged:
		err = fmt.Errorf("%s of schemas that are not known here; give their documents with -schema", count(t.unknown, "user record"))
	case t.damaged > 0:
		err = fmt.Errorf("%s could not be decoded", count(t.damaged, "user record"))
	}
	return err
}

// printable is an error whose text can be printed, whatever others put into it.
type printable struct{ error }

func (p printable) Error() string { return term.Escape(p.error.Error()) }

func (p printable) Unwrap() error { return p.error }

// outputError is a failure to write to stdout.
type outputError struct{ error }

func (t *tail) position() (position, error) {
	switch t.from {
	case "trim_horizon":
		return position{kind: types.ShardIteratorTypeTrimHorizon}, nil
	case "latest":
		if !t.follow {
			return position{}, usagef("-from latest prints only what is still to come, so it needs -follow")
		}
		return position{kind: types.ShardIteratorTypeLatest}, nil
	}
	at, err := time.Parse(time.RFC3339, t.from)
	if err != nil {
		return position{}, usagef("-from %q is neither trim_horizon, nor latest, nor a time such as 2026-11-22T21:00:00Z", t.from)
	}
	if at.After(time.Now()) {
		return position{}, usagef("-from %s is in the future", t.from)
	}
	return position{kind: types.ShardIteratorTypeAtTimestamp, at: at}, nil
}

// notice prints a line on stderr. What others put into the message stays on it.
func (t *tail) notice(message string) {
	fmt.Fprintf(t.err, "rivulet tail: %s\n", term.Escape(message))
}

// summary ends the output on stderr with one line.
func (t *tail) summary(shards int) {
	text := count(t.printed, "record")
	if t.duplicates > 0 {
		text += fmt.Sprintf(", %s dropped", count(t.duplicates, "duplicate"))
	}
	if t.damaged > 0 {
		text += fmt.Sprintf(", %d undecodable", t.damaged)
	}
	if !t.ended {
		text += t.gapsText()
	}
	t.notice(text + ", " + count(int64(shards), "shard"))
}

// gapsText is the summary's part on what is not there.
func (t *tail) gapsText() (text string) {
	missing, unseen := t.gaps.count()
	what := "missing"
	if t.damaged > 0 {
		what = "missing or undecodable"
	}
	if missing > 0 {
		text += fmt.Sprintf(", %d %s", missing, what)
	}
	if unseen > 0 {
		text += fmt.Sprintf(", %d not seen yet", unseen)
	}
	if t.gaps.late > 0 {
		text += fmt.Sprintf(", %d late", t.gaps.late)
	}
	if t.gaps.full() {
		text += ", more gaps than can be counted"
	}
	return text
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
