package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/tools"
)

// A machine has a folder of commands that stand in for real ones, and notes what aws was asked.
type machine struct {
	t           *testing.T
	bin, fake   string
	work        string
	environment []string
}

func newMachine(t *testing.T) *machine {
	python := tools.Path(t, "cli-setup.sh", "cli", "bin", "python")
	for _, tool := range []string{"bash", "jq", "sed", "zcat"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s not found", tool)
			}
			t.Skipf("%s not found", tool)
		}
	}
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	m := &machine{t: t, bin: t.TempDir(), fake: t.TempDir(), work: t.TempDir()}
	m.command("aws", "exec '"+python+"' -ISB '"+here+"/ask_aws.py' '"+server(t, python)+"' \"$@\"")
	m.command("sleep", "exit 0")
	m.environment = append(os.Environ(), "PATH="+m.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "FAKE_AWS="+m.fake, "HOME="+m.fake,
		"AWS_DEFAULT_REGION=eu-west-1")
	return m
}

var (
	serving sync.Once
	socket  string
	stop    = func() {}
)

// server returns the socket of the one process that stands for AWS.
func server(t *testing.T, python string) string {
	serving.Do(func() {
		dir, err := os.MkdirTemp("", "aws")
		require.NoError(t, err)
		socket = filepath.Join(dir, "socket")
		c := exec.Command(python, "-B", "fake_aws.py", socket)
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		stop = func() {
			_ = c.Process.Kill()
			_ = c.Wait()
			_ = os.RemoveAll(dir)
		}
		_, err = out.Read(make([]byte, 1)) // once it is ready
		require.NoError(t, err)
	})
	return socket
}

func TestMain(m *testing.M) {
	code := m.Run()
	stop()
	os.Exit(code)
}

func (m *machine) command(name, script string) {
	require.NoError(m.t, os.WriteFile(filepath.Join(m.bin, name), []byte("#!/usr/bin/env bash\n"+script+"\n"), 0o755))
}

func (m *machine) file(path string, data []byte) {
	path = filepath.Join(m.work, path)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m.t, os.WriteFile(path, data, 0o644))
}

// bash runs a script, which must not fail.
func (m *machine) bash(script string) string {
	c := exec.Command("bash", "-euo", "pipefail", "-c", script)
	c.Dir, c.Env = m.work, m.environment
	out, err := c.CombinedOutput()
	require.NoError(m.t, err, "%s", out)
	return string(out)
}

// A call is one of the AWS API.
type call struct {
	Call       string
	Parameters map[string]any
	Refused    string // why, if it was
}

func (m *machine) calls() (out []call) {
	text, err := os.ReadFile(filepath.Join(m.fake, "calls.ndjson"))
	require.NoError(m.t, err)
	for line := range strings.Lines(string(text)) {
		var c call
		require.NoError(m.t, json.Unmarshal([]byte(line), &c))
		if c.Refused == "" {
			out = append(out, c)
		}
	}
	return out
}

func TestFakeRefusesWhatAWSWould(t *testing.T) {
	m := newMachine(t)
	for script, why := range map[string]string{
		"aws glue get-job-runs --job-name x --bogus":                         "Unknown options: --bogus",
		"aws glue get-job-run --job-name x":                                  "--run-id",
		"aws glue get-jobruns --job-name x":                                  "argument operation: Invalid choice",
		"aws kinesis put-record --stream-name '' --partition-key k --data d": "Invalid length for parameter StreamName",
		"aws sts get-caller-identity --query 'Arn['":                         "Bad value for --query",
	} {
		c := exec.Command("bash", "-c", script)
		c.Dir, c.Env = m.work, m.environment
		out, err := c.CombinedOutput()
		require.Error(t, err, script)
		require.Contains(t, string(out), why)
	}
}
