// Command raspberrypi is an agent for a small Linux machine: it finds the
// sensors that the machine has and sends their readings to a Kinesis stream.
//
//	go run ./examples/raspberrypi
//
// Without -stream the stream is in the process itself, behind real HTTP, TLS and
// signatures on the loopback interface; at the end the agent reads it back and
// compares every record, bit for bit. -h lists the flags, with examples.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rivulet-iot/rivulet/examples/raspberrypi/machine"
	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals // not left to the default, which a shell's & sets to ignore
		os.Exit(1)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program; ctx ends when it is to stop. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		for _, problem := range strings.Split(err.Error(), "\n") {
			fmt.Fprintln(stderr, "raspberrypi:", term.Escape(problem))
		}
		fmt.Fprintln(stderr, "raspberrypi -h explains the flags.")
		return 2
	}
	if o.printSchema {
		if err := printSchema(stdout, "/"); err != nil {
			fmt.Fprintln(stderr, "raspberrypi:", err)
			return 1
		}
		return 0
	}
	defer o.limitMemory()()
	a := &agent{options: o, stdout: stdout, stderr: stderr, began: time.Now()}
	if err := a.start(); err != nil {
		a.stop()
		fmt.Fprintln(stderr, "raspberrypi:", term.Escape(err.Error()))
		return 1
	}
	a.work(ctx, stdin)
	a.finish(ctx)
	a.stop()
	return a.report()
}

// agent is one run of the program.
type agent struct {
	options
	stdout, stderr io.Writer
	began          time.Time

	embedded *embedded   // nil with -stream
	sensors  *sense      // nil with -replay
	spool    *retry.Disk // nil without -spool
	client   *wire.Client
	producer *producer.Producer
	tally    tally

	saying sync.Mutex
	live   atomic.Pointer[machine.Progress] // nil unless stderr is a file
	phase  atomic.Pointer[string]

	jsonBytes uint64 // of what was put, as record JSON lines
	refused   int    // records of sensors that Put did not take
	badLines  int    // lines of the replay that are no records
	readError error  // why the replay could not be read to its end
	figures   figures
}

// start makes everything there is to make before the first record.
func (a *agent) start() error {
	target := wire.Config{Region: a.region, Endpoint: a.endpoint, Insecure: a.insecure, Protocol: a.wire, TLS: a.tls}
	cfg := producer.Config{Stream: a.stream, Device: a.device, Key: a.key, Codec: a.codec, FlushInterval: a.flush, MaxMemory: producerMemory}
	var err error
	if a.stream == "" {
		if a.embedded, err = startEmbedded(a.region); err != nil {
			return err
		}
		cfg.Stream = embeddedStream
		target = a.embedded.target(a.wire)
		target.TLS = a.tls
	} else {
		target.Credentials = wire.EnvCredentials()
		if os.Getenv("AWS_ACCESS_KEY_ID") == "" && wire.OnLoopback(a.endpoint) {
			target.Credentials = wire.EmulatorCredentials()
		}
	}
	if a.client, err = wire.NewClient(target); err != nil {
		return err
	}
	if a.replayFile == "" {
		if a.sensors, err = startSense("/"); err != nil {
			return err
		}
		cfg.Schema = a.sensors.schema
	}
	a.tally.init(a.events, a.stdout)
	if cfg.Buffer, err = a.openBuffer(); err != nil {
		return err
	}
	if a.embedded != nil {
		a.embedded.know(cfg.Schema, cfg.Buffer)
	}
	cfg.OnDelivery = a.tally.delivery
	cfg.Logger = stateLogger(a.say)
	if a.producer, err = producer.New(a.client, cfg); err != nil {
		return err
	}
	a.setPhase("")
	if f, ok := a.stderr.(*os.File); ok {
		a.live.Store(machine.StartProgress(f, a.liveLine))
	}
	return nil
}

// work puts records until there are no more, time is over, or ctx ends.
func (a *agent) work(ctx context.Context, stdin io.Reader) {
	interrupted := ctx
	if a.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, a.began.Add(a.duration))
		defer cancel()
	}
	if a.sensors != nil {
		a.sense(ctx)
	} else {
		a.readError = a.replay(ctx, stdin)
	}
	if interrupted.Err() != nil {
		a.figures.Interrupted = true
		if pending := a.producer.Stats().Pending; pending > 0 {
			a.say("stopping: sending %d records, for up to %v; a second interrupt quits at once", pending, a.drain)
		}
	}
}

// put sends one record, whose id it sets.
func (a *agent) put(ctx context.Context, r *record.Record) (err error) {
	if r.ID, err = a.producer.PutRecord(ctx, r); err == nil && a.embedded != nil {
		a.embedded.remember(r)
	}
	return err
}

// finish waits for delivery, takes the figures, and reads the embedded stream
// back.
func (a *agent) finish(ctx context.Context) {
	a.setPhase("sending the rest")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.drain)
	defer cancel()
	// Close would send the rest too, but in the end it would no longer tell what
	// it was waiting for.
	_ = a.producer.Flush(drain)
	a.figures.atEnd = a.producer.Stats()
	err := a.producer.Close(drain)
	if a.figures.closing = notLost(err); a.figures.closing != nil {
		a.say("closing %s: %v", a.spoolDir, a.figures.closing)
	}
	a.figures.take(a)
	if a.embedded != nil {
		a.setPhase("reading the stream back")
		a.figures.check = a.embedded.check(a.figures.Delivered, a.figures.Recovered)
		a.figures.Verified = a.figures.check.verified
	}
}

// stop lets go of everything.
func (a *agent) stop() {
	a.live.Load().Stop()
	if a.spool != nil {
		_ = a.spool.Close() // again, unless start failed
	}
	if a.sensors != nil {
		a.sensors.set.Close()
	}
	if a.client != nil {
		a.client.Close()
	}
	if a.embedded != nil {
		a.embedded.server.Close()
	}
}
