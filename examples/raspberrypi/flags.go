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
	"github.com/rivulet-iot/rivulet/retry"
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
	tls          wire.TLS
	tlsName      string
	key          partition.Strategy

	spoolOptions
	memory int64 // limit for the runtime; 0: none of ours

	json, events bool
	printSchema  bool
}

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
	fs.StringVar(&o.tlsName, "tls", "default", "")
	codec := fs.String("codec", compress.Columnar.Name(), "")
	key := fs.String("key", "device", "")
	rate := fs.String("rate", "max", "")
	fs.StringVar(&o.spoolDir, "spool", "", "")
	spoolMax := fs.String("spool-max", strconv.Itoa(defaultSpool), "")
	memory := fs.String("memory", "", "")
	sync := fs.String("sync", retry.SyncGroup.String(), "")

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
	boolean(&o.printSchema, "print-schema")
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
	duration(&o.spoolAge, "spool-age", time.Second)

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
	if o.tls, err = wire.ParseTLS(o.tlsName); err != nil {
		bad("-tls: %w", err)
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
	if o.printSchema && o.replayFile != "" {
		bad("-print-schema is of the sensors; the records of a -replay have none")
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
	errs = append(errs, o.checkSpool(set, *spoolMax, *sync)...)
	errs = append(errs, o.target(set)...)
	if err := o.checkMemory(set, *memory); err != nil {
		errs = append(errs, err)
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
