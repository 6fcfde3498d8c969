package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// noConfig keeps the tests away from the AWS configuration of whoever runs them.
func noConfig(set func(key, value string)) {
	for _, kv := range os.Environ() {
		if key, _, _ := strings.Cut(kv, "="); strings.HasPrefix(key, "AWS_") {
			os.Unsetenv(key)
		}
	}
	set("AWS_CONFIG_FILE", os.DevNull)
	set("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	set("AWS_EC2_METADATA_DISABLED", "true")
}

func TestMain(m *testing.M) {
	noConfig(func(k, v string) { os.Setenv(k, v) })
	goleak.VerifyTestMain(m)
}

// cli runs the program.
func cli(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// serve starts a Kinesis whose credentials the program finds in the environment.
func serve(t *testing.T, shards int) (srv *kinesistest.Server, flags []string) {
	srv, err := kinesistest.Start(kinesistest.Config{Unlimited: true})
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	require.NoError(t, srv.CreateStream("telemetry", shards, kinesistest.StreamOptions{}))
	t.Setenv("AWS_ACCESS_KEY_ID", kinesistest.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", kinesistest.SecretAccessKey)
	return srv, []string{"tail", "-endpoint", srv.URL(), "-insecure", "-stream", "telemetry"}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"-h"}, {"--help"}, {"help", "help"}} {
		code, out, err := cli(args...)
		require.Zero(t, code, args)
		require.Empty(t, err, args)
		for _, c := range commands {
			require.Contains(t, out, "  "+c.name+" ")
			require.Contains(t, out, c.summary)
		}
	}
	for _, c := range commands {
		_, want, _ := cli("help", c.name)
		for _, text := range []string{"Usage: rivulet " + c.name, "Examples:", "\n  rivulet " + c.name} {
			require.Contains(t, want, text)
		}
		for _, h := range []string{"-h", "-help", "--help"} {
			code, out, err := cli(c.name, h)
			require.Zero(t, code)
			require.Empty(t, err)
			require.Equal(t, want, out)
		}
		for line := range strings.Lines(want) {
			require.LessOrEqual(t, len([]rune(line)), 100, line)
		}
	}
}

// The examples of the help are run, as far as that goes without a stream: their
// flags are right.
func TestHelpExamplesParse(t *testing.T) {
	n := 0
	for _, c := range commands {
		for line := range strings.Lines(c.text) {
			example, ok := strings.CutPrefix(line, "  rivulet ")
			if !ok {
				continue
			}
			n++
			example, _, _ = strings.Cut(example, "|")
			args := strings.Fields(example)
			for i, a := range args { // nothing listens there
				if strings.HasPrefix(a, "http") {
					args[i] = "http://127.0.0.1:1"
				}
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			var stderr bytes.Buffer
			require.NotEqual(t, exitUsage, run(ctx, args, nil, io.Discard, &stderr), "%s: %s", example, stderr.String())
		}
	}
	require.Greater(t, n, 5)
}

func TestWrongUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"tial", `there is no command "tial"`},
		{"help tial", `there is no command "tial"`},
		{"help tail tail", "one command at a time"},
		{"tail", "Give -stream NAME"},
		{"tail -strem x", "flag provided but not defined: -strem"},
		{"tail -stream x y", `no flag: "y"`},
		{"tail -stream x -limit -1", "-limit -1 is negative"},
		{"tail -stream x -limit many", `invalid value "many"`},
		{"tail -stream x -from latest", "needs -follow"},
		{"tail -stream x -from yesterday", `-from "yesterday" is neither`},
		{"tail -stream x -from 2999-01-01T00:00:00Z", "in the future"},
		{"tail -stream x -wire xml", `-wire "xml"`},
		{"tail -stream x -endpoint localhost:4567", `-endpoint "localhost:4567"`},
		{"tail -stream x -insecure", "-insecure accepts any certificate"},
		{"tail -stream x -insecure -endpoint https://example.com", "-insecure accepts any certificate"},
	} {
		code, out, err := cli(strings.Fields(c.args)...)
		require.Equal(t, exitUsage, code, c.args)
		require.Empty(t, out, c.args)
		require.Contains(t, err, c.want, c.args)
		require.Contains(t, err, "rivulet help", c.args)
		require.NotContains(t, err, "\x1b", "colour")
	}
}

func TestFailures(t *testing.T) {
	code, _, err := cli("tail", "-stream", "x")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "which region? Give -region or set AWS_REGION")

	code, _, err = cli("tail", "-stream", "x", "-region", "eu-west-1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "there are no usable AWS credentials")

	code, _, err = cli("tail", "-stream", "x", "-profile", "nobody", "-region", "eu-west-1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "nobody")

	srv, flags := serve(t, 1)
	code, out, err := cli(append(flags, "-stream", "telemetrie")...)
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Equal(t, 1, strings.Count(err, "\n"), err)
	require.Contains(t, err, fmt.Sprintf("there is no stream \"telemetrie\" at %s, or it was deleted", srv.URL()))

	code, _, err = cli(append(flags, "-stream", "telemetrie", "-region", "us-east-1")...)
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, `there is no stream "telemetrie" in region us-east-1 at https://127.0.0.1:`)

	code, _, err = cli("tail", "-stream", "telemetry", "-endpoint", srv.URL())
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "-insecure accepts a self-signed certificate")

	code, _, err = cli("tail", "-stream", "telemetry", "-endpoint", "http://127.0.0.1:1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "is the endpoint right")

	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	code, _, err = cli(flags...)
	require.Equal(t, exitFailed, code)
	require.Contains(t, err, "the credentials are not accepted")
}

// On this machine, and nowhere else, it works without any credentials.
func TestLocalCredentials(t *testing.T) {
	// A virtual machine's metadata service is not asked.
	metadata := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("IMDS was asked") }))
	defer metadata.Close()
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.URL)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
	c, where, err := target{endpoint: "http://127.0.0.1:4567", wire: "cbor"}.client(context.Background())
	require.NoError(t, err)
	require.Equal(t, "at http://127.0.0.1:4567", where.where())
	creds, err := c.Options().Credentials.Retrieve(context.Background())
	require.NoError(t, err)
	require.Equal(t, "local", creds.AccessKeyID)

	t.Setenv("AWS_ACCESS_KEY_ID", "mine")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_REGION", "eu-central-1")
	c, where, err = target{endpoint: "http://localhost:4567", wire: "json"}.client(context.Background())
	require.NoError(t, err)
	require.Equal(t, "in region eu-central-1 at http://localhost:4567", where.where())
	creds, err = c.Options().Credentials.Retrieve(context.Background())
	require.NoError(t, err)
	require.Equal(t, "mine", creds.AccessKeyID)
}

// What an error quotes does nothing to the terminal, and passes for no line of the program's.
func TestErrorsAreSafeToShow(t *testing.T) {
	err := fmt.Errorf("what a stream says: \x1b[2J\u202e\nrivulet tail: 5 records, nothing is missing\r\n%s", "\u009b31m")
	require.Equal(t, `what a stream says: \x1b[2J\u202e
  rivulet tail: 5 records, nothing is missing\x0d
  \x9b31m`, forTerminal(err))
	code, _, stderr := cli("spool", "verify", "no/such\x1b[2J\u202e")
	require.NotZero(t, code)
	require.NotContains(t, stderr, "\x1b")
	require.NotContains(t, stderr, "\u202e")
}
