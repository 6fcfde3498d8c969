package spark

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/progress"
)

// job is a run of a generated script.
type job struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  string // file with stdout and stderr
	lake string // folder in which progress shows, too; "" for a lake elsewhere
	done chan struct{}
	err  error // once done
}

// batch is what the job prints of each.
type batch struct {
	Batch       string         `json:"batch"`
	Records     int            `json:"records"`
	Stored      int            `json:"stored"`
	Duplicates  int            `json:"duplicates"`
	DeadLetters int            `json:"dead_letters"`
	Reasons     map[string]int `json:"reasons"`
	Corrected   int            `json:"clocks_corrected"`
	Seconds     float64        `json:"seconds"`
}

// start starts the job with arguments; env is added to its environment. It is a
// process group, with the JVM in it, and is killed when the test ends.
func start(t *testing.T, python, script string, env []string, args ...string) *job {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "job-*.log")
	require.NoError(t, err)
	defer log.Close()
	j := &job{t: t, log: log.Name(), done: make(chan struct{})}
	for i := range args[1:] {
		if folder, ok := strings.CutPrefix(args[i+1], "file://"); ok && args[i] == "--lake" {
			j.lake = folder
		}
	}
	j.cmd = exec.Command(python, append([]string{"run_job.py", script}, args...)...)
	j.cmd.Env = append(os.Environ(), env...)
	j.cmd.Stdout, j.cmd.Stderr = log, log
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, j.cmd.Start())
	go func() {
		j.err = j.cmd.Wait()
		close(j.done)
	}()
	t.Cleanup(func() {
		j.kill()
		if t.Failed() {
			t.Logf("the job's output, %s:\n%s", strings.Join(args, " "), j.tail(60))
		}
	})
	return j
}

// kill kills the whole group with -9 and waits until it is gone.
func (j *job) kill() {
	_ = syscall.Kill(-j.cmd.Process.Pid, syscall.SIGKILL)
	<-j.done
}

// wait waits for the job's own end, which must be a success.
func (j *job) wait() []batch {
	j.t.Helper()
	ctx, cancel := context.WithCancel(j.t.Context())
	defer cancel()
	select {
	case <-j.done:
	case <-j.stalled(ctx):
		j.kill()
		require.FailNow(j.t, "the job hangs", "it did nothing for %s", progress.Patience)
	}
	require.NoError(j.t, j.err)
	return j.batches()
}

// stalled returns a channel that is closed when the job hangs: it says nothing, and
// nothing moves in its lake.
func (j *job) stalled(ctx context.Context) <-chan struct{} {
	return progress.Stalled(ctx, progress.Files(j.log, j.lake))
}

// until waits for a file that the job, or something it runs in, makes.
func (j *job) until(file string) {
	j.t.Helper()
	ctx, cancel := context.WithCancel(j.t.Context())
	defer cancel()
	stalled := j.stalled(ctx)
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case <-j.done:
			require.FailNow(j.t, "the job ended by itself", "before there was %s: %v", file, j.err)
		case <-stalled:
			require.FailNow(j.t, "the job hangs", "it did nothing for %s, and there is no %s", progress.Patience, file)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// batches returns what the job has printed of its batches.
func (j *job) batches() (all []batch) {
	data, err := os.ReadFile(j.log)
	require.NoError(j.t, err)
	for _, line := range bytes.Split(data, []byte("\n")) {
		var b batch
		if bytes.HasPrefix(line, []byte(`{"batch"`)) && json.Unmarshal(line, &b) == nil {
			all = append(all, b)
		}
	}
	return all
}

func (j *job) tail(n int) string {
	data, _ := os.ReadFile(j.log)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// ---- What a run has stored ----

// row is a row of the table, with the folders it is in.
type row struct {
	Device    string            `json:"device_id"`
	Boot      *string           `json:"boot"`
	Seq       *uint64           `json:"seq"`
	TS        int64             `json:"ts"` // µs
	TSSource  string            `json:"ts_source"`
	DeviceTS  *string           `json:"device_ts"`
	Arrival   int64             `json:"arrival_time"`
	Schema    *string           `json:"schema"`
	Meta      map[string]string `json:"meta"`
	Extra     map[string]string `json:"extra"`
	Number    string            `json:"sequence_number"`
	Readings  map[string]any    `json:"readings"` // the schema's columns; numbers as json.Number
	Partition string            `json:"partition"`
}

// letter is a dead letter, with the folder it is in.
type letter struct {
	Reason      string  `json:"reason"`
	Detail      string  `json:"detail"`
	Stream      string  `json:"stream"`
	Shard       *string `json:"shard_id"`
	Key         string  `json:"partition_key"`
	Number      string  `json:"sequence_number"`
	UserRecord  int     `json:"user_record"`
	Record      *int    `json:"record"`
	ArrivalTime string  `json:"arrival_time"`
	Device      *string `json:"device_id"`
	Data        []byte  `json:"data"`
	Batch       string  `json:"batch"`
	Replayed    int     `json:"replayed"`
	Partition   string  `json:"partition"`
}

// readLake returns the rows and dead letters of a lake.
func readLake(t *testing.T, lake string) (rows []row, letters []letter) {
	t.Helper()
	out := command(t, python41(t), "lake.py", lake, "env")
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		dec := json.NewDecoder(bytes.NewReader(scan.Bytes()))
		dec.UseNumber()
		var line struct {
			Row    *row
			Letter *letter
		}
		require.NoError(t, dec.Decode(&line), "%s", scan.Bytes())
		if line.Row != nil {
			rows = append(rows, *line.Row)
		} else {
			letters = append(letters, *line.Letter)
		}
	}
	require.NoError(t, scan.Err())
	return rows, letters
}

// newLake returns a folder for a lake and its URI.
func newLake(t *testing.T) (dir, uri string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "lake")
	require.NoError(t, os.Mkdir(dir, 0o755))
	return dir, "file://" + filepath.ToSlash(dir)
}
