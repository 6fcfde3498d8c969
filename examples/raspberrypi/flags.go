package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/examples/raspberrypi/machine"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
)

// options are the flags, checked.
type options struct {
	stream   string // "": a stream inside this process
	region   string
	endpoint string
	insecure bool
	device   string

	interval   time.Duration
	duration   time.Duration // 0: no end of its own
	replayFile string        // "": sensors
	rate       float64       // records a second; 0: as fast as they are taken

	flush, drain time.Duration
	codec        compress.Codec
	wire         wire.Protocol
	wireName     string
	key          partition.Strategy

	json, events bool
}

const usage = `Reads this machine's sensors and sends them to a Kinesis stream, or sends a file
of records. Without -stream the stream is in this process: nothing leaves the
machine, and at the end all of it is read back and compared.

  raspberrypi                                      a look: for 15 s, in this process
  raspberrypi -duration 8s -json                   for 8 s; the figures as JSON
  raspberrypi -stream telemetry -region eu-west-1  to AWS; keys from the environment
  raspberrypi -replay day.ndjson.gz -rate max      a file of record JSON lines
  tail -f day.ndjson | raspberrypi -replay - -rate 5 -events
  raspberrypi -stream t -endpoint https://127.0.0.1:4567 -insecure   an emulator

Where to:
  -stream NAME      the Kinesis stream; credentials are AWS_ACCESS_KEY_ID,
                    AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (on the loopback
                    interface any will do, and none are needed)
  -region REGION    its region (default: AWS_REGION, AWS_DEFAULT_REGION)
  -endpoint URL     another endpoint, such as a VPC's or an emulator's
  -insecure         accept a self-signed certificate; loopback only

What:
  -device ID        this device's id (default: from the board or the host name)
  -interval D       time between readings (default 1s)
  -duration D       stop after this time; 0: only at Ctrl-C (default 15s for sensors
                    to the stream in this process, otherwise 0; a -replay also
                    stops at the end of its file)
  -replay FILE      send these record JSON lines and read no sensors; plain or
                    gzip, - for stdin. Each line keeps its device id. A line that
                    is no record is named and skipped, and the exit code is 1.
                    When the buffer is full, reading waits; nothing is dropped.
  -rate N|max       records a second of -replay (default max). After a stall it
                    catches up, so the mean is N.

How:
  -flush D          how long a record may wait for others to share a frame with;
                    longer is fewer bytes (default 2s)
  -drain D          how long the end waits for delivery (default 10s)
  -codec C          none, gzip or zstd (default zstd)
  -wire W           cbor or json: the body of the calls (default cbor)
  -key S            partition key: device, fixed:KEY, spread:N (default device)

Output:
  -json             the last line of stdout is one JSON object: put delivered
                    pending expired evicted rejected corrupt (records; put is the
                    sum of the rest), duplicates_sent, requests, kinesis_records,
                    user_records, payload_bytes, put_payload_units, wire_bytes_up
                    and _down (on the socket, TLS included), peak_rss_bytes and
                    cpu_seconds (of this process up to the end of sending, with
                    the embedded stream's server if there is one), verified
                    (records read back from the embedded stream that equal what
                    was put; always 0 with -stream), and more
  -events           JSON lines on stdout as records reach a level:
                    {"event":"delivered","device":"pi","boot":7,"seq":[1,60]}
                    or evicted, expired, rejected, corrupt, with a reason

SIGINT and SIGTERM end it like -duration does; a second one quits at once.
Exit code: 0 everything put was delivered (and, embedded, equal), 1 not, 2 usage.
`

// demoDuration is how long a look at the agent lasts: long enough to see records
// arrive, and short enough to see the summary.
const demoDuration = 15 * time.Second

