package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/e2e/internal/progress"
)

// The agent, as far as the script sees of it: it says what its schema is, and that it delivered.
const agent = `#!/usr/bin/env bash
case $1 in
-print-schema) echo '{"name": "machine", "version": 1, "fields": [{"name": "cpu_busy", "kind": "float", "min": 0, "max": 1}]}' ;;
*)
	[ "$AWS_ACCESS_KEY_ID" = DEVICE ] || exit 1
	echo 100 >>"$FAKE_AWS/delivered"
	echo '{"delivered": 100, "pending": 0, "state": "online"}'
	;;
esac`

// smoke runs the script for a real account without one, and returns its exit code and output.
func smoke(t *testing.T, m *machine, arguments ...string) (code int, out string) {
	golang, err := exec.LookPath("go")
	require.NoError(t, err)
	m.file("agent", []byte(agent))
	m.command("go", `to=$3
'`+golang+`' build -o "$to" ./cmd/rivulet
install -m 755 '`+filepath.Join(m.work, "agent")+`' "$to/raspberrypi"`)
	m.command("curl", `echo '{"credentials": {"accessKeyId": "DEVICE", "secretAccessKey": "S", "sessionToken": "T"}}'`)
	c := exec.Command("bash", append([]string{"../../scripts/aws-smoke.sh"}, arguments...)...)
	c.Env = append(m.environment, "RIVULET_AWS_SMOKE=yes", "TMPDIR="+m.work, "GOFLAGS=", "HOME="+os.Getenv("HOME"))
	var text bytes.Buffer
	c.Stdout, c.Stderr = &text, &text
	if err := progress.Run(c); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return c.ProcessState.ExitCode(), text.String()
}

func removed(m *machine) (done bool) {
	buckets, stack, key := 0, false, false
	for _, c := range m.calls() {
		switch c.Call {
		case "s3.DeleteBucket":
			buckets++
		case "cloudformation.DeleteStack":
			stack = true
		case "kms.ScheduleKeyDeletion":
			key = true
		}
	}
	return buckets == 2 && stack && key
}

var account = []string{"-account", "123456789012", "-region", "eu-west-1"}

func TestSmoke(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	code, out := smoke(t, m, append(account, "-project", "smoke-1")...)
	require.Zero(t, code, out)
	require.NotContains(t, out, "WRONG")
	require.Equal(t, -1, strings.IndexFunc(out, hostile), "what a device sent reaches the terminal: %q", out)
	for _, step := range []string{
		"ok: the device may not read, nor list",
		"ok: the table has 400 records",
		"ok: nothing is missing, nothing is there twice",
		"ok: a reader sees 400 records",
		"ok: a reader may use the views",
		"ok: a reader may read nothing but the table",
		"ok: the six are dead letters, each with its reason",
		"ok: replayed, they are dead letters once more",
		"ok: run jr_1 has stopped",
		"ok: the table has 500 records",
		"ok: machine_all has 500 records",
		"all is well",
		"removed; the key goes in 7 days",
	} {
		require.Contains(t, out, step)
	}
	require.True(t, removed(m))
}

func TestSmokeOfIcebergIsKept(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	code, out := smoke(t, m, append(account, "-sink", "iceberg", "-keep")...)
	require.Zero(t, code, out)
	require.Contains(t, out, "all is well")
	require.Contains(t, out, "kept: the stack rivulet-smoke-")
	require.False(t, removed(m))
}

func TestSmokeThatFailsIsRemoved(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	require.NoError(t, os.WriteFile(filepath.Join(m.fake, "errors.json"), []byte(`{"iot.CreateThing": "no more things"}`), 0o600))
	code, out := smoke(t, m, append(account, "-project", "smoke-2")...)
	require.Equal(t, 255, code, out)
	require.Contains(t, out, "no more things")
	require.True(t, removed(m))
}

// It says that something is removed only if AWS does.
func TestSmokeTellsWhatIsLeft(t *testing.T) {
	t.Parallel()
	remove := append(account, "-project", "smoke-3", "-remove")
	m := newMachine(t)
	code, out := smoke(t, m, remove...)
	require.Zero(t, code, out)
	require.Contains(t, out, "removed; the key goes in 7 days")

	m = newMachine(t)
	require.NoError(t, os.WriteFile(filepath.Join(m.fake, "errors.json"), []byte(`{"kinesis.DeleteStream": "no", "s3.DeleteBucket": "no",
		"kms.ScheduleKeyDeletion": "no", "cloudformation.DescribeStacks": "who are you"}`), 0o600))
	code, out = smoke(t, m, remove...)
	require.Equal(t, 1, code, out)
	for _, left := range []string{
		"STILL THERE: the stream\n",
		"STILL THERE: the lake's bucket\n",
		"STILL THERE: the bucket with its access logs\n",
		"STILL THERE: the key 1234abcd-12ab-34cd-56ef-1234567890ab: Enabled\n",
		"STILL THERE: the stack, or who knows: \n", "who are you",
		"NOT ALL IS GONE",
	} {
		require.Contains(t, out, left)
	}
	require.NotContains(t, out, "removed;")
}

func TestSmokeIsOptIn(t *testing.T) {
	m := newMachine(t)
	m.environment = append(m.environment, "RIVULET_AWS_SMOKE=")
	for _, c := range []struct {
		arguments []string
		code      int
		says      string
	}{
		{account, 0, "Nothing was done"},
		{[]string{"-region", "eu-west-1"}, 2, "give -account and -region"},
		{[]string{"-bogus"}, 2, "unknown argument -bogus"},
		{append(account, "-remove"), 2, "-remove needs -project"},
		{append(account, "-sink", "x"), 2, "not x"},
		{[]string{"-help"}, 0, "It costs money"},
	} {
		run := exec.Command("bash", append([]string{"../../scripts/aws-smoke.sh"}, c.arguments...)...)
		run.Env = m.environment
		out, _ := run.CombinedOutput()
		require.Equal(t, c.code, run.ProcessState.ExitCode(), "%v: %s", c.arguments, out)
		require.Contains(t, string(out), c.says)
	}
	require.NoFileExists(t, filepath.Join(m.fake, "calls.ndjson"))

	code, out := smoke(t, m, "-account", "999999999999", "-region", "eu-west-1")
	require.Equal(t, 1, code)
	require.Contains(t, out, "the credentials are of account 123456789012, not 999999999999")
	require.Len(t, m.calls(), 1)
}

func TestScriptsPassShellcheck(t *testing.T) {
	newMachine(t) // skips where the tools are not installed
	out, err := exec.Command("../../.tools/cli/bin/shellcheck", "../../scripts/aws-smoke.sh", "../../scripts/cli-setup.sh").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
