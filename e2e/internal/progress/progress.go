//go:build unix

// Package progress tells a program that is slow, as all are on a busy machine, from
// one that hangs: it may take as long as it likes, as long as something moves.
package progress

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Patience is how long nothing may move.
const Patience = 5 * time.Minute

// interval is how often it is looked at.
const interval = time.Second

// Sign is something by which progress is seen: as long as what it returns changes,
// there is some.
type Sign func() string

// Stalled returns a channel that is closed once none of the signs has changed for
// Patience. It looks at them until ctx is done.
func Stalled(ctx context.Context, signs ...Sign) <-chan struct{} {
	stalled := make(chan struct{})
	go func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		last, still := "", time.Duration(0)
		for {
			var now strings.Builder
			for _, sign := range signs {
				now.WriteString(sign() + "\n")
			}
			// Ticks are counted, and not the time between them, in which this machine may have slept.
			if still += interval; now.String() != last {
				last, still = now.String(), 0
			}
			if still >= Patience {
				close(stalled)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return stalled
}

// Files sees files that grow, and what comes, goes and changes in folders. What is not
// there may come.
func Files(paths ...string) Sign {
	return func() string {
		files, bytes, newest := 0, int64(0), int64(0)
		for _, path := range paths {
			_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
				if err != nil {
					return nil // it is gone by now, which is progress
				}
				if info, err := d.Info(); err == nil {
					files, bytes, newest = files+1, bytes+info.Size(), max(newest, info.ModTime().UnixNano())
				}
				return nil
			})
		}
		return fmt.Sprint(files, bytes, newest)
	}
}

// step is how much processor time counts as progress. A program that only waits takes
// some too, but not that much within Patience.
const step = 5 * time.Second

// CPU sees the processor time that a process group takes. Where there is no /proc, it
// sees progress all the time.
func CPU(group int) Sign {
	return func() string {
		spent, err := spent(group)
		if err != nil {
			return time.Now().String()
		}
		return fmt.Sprint(spent / step)
	}
}

// spent returns the processor time of the processes in a group, and of the children
// that they have waited for: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func spent(group int) (sum time.Duration, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return 0, fs.ErrNotExist
	}
	for _, stat := range stats {
		data, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		_, text, _ := strings.Cut(string(data), ") ") // behind the name, which may hold anything but this
		fields := strings.Fields(text)
		if len(fields) < 15 || fields[2] != strconv.Itoa(group) {
			continue
		}
		for _, ticks := range fields[11:15] {
			n, err := strconv.ParseInt(ticks, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * time.Second / 100 // which it is on all that Go runs on
		}
	}
	return sum, nil
}

// Run runs a command, as a process group of its own, to its end. It kills it if for
// Patience it neither takes processor time nor changes any of the files.
func Run(cmd *exec.Cmd, files ...string) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.WaitDelay = Patience // for children that hold its output
	if err := cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-Stalled(ctx, CPU(cmd.Process.Pid), Files(files...)):
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		return fmt.Errorf("%s did nothing for %s, and was killed: %w", filepath.Base(cmd.Path), Patience, <-done)
	}
}