// parseFlags returns the options, flag.ErrHelp, or one error with a line for
// each thing that is wrong.
func parseFlags(args []string) (options, error) {
	o := options{interval: time.Second, flush: 2 * time.Second, drain: 10 * time.Second}
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }

	fs := flag.NewFlagSet("raspberrypi", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.stream, "stream", "", "")
	fs.StringVar(&o.region, "region", "", "")
	fs.StringVar(&o.endpoint, "endpoint", "", "")
	fs.StringVar(&o.device, "device", "", "")
	fs.StringVar(&o.replayFile, "replay", "", "")
	fs.StringVar(&o.wireName, "wire", "cbor", "")
	codec := fs.String("codec", "zstd", "")
	key := fs.String("key", "device", "")
	rate := fs.String("rate", "max", "")

	// A value that cannot be read must not hide what else is wrong, so these
	// note it and go on.
	boolean := func(p *bool, name string) {
		fs.BoolFunc(name, "", func(s string) error {
			v, err := strconv.ParseBool(s)
			if *p = v; err != nil {
				bad("-%s=%s: neither true nor false", name, s)
			}
			return nil
		})
	}
	boolean(&o.insecure, "insecure")
	boolean(&o.json, "json")
	boolean(&o.events, "events")
	duration := func(p *time.Duration, name string, least time.Duration) {
		fs.Func(name, "", func(s string) error {
			d, err := time.ParseDuration(s)
			switch {
			case err != nil:
				bad("-%s %s: not a duration such as 500ms, 10s or 2h", name, s)
			case d < least:
				bad("-%s %s: below the minimum %v", name, s, least)
			}
			*p = d
			return nil
		})
	}
	duration(&o.interval, "interval", time.Millisecond)
	duration(&o.duration, "duration", 0)
	duration(&o.flush, "flush", time.Millisecond)
	duration(&o.drain, "drain", 0)

	for {
		err := fs.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		if err == nil {
			break
		}
		bad("%w", err) // an unknown flag: go on behind it, and behind what may be its value
		if args = fs.Args(); len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			args = args[1:]
		}
	}
	if fs.NArg() > 0 {
		bad("%q: no arguments are expected, only flags", strings.Join(fs.Args(), " "))
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })

	if !set["duration"] && !set["stream"] && !set["replay"] {
		o.duration = demoDuration
	}
	var err error
	if o.codec, err = compress.ByName(*codec); err != nil {
		bad("-codec: %w", err)
	}
	if o.key, err = partition.Parse(*key); err != nil {
		bad("-key: %w", err)
	}
	if o.wire, err = wire.ParseProtocol(o.wireName); err != nil {
		bad("-wire: %w", err)
	}
	if *rate != "max" {
		o.rate, err = strconv.ParseFloat(*rate, 64)
		if err != nil || !(o.rate >= 1e-3) || math.IsInf(o.rate, 0) {
			bad("-rate %s: neither max nor records a second, such as 36 or 0.5", *rate)
		}
	}
	if set["rate"] && o.replayFile == "" {
		bad("-rate is of -replay; sensors have -interval")
	}
	if set["interval"] && o.replayFile != "" {
		bad("-interval is of the sensors; -replay has -rate")
	}
	if o.flush > 24*time.Hour {
		bad("-flush %v: above the maximum 24h", o.flush)
	}
	if o.device == "" {
		o.device = machine.DeviceID()
	}
	if err := record.CheckDevice(o.device); err != nil {
		bad("-device: %w", err)
	}
	for _, err := range o.target(set) {
		bad("%w", err)
	}
	return o, errors.Join(errs...)
}

// target checks where to send to.
func (o *options) target(set map[string]bool) (errs []error) {
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if !set["stream"] {
		if o.endpoint != "" || o.insecure {
			bad("-endpoint and -insecure need -stream; without it the stream is in this process")
		}
		if o.region == "" {
			o.region = "us-east-1"
		}
		return errs
	}
	if !producer.ValidStream(o.stream) {
		bad("-stream %q: a stream's name is 1 to 128 characters of a-z A-Z 0-9 _ . -", o.stream)
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if o.region == "" {
			o.region = os.Getenv(name)
		}
	}
	if o.endpoint == "" {
		if o.region == "" {
			bad("-stream needs -region, or AWS_REGION in the environment")
		}
		if o.insecure {
			bad("-insecure needs -endpoint, on the loopback interface")
		}
		return errs
	}
	u, err := url.Parse(o.endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		bad("-endpoint %q: not a URL such as https://127.0.0.1:4567", o.endpoint)
	case o.insecure && !wire.OnLoopback(o.endpoint):
		bad("-insecure: %s is not on the loopback interface", u.Hostname())
	}
	return errs
}
