package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// one is a task of 300 records for one of the programs in Go.
func one(t *testing.T, program string) task {
	in := generated(t, 300)
	dir := t.TempDir()
	require.NoError(t, buildPrograms(dir))
	lines, rows, err := in.write(dir, len(in.records), false)
	require.NoError(t, err)
	run := task{argv: []string{filepath.Join(dir, program)}, in: in, records: len(in.records), dir: dir}
	run.job.Input, run.job.Pace, run.job.Flush = lines, "full", time.Second
	if program == "rivulet" {
		run.job.Input = rows
	}
	return run
}

// TestLossesAreNoticed: a record that never arrives, because the program is not
// even given it, and one that arrives twice.
func TestLossesAreNoticed(t *testing.T) {
	for _, program := range []string{"sdk", "a8m"} {
		run := one(t, program)
		text, err := os.ReadFile(run.job.Input)
		require.NoError(t, err)
		lines := bytes.SplitAfter(text, []byte("\n"))
		without := bytes.Join(append(lines[:100:100], lines[101:]...), nil)
		require.NoError(t, os.WriteFile(run.job.Input, without, 0o600))
		f, err := run.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int{300, 299, 1, 0}, []int{f.Records, f.Delivered, f.Lost, f.Duplicates}, program)

		twice := bytes.Join(append(append(lines[:100:100], lines[100], lines[100]), lines[101:]...), nil)
		require.NoError(t, os.WriteFile(run.job.Input, twice, 0o600))
		f, err = run.run(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int{300, 300, 0, 1}, []int{f.Records, f.Delivered, f.Lost, f.Duplicates}, program)
	}

	run := one(t, "rivulet")
	run.damage = func(e *endpoint) { // the first call is stored, its answer is lost
		e.server.Inject(kinesistest.Fault{Operation: "PutRecords", Times: 1, Effect: kinesistest.LoseReply()})
	}
	f, err := run.run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{300, 300, 0, 300}, []int{f.Records, f.Delivered, f.Lost, f.Duplicates})
}

func TestCompare(t *testing.T) {
	run := one(t, "sdk")
	e, err := startEndpoint(run.dir)
	require.NoError(t, err)
	defer e.close()
	run.job.URL, run.job.CA, run.job.Stream = e.url(), e.ca, streamName
	_, err = run.measure(t.Context())
	require.NoError(t, err)
	stored, err := e.server.Records(streamName)
	require.NoError(t, err)
	require.Len(t, stored, 300)
	for name, c := range map[string]struct {
		stored []kinesistest.Record
		want   outcome
	}{
		"all":    {stored, outcome{300, 0, 0}},
		"lost":   {stored[3:], outcome{297, 3, 0}},
		"double": {append(stored[:300:300], stored[7]), outcome{300, 0, 1}},
		"both":   {append(stored[1:300:300], stored[7]), outcome{299, 1, 1}},
		"none":   {nil, outcome{0, 300, 0}},
	} {
		got, err := compare(run.in, 300, c.stored)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
	for change, complaint := range map[string]string{`"light"`: "was not put", `{"device_id"`: "no record"} {
		data := strings.Replace(string(stored[0].Data), change, `"dark"`, 1)
		_, err = compare(run.in, 300, append(stored[:300:300], kinesistest.Record{Data: []byte(data)}))
		require.ErrorContains(t, err, complaint)
	}
}

// TestFailuresAreErrors: a program that fails does not become a figure.
func TestFailuresAreErrors(t *testing.T) {
	denied := func(e *endpoint) {
		e.server.Inject(kinesistest.Fault{Effect: kinesistest.FailCall("AccessDeniedException", 0, "")})
	}
	for _, program := range []string{"sdk", "a8m", "rivulet"} {
		run := one(t, program)
		input := run.job.Input
		run.job.Input += ".missing"
		_, err := run.run(t.Context())
		require.ErrorContains(t, err, ".missing", program)

		run.job.Input, run.damage = input, denied
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if program == "rivulet" { // it keeps its records and goes on trying
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		}
		defer cancel()
		_, err = run.run(ctx)
		if program == "rivulet" {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		} else {
			require.ErrorContains(t, err, "AccessDenied", program)
		}
	}
	run := one(t, "rivulet")
	run.job.Codec = "no such codec"
	_, err := run.run(t.Context())
	require.ErrorContains(t, err, "no such codec")
}
