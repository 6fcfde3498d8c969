package main

import (
	"bytes"
	"context"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/producer/wire"
)

func TestFlags(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "eu-west-3")
	o, err := parseFlags(nil)
	require.NoError(t, err)
	require.Equal(t, time.Second, o.interval)
	require.Equal(t, 2*time.Second, o.flush)
	require.Equal(t, 10*time.Second, o.drain)
	require.Equal(t, "columnar", o.codec.Name())
	require.Equal(t, wire.CBOR, o.wire)
	require.Equal(t, wire.PostQuantum, o.tls)
	require.NotEmpty(t, o.device)

	o, err = parseFlags(strings.Fields("-stream t -replay x -rate 2.5 -codec none -wire json -tls compact -key spread:4 -duration 1h -json=false"))
	require.NoError(t, err)
	require.Equal(t, "eu-west-3", o.region)
	require.InDelta(t, 2.5, o.rate, 0)
	require.Equal(t, wire.JSON, o.wire)
	require.Equal(t, wire.Compact, o.tls)
	require.Equal(t, "spread:4", o.key.String())
	require.False(t, o.json)
}

func TestBadFlags(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for _, c := range []struct {
		args string
		want []string // one of each line on stderr, but for the last
	}{
		{"-nonsense", []string{"-nonsense"}},
		{"-nonsense 3 -codec lzma -wire xml -tls old -key none -rate fast -interval soon -drain -1s -flush 0 -replay f",
			[]string{"-nonsense", "-interval soon", "-drain -1s", "-flush 0", "lzma", `"none"`, `"xml"`, `"old"`, "-rate fast", "-interval is of the sensors"}},
		{"-rate 5", []string{"-rate is of -replay"}},
		{"-replay f -rate 0", []string{"-rate 0"}},
		{"-replay f -rate NaN", []string{"-rate NaN"}},
		{"-flush 25h", []string{"above the maximum 24h"}},
		{"-duration", []string{"-duration"}},
		{"extra words", []string{`"extra words"`}},
		{"-json=maybe", []string{"-json=maybe"}},
		{"-stream s", []string{"-region"}},
		{"-stream a/b -region x", []string{`"a/b"`}},
		{"-stream= -region x", []string{`-stream ""`}},
		{"-stream s -endpoint ftp://x", []string{`"ftp://x"`}},
		{"-stream s -endpoint https://example.com -insecure", []string{"example.com is not on the loopback interface"}},
		{"-stream s -region x -insecure", []string{"-insecure needs -endpoint"}},
		{"-endpoint https://127.0.0.1:1", []string{"need -stream"}},
		{"-spool-max 1MiB -spool-age 1h -sync always", []string{"-spool-max is of the buffer on disk: it needs -spool DIR", "-spool-age", "-sync"}},
		{"-spool= -spool-max 200KiB -sync sometimes -spool-age 5ms", []string{"-spool-age 5ms: below the minimum 1s", `-spool ""`,
			"-spool-max 200KiB: below the minimum 256.0 KiB", `"sometimes": want group, always, interval, never, spill`}},
		{"-spool d -spool-max 12QB", []string{"-spool-max 12QB: not a number of bytes such as 512KiB"}},
		{"-memory 5MB", []string{"-memory 5MB: not a number of bytes"}},
		{"-memory 1MiB", []string{"-memory 1MiB: below the minimum 8.0 MiB"}},
		{"-spool d -spool-max -1", []string{"-spool-max -1"}},
		{"-device " + strings.Repeat("x", 129), []string{"-device"}},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, run(context.Background(), strings.Fields(c.args), nil, &stdout, &stderr), c.args)
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		require.Len(t, lines, len(c.want)+1, "%s\n%s", c.args, stderr.String())
		for i, w := range c.want {
			require.Contains(t, lines[i], w, c.args)
		}
		require.Empty(t, stdout.String())
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(context.Background(), []string{"-h"}, nil, &stdout, &stderr))
	for _, name := range strings.Fields("stream region endpoint insecure drain device interval flush duration replay rate codec wire tls key json events spool spool-max spool-age sync memory") {
		require.Contains(t, stdout.String(), "\n  -"+name+" ", name)
	}
	require.Empty(t, stderr.String())
}

func TestMemoryLimit(t *testing.T) {
	for _, c := range []struct {
		args, env string
		want      int64
	}{
		{"-stream s -region x", "", 20 << 20},
		{"-stream s -region x -spool d", "", 24 << 20},
		{"-stream s -region x", "64MiB", 0},
		{"-stream s -region x -memory 30MiB", "64MiB", 30 << 20},
		{"-stream s -region x -memory 0", "", 0},
		{"", "", 0},
	} {
		t.Setenv("GOMEMLIMIT", c.env)
		o, err := parseFlags(strings.Fields(c.args))
		require.NoError(t, err, c.args)
		require.Equal(t, c.want, o.memory, c.args)
		before := debug.SetMemoryLimit(-1)
		undo := o.limitMemory()
		if c.want > 0 {
			require.Equal(t, c.want, debug.SetMemoryLimit(-1))
		}
		undo()
		require.Equal(t, before, debug.SetMemoryLimit(-1))
	}
}
