package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/rivulet-iot/rivulet/bench/internal/child"
)

// results are figures by scenario and producer.
type results map[string]map[string]figures

// settings are how much is measured, and of whom.
type settings struct {
	scenarios, producers []string // names; all if nil
	codec                string   // of Rivulet; "" for the default
	runs                 int      // of each, of which the one with the median CPU time counts
	minutes              int
	window               time.Duration // of real time, for a minute
	steadyTime           time.Duration
	steadyRate           int
	steadyFlush          time.Duration
	records              int // of drain
	backlog              int // of disk
}

// scenario is one way to use a producer.
type scenario struct {
	name, about string
	only        string // the one producer it is for, or ""
	windows     bool   // the input is cut into minutes
	records     func(s settings, in *input) int
	job         func(s settings) child.Job
}

var scenarios = []scenario{
	{
		name: "minute", about: "records flushed once a minute of their time", windows: true,
		records: func(s settings, in *input) int { return in.firstMinutes(s.minutes) },
		job:     func(s settings) child.Job { return child.Job{Pace: "windows", Window: s.window} },
	},
	{
		name: "steady", about: "a constant rate, in real time",
		records: func(s settings, _ *input) int { return int(float64(s.steadyRate) * s.steadyTime.Seconds()) },
		job: func(s settings) child.Job {
			return child.Job{Pace: "rate", Rate: s.steadyRate, Flush: s.steadyFlush}
		},
	},
	{
		name: "drain", about: "a backlog, as fast as the producer takes it",
		records: func(s settings, _ *input) int { return s.records },
		job:     func(settings) child.Job { return child.Job{Pace: "full", Flush: drainFlush} },
	},
	{
		name: "disk", about: "a backlog that another process left on disk", only: "rivulet",
		records: func(s settings, _ *input) int { return s.backlog },
		job:     func(settings) child.Job { return child.Job{Pace: "full", Flush: drainFlush} },
	},
}

// drainFlush is for all alike; batches are full long before.
const drainFlush = 5 * time.Second

func chosen(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
}

// runAll runs every chosen scenario with every chosen producer, one at a time. A
// producer whose tools are missing is left out of the results; the error says so
// if that is a fault, as in CI.
func runAll(ctx context.Context, s settings, in *input, say func(string, ...any)) (results, error) {
	dir, err := os.MkdirTemp("", "rivulet-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := buildPrograms(dir); err != nil {
		return nil, err
	}
	type ready struct {
		peer
		argv []string
	}
	var able []ready
	for _, p := range peers {
		if !chosen(s.producers, p.name) {
			continue
		}
		argv, err := p.command(dir)
		if err != nil {
			if os.Getenv("CI") != "" {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			say("%s: SKIPPED: %v", p.name, err)
			continue
		}
		able = append(able, ready{p, argv})
	}
	all := results{}
	for _, sc := range scenarios {
		if !chosen(s.scenarios, sc.name) {
			continue
		}
		n := sc.records(s, in)
		if n == 0 {
			return nil, fmt.Errorf("%s: no record to put", sc.name)
		}
		lines, rows, err := in.write(dir, n, sc.windows)
		if err != nil {
			return nil, err
		}
		for _, p := range able {
			if sc.only != "" && sc.only != p.name {
				continue
			}
			t := task{argv: p.argv, job: sc.job(s), in: in, records: n, dir: dir}
			t.job.Input, t.job.Codec = lines, s.codec
			if p.rows {
				t.job.Input = rows
			}
			var runs []figures
			for range max(1, s.runs) {
				if sc.name == "disk" {
					if t.job.Dir, err = leaveBacklog(ctx, dir, rows); err != nil {
						return nil, fmt.Errorf("disk: %w", err)
					}
				}
				say("%s: %s: %d records", sc.name, p.name, n)
				f, err := t.run(ctx)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", sc.name, p.name, err)
				}
				say("%s: %s: %.1f B up, %.0f ns CPU a record, peak %.1f MiB, %d lost, %d duplicates, %.1f s",
					sc.name, p.name, f.BytesUp, f.CPU, mib(f.PeakRSS), f.Lost, f.Duplicates, f.Seconds)
				runs = append(runs, f)
			}
			slices.SortFunc(runs, func(a, b figures) int { return cmp.Compare(a.CPU, b.CPU) })
			if all[sc.name] == nil {
				all[sc.name] = map[string]figures{}
			}
			all[sc.name][p.name] = runs[len(runs)/2]
		}
	}
	return all, nil
}

// leaveBacklog has another process leave the records in a buffer on disk.
func leaveBacklog(ctx context.Context, dir, rows string) (spool string, err error) {
	spool = filepath.Join(dir, "spool")
	if err := os.RemoveAll(spool); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, filepath.Join(dir, "backlog"), spool, rows).CombinedOutput(); err != nil {
		return "", fmt.Errorf("the backlog could not be left on disk: %w: %s", err, out)
	}
	return spool, nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
