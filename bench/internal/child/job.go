// Package child is what the measured programs have in common: the job they are
// given, the input they read, when each record is put, and the marks between
// which the parent measures them.
//
// A measured program says "ready" on stdout and waits for a line on stdin; then it
// puts its input, waits for the last acknowledgement, says "done" with the CPU
// time it took, and waits again, so that the parent can look at its memory.
package child

import (
	"bufio"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Job is what a measured program is to do. It comes in the environment, so that
// programs in every language read it alike; credentials come in AWS_ACCESS_KEY_ID
// and its like.
type Job struct {
	URL    string        // of the endpoint, https
	CA     string        // file with its certificate
	Stream string        // name of the stream
	Input  string        // file of lines or rows
	Pace   string        // "windows": a burst each Window; "rate": Rate a second; "full": as fast as they are taken
	Window time.Duration // of real time, that stands for a minute of the records' time
	Rate   int           // records a second
	Flush  time.Duration // how long a record may wait for others, except with Pace "windows"
	Codec  string        // "" for the default
	Dir    string        // of a buffer on disk, or ""
}

// Environ returns the job as environment variables.
func (j Job) Environ() []string {
	return []string{
		"BENCH_URL=" + j.URL, "BENCH_CA=" + j.CA, "BENCH_STREAM=" + j.Stream, "BENCH_INPUT=" + j.Input,
		"BENCH_PACE=" + j.Pace, "BENCH_WINDOW_MS=" + ms(j.Window), "BENCH_RATE=" + strconv.Itoa(j.Rate),
		"BENCH_FLUSH_MS=" + ms(j.Flush), "BENCH_CODEC=" + j.Codec, "BENCH_DIR=" + j.Dir,
	}
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// FromEnviron reads the job back.
func FromEnviron() (Job, error) {
	var errs []error
	number := func(name string) int {
		n, err := strconv.Atoi(os.Getenv(name))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s = %q: not a number; this program is started by the benchmark", name, os.Getenv(name)))
		}
		return n
	}
	j := Job{
		URL: os.Getenv("BENCH_URL"), CA: os.Getenv("BENCH_CA"), Stream: os.Getenv("BENCH_STREAM"), Input: os.Getenv("BENCH_INPUT"),
		Pace: os.Getenv("BENCH_PACE"), Codec: os.Getenv("BENCH_CODEC"), Dir: os.Getenv("BENCH_DIR"),
		Window: time.Duration(number("BENCH_WINDOW_MS")) * time.Millisecond,
		Flush:  time.Duration(number("BENCH_FLUSH_MS")) * time.Millisecond,
		Rate:   number("BENCH_RATE"),
	}
	return j, errors.Join(errs...)
}

// Roots returns the certificate to trust.
func (j Job) Roots() (*x509.CertPool, error) {
	pem, err := os.ReadFile(j.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", j.CA)
	}
	return pool, nil
}

// Step is what comes next in the input.
type Step uint8

// The steps.
const (
	Record Step = iota // a record is there to be put
	Window             // a minute of the records' time is over
	End
)

// Work is a producer at work. Functions left nil do nothing.
type Work struct {
	Next   func() (Step, error) // reads on
	Put    func() error         // puts the record that Next found
	Window func() error         // a minute of the records' time is over: flush
	Finish func() error         // returns when all is acknowledged
}

// tick is how often a program that is paced by a rate wakes up: a timer for each
// record would cost more than putting it.
const tick = 50 * time.Millisecond

// Run does the work of a measured program, between the marks.
func (j Job) Run(w Work) error {
	in := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	if _, err := in.ReadString('\n'); err != nil {
		return fmt.Errorf("the parent is gone: %w", err)
	}
	before := cpu()
	if err := j.feed(w); err != nil {
		return err
	}
	if err := w.Finish(); err != nil {
		return err
	}
	fmt.Printf("done %d\n", (cpu() - before).Nanoseconds())
	_, _ = in.ReadString('\n') // an end of input will do as well
	return nil
}

func (j Job) feed(w Work) error {
	if w.Next == nil {
		return nil
	}
	start := time.Now()
	// Bursts come in the middle between ticks of a producer that flushes by a clock.
	due := start
	if j.Pace == "windows" {
		due = start.Add(j.Window / 2)
		time.Sleep(time.Until(due))
	}
	for n := 0; ; {
		step, err := w.Next()
		switch {
		case err != nil:
			return err
		case step == End:
			return nil
		case step == Window:
			if w.Window != nil {
				if err := w.Window(); err != nil {
					return err
				}
			}
			due = due.Add(j.Window)
			time.Sleep(time.Until(due))
			continue
		}
		if burst := max(1, int(int64(j.Rate)*int64(tick)/int64(time.Second))); j.Pace == "rate" && n%burst == 0 {
			time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second / time.Duration(j.Rate))))
		}
		n++
		if err := w.Put(); err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
	}
}

// cpu is the time that this process has had, user and system.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Main runs a measured program and ends it with the reason if it fails.
func Main(run func(Job) error) {
	j, err := FromEnviron()
	if err == nil {
		err = run(j)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.TrimSpace(err.Error()))
		os.Exit(1)
	}
}
