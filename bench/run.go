package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rivulet-iot/rivulet/bench/internal/child"
)

// figures are what is measured of one producer in one scenario. A record is one
// that was put.
type figures struct {
	Records    int `json:"records"`
	Delivered  int `json:"delivered"`
	Lost       int `json:"lost"`
	Duplicates int `json:"duplicates"`

	BytesUp      float64 `json:"bytes_up_per_record"`      // on the socket, TLS included
	BytesDown    float64 `json:"bytes_down_per_record"`    // likewise
	PayloadBytes float64 `json:"payload_bytes_per_record"` // data of the Kinesis records
	Connections  int     `json:"connections"`

	Requests       int     `json:"requests"` // calls of PutRecords
	KinesisRecords int     `json:"kinesis_records"`
	RequestMillion float64 `json:"requests_per_million"`
	RecordsMillion float64 `json:"kinesis_records_per_million"`
	UnitsMillion   float64 `json:"payload_units_per_million"` // PUT payload units of 25 KB

	CPU      float64 `json:"cpu_ns_per_record"`    // of all processes, user and system, from the first put to the last acknowledgement
	Seconds  float64 `json:"seconds"`              // between the same
	StartRSS int64   `json:"start_resident_bytes"` // of all processes, just before the first put
	PeakRSS  int64   `json:"peak_resident_bytes"`  // the most ever of each process, added up
}

// task is one producer's run of one scenario.
type task struct {
	argv    []string
	job     child.Job
	in      *input
	records int
	dir     string // for files of the run
	damage  func(*endpoint)
}

// runLimit ends a run that hangs.
const runLimit = 15 * time.Minute

// payloadUnit is what provisioned streams are billed by: data and key of each
// record, rounded up. https://aws.amazon.com/kinesis/data-streams/pricing/
const payloadUnit = 25 << 10

func (t task) run(ctx context.Context) (figures, error) {
	e, err := startEndpoint(t.dir)
	if err != nil {
		return figures{}, err
	}
	defer e.close()
	if t.damage != nil {
		t.damage(e)
	}
	t.job.URL, t.job.CA, t.job.Stream = e.url(), e.ca, streamName
	f, err := t.measure(ctx)
	if err != nil {
		return f, err
	}
	e.close() // so that the counts are complete
	stored, err := e.server.Records(streamName)
	if err != nil {
		return f, err
	}
	o, err := compare(t.in, t.records, stored)
	if err != nil {
		return f, err
	}
	f.Records, f.Delivered, f.Lost, f.Duplicates = t.records, o.delivered, o.lost, o.duplicates
	n, payload, units := float64(t.records), 0, 0
	for _, r := range stored {
		payload += len(r.Data)
		units += max(1, (len(r.Data)+len(r.PartitionKey)+payloadUnit-1)/payloadUnit)
	}
	f.BytesUp, f.BytesDown = float64(e.proxy.up.Load())/n, float64(e.proxy.down.Load())/n
	f.PayloadBytes = float64(payload) / n
	f.Connections, f.Requests, f.KinesisRecords = int(e.proxy.connections.Load()), e.server.Calls("PutRecords"), len(stored)
	f.RequestMillion = float64(f.Requests) / n * 1e6
	f.RecordsMillion, f.UnitsMillion = float64(len(stored))/n*1e6, float64(units)/n*1e6
	return f, nil
}

// measure runs the program and looks at its processes at the marks.
func (t task) measure(ctx context.Context) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.argv[0], t.argv[1:]...)
	cmd.Env = environ(t.job.Environ())
	// A group of its own, so that a daemon that the program started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var complaints tail
	cmd.Stderr = &complaints
	cmd.WaitDelay = 10 * time.Second
	answer, err := cmd.StdinPipe()
	if err != nil {
		return f, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return f, err
	}
	if err := cmd.Start(); err != nil {
		return f, err
	}
	defer func() {
		answer.Close()
		waited := cmd.Wait()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind
		if err == nil {
			err = waited
		}
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			err = errors.Join(err, complaints.err())
		}
	}()

	lines := bufio.NewScanner(out)
	if _, err := mark(lines, "ready"); err != nil {
		return f, err
	}
	pids, err := tree(cmd.Process.Pid)
	if err != nil {
		return f, err
	}
	f.StartRSS = treeMemory(pids, "VmRSS")
	daemons := treeCPU(pids[1:])
	began := time.Now()
	if _, err := io.WriteString(answer, "go\n"); err != nil {
		return f, err
	}
	own, err := mark(lines, "done")
	if err != nil {
		return f, err
	}
	f.Seconds = time.Since(began).Seconds()
	if pids, err = tree(cmd.Process.Pid); err != nil {
		return f, err
	}
	daemons = treeCPU(pids[1:]) - daemons
	f.PeakRSS = treeMemory(pids, "VmHWM")
	ns, err := strconv.ParseInt(own, 10, 64)
	if err != nil {
		return f, fmt.Errorf("the program's CPU time is %q: not a number", own)
	}
	f.CPU = float64(ns+daemons.Nanoseconds()) / float64(t.records)
	if _, err = io.WriteString(answer, "end\n"); err != nil {
		return f, err
	}
	_, _ = io.Copy(io.Discard, out)
	return f, nil
}

// mark waits for a line that begins with the word, and returns the rest of it.
func mark(lines *bufio.Scanner, word string) (rest string, err error) {
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), word); ok {
			return strings.TrimSpace(rest), nil
		}
	}
	return "", fmt.Errorf("the program ended before it said %q", word)
}

// tail keeps the end of what a program says on stderr.
type tail struct{ buf bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	if t.buf.Len() > 64<<10 {
		t.buf.Next(32 << 10)
	}
	return t.buf.Write(p)
}

func (t *tail) err() error {
	text := bytes.TrimSpace(t.buf.Bytes())
	if len(text) == 0 {
		return nil
	}
	return fmt.Errorf("its stderr ends with:\n%s", text[max(0, len(text)-4000):])
}
