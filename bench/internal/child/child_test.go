package child

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

func TestRows(t *testing.T) {
	schema, err := record.NewSchema("t", 1, record.Field{Name: "f", Kind: record.Float}, record.Field{Name: "i", Kind: record.Int},
		record.Field{Name: "b", Kind: record.Bool}, record.Field{Name: "s", Kind: record.String})
	require.NoError(t, err)
	at := time.UnixMilli(1_600_000_000_123)
	records := []record.Record{
		{ID: record.ID{Device: "a"}, Time: at, Meta: []record.Meta{{Name: "m", Value: "1"}}, Readings: []record.Reading{
			{Name: "f", Value: record.FloatValue(0.1)}, {Name: "i", Value: record.IntValue(-7)},
			{Name: "b", Value: record.BoolValue(true)}, {Name: "s", Value: record.StringValue("x\ty")}}},
		{ID: record.ID{Device: "b"}, Time: at.Add(time.Minute), Meta: []record.Meta{}, Readings: []record.Reading{
			{Name: "b", Value: record.BoolValue(false)}, {Name: "s", Value: record.StringValue("")}}},
	}
	write := func(w *bytes.Buffer) error {
		return WriteRows(w, schema, len(records), func(i int) *record.Record { return &records[i] }, func(i int) bool { return i > 0 })
	}
	var b bytes.Buffer
	require.NoError(t, write(&b))
	file := filepath.Join(t.TempDir(), "rows")
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
	rows, err := OpenRows(file)
	require.NoError(t, err)
	require.Equal(t, schema.Fingerprint(), rows.Schema.Fingerprint())
	for _, want := range records {
		step, err := rows.Next()
		require.NoError(t, err)
		require.Equal(t, Record, step)
		require.True(t, want.Time.Equal(rows.Record.Time))
		want.Time = rows.Record.Time
		require.Equal(t, want, rows.Record)
		step, err = rows.Next()
		require.NoError(t, err)
		require.Equal(t, Window, step)
	}
	step, err := rows.Next()
	require.NoError(t, err)
	require.Equal(t, End, step)

	records[1].Readings[0].Value = record.IntValue(1)
	require.ErrorContains(t, write(&b), "record 2: reading b of kind int is not in the schema t/1")
}

func TestLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lines")
	require.NoError(t, os.WriteFile(file, []byte("k\t{1}\n\nl\t{2}\n"), 0o600))
	lines, err := OpenLines(file)
	require.NoError(t, err)
	var got []string
	for {
		step, err := lines.Next()
		require.NoError(t, err)
		if step == End {
			break
		}
		if step == Window {
			lines.Key, lines.Data = "window", nil
		}
		got = append(got, lines.Key+string(lines.Data))
	}
	require.Equal(t, []string{"k{1}", "window", "l{2}"}, got)
}

func TestJobThroughTheEnvironment(t *testing.T) {
	j := Job{URL: "https://127.0.0.1:1", CA: "ca", Stream: "s", Input: "in", Pace: "rate", Window: 250 * time.Millisecond,
		Rate: 9, Flush: time.Second, Codec: "zstd", Dir: "d"}
	for _, v := range j.Environ() {
		name, value, _ := bytes.Cut([]byte(v), []byte{'='})
		t.Setenv(string(name), string(value))
	}
	got, err := FromEnviron()
	require.NoError(t, err)
	require.Equal(t, j, got)
	t.Setenv("BENCH_RATE", "")
	_, err = FromEnviron()
	require.ErrorContains(t, err, "BENCH_RATE")
}
