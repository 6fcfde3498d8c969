package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/spool"
)

func TestSpoolUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"spool", "what to do? Give ls, verify, dump or repair"},
		{"spool ls", "which directory? Give it after ls"},
		{"spool list DIR", `"list" is none of ls, verify, dump and repair`},
		{"spool ls DIR more", `no flag: "more"`},
		{"spool ls -all DIR", "-all and -aside are for dump"},
		{"spool dump -all -aside DIR", "give one of them"},
		{"spool ls DIR -colour", "flag provided but not defined: -colour"},
	} {
		code, out, err := cli(strings.Fields(c.args)...)
		require.Equal(t, exitUsage, code, c.args)
		require.Empty(t, out, c.args)
		require.Contains(t, err, c.want, c.args)
		require.Contains(t, err, `"rivulet help spool" explains`, c.args)
	}
	code, out, _ := cli("spool", "ls", "DIR", "-h")
	require.Zero(t, code)
	require.Contains(t, out, "Usage: rivulet spool ls|verify|dump|repair [flags] DIR")
}

func TestSpoolFailures(t *testing.T) {
	empty, missing := t.TempDir(), filepath.Join(t.TempDir(), "nowhere")
	newer := copySpool(t, "v1-plain")
	require.NoError(t, os.WriteFile(filepath.Join(newer, spool.FormatName), spool.FormatText(1, 0), 0o600))
	for _, verb := range []string{"ls", "verify", "dump", "repair"} {
		for dir, want := range map[string]string{
			empty:   "there is no buffer here",
			missing: "is " + missing + " the directory of a buffer",
			newer:   "use the rivulet command of the version that wrote it",
		} {
			code, out, err := cli("spool", verb, dir)
			require.Equal(t, exitFailed, code, verb)
			require.Empty(t, out)
			require.Contains(t, err, want)
			require.Contains(t, err, dir)
		}
		require.Empty(t, snapshot(t, empty), "nothing is made there")

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if verb != "repair" {
			var stderr bytes.Buffer
			require.Equal(t, exitFailed, run(ctx, []string{"spool", verb, copySpool(t, "v1-plain")}, nil, io.Discard, &stderr))
			require.Contains(t, stderr.String(), "canceled")
		}
	}
	for _, verb := range []string{"ls", "verify", "dump"} {
		r, w := io.Pipe()
		require.NoError(t, r.Close())
		require.Equal(t, exitFailed, run(context.Background(), []string{"spool", verb, copySpool(t, "v1-plain")}, nil, w, io.Discard))
	}
}
