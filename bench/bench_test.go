package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// small is a run of a few hundred records of the programs in Go.
func small() settings {
	return settings{producers: []string{"rivulet", "a8m", "a8m-h2", "sdk"}, minutes: 6, window: 80 * time.Millisecond,
		steadyRate: 2000, steadyTime: 300 * time.Millisecond, steadyFlush: 100 * time.Millisecond, records: 700, backlog: 900}
}

func generated(t *testing.T, n int) *input {
	in := &input{from: "generated", records: generate(n)}
	require.NoError(t, in.derive())
	return in
}

func TestFiguresAreSane(t *testing.T) {
	in := generated(t, 500) // drain loops it
	first, err := runAll(t.Context(), small(), in, t.Logf)
	require.NoError(t, err)
	again := small()
	again.scenarios = []string{"minute", "drain"}
	second, err := runAll(t.Context(), again, in, t.Logf)
	require.NoError(t, err)

	require.Len(t, first, 4)
	require.Len(t, first["disk"], 1)
	for scenario, byProducer := range first {
		for name, f := range byProducer {
			at := scenario + " " + name
			require.Equal(t, []int{f.Records, 0, 0}, []int{f.Delivered, f.Lost, f.Duplicates}, at)
			require.Greater(t, f.Records, 100, at)
			require.Greater(t, f.BytesUp, f.PayloadBytes, "%s: TLS and HTTP add to the payload", at)
			require.Greater(t, f.CPU, 100.0, at)
			require.Less(t, f.CPU, 1e7, at)
			require.Greater(t, f.StartRSS, int64(1<<20), at)
			require.GreaterOrEqual(t, f.PeakRSS, f.StartRSS, at)
			require.Positive(t, f.Requests, at)
			require.Positive(t, f.Connections, at)
			require.GreaterOrEqual(t, f.UnitsMillion, f.RecordsMillion, at)
			if same, ok := second[scenario][name]; ok {
				require.Equal(t, f.Records, same.Records, at)
				require.InEpsilon(t, f.BytesUp, same.BytesUp, 0.05, at)
			}
		}
	}
	// What does not depend on the clock is the same each time.
	for _, exact := range [][2]string{{"minute", "rivulet"}, {"minute", "sdk"}, {"drain", "a8m"}, {"drain", "sdk"}} {
		a, b := first[exact[0]][exact[1]], second[exact[0]][exact[1]]
		require.Equal(t, []float64{float64(a.Requests), float64(a.KinesisRecords), a.UnitsMillion}, []float64{float64(b.Requests), float64(b.KinesisRecords), b.UnitsMillion}, exact)
		if exact[1] != "rivulet" { // its ids have a random boot number, which compresses as it likes
			require.Equal(t, a.PayloadBytes, b.PayloadBytes, exact)
		}
	}
	minute := first["minute"]
	require.Equal(t, 6, minute["sdk"].Requests)
	require.Equal(t, 6, minute["rivulet"].Requests)
	require.Equal(t, minute["sdk"].Records, minute["sdk"].KinesisRecords)
	require.Less(t, minute["rivulet"].BytesUp, minute["a8m"].BytesUp)
	require.Less(t, minute["a8m-h2"].BytesUp, minute["a8m"].BytesUp)

	checkOutput(t, first, in)
}

// checkOutput looks at the four forms that results are shown in.
func checkOutput(t *testing.T, all results, in *input) {
	text, err := json.Marshal(all)
	require.NoError(t, err)
	var shape map[string]map[string]map[string]float64
	require.NoError(t, json.Unmarshal(text, &shape))
	require.Contains(t, shape["drain"]["a8m"], "bytes_up_per_record")

	var table strings.Builder
	printTable(&table, all)
	for _, want := range []string{"minute", "steady", "drain", "disk", "rivulet", "a8m", "sdk"} {
		require.Contains(t, table.String(), want)
	}

	dir := t.TempDir()
	require.NoError(t, writeCharts(dir, all))
	for _, name := range []string{"bench-bytes.svg", "bench-cost.svg"} {
		svg, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Contains(t, string(svg), "prefers-color-scheme: dark")
		require.Contains(t, string(svg), ">rivulet</text>")
		d := xml.NewDecoder(strings.NewReader(string(svg)))
		for err = nil; err == nil; {
			_, err = d.Token()
		}
		require.ErrorIs(t, err, io.EOF, name)
	}

	file := filepath.Join(dir, "README.md")
	require.NoError(t, os.WriteFile(file, []byte("a\n"+beginMark+"\nold\n"+endMark+"\nz\n"), 0o600))
	for range 2 {
		require.NoError(t, writeMarkdown(file, all, small(), in))
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(page), "a\n"+beginMark+"\nMeasured on "), string(page))
		require.True(t, strings.HasSuffix(string(page), "|\n"+endMark+"\nz\n"), string(page))
		require.NotContains(t, string(page), "old")
	}
	require.NoError(t, os.WriteFile(file, []byte("no marks"), 0o600))
	require.ErrorContains(t, writeMarkdown(file, all, small(), in), beginMark)
}

func TestMissingTools(t *testing.T) {
	missing := peer{name: "gone", command: func(string) ([]string, error) { return nil, errors.New("install it") }}
	defer func(all []peer) { peers = all }(peers)
	peers = append(peers[:len(peers):len(peers)], missing)
	s := small()
	s.producers, s.scenarios = []string{"gone"}, []string{"drain"}
	t.Setenv("CI", "")
	all, err := runAll(t.Context(), s, generated(t, 300), t.Logf)
	require.NoError(t, err)
	require.Empty(t, all)
	t.Setenv("CI", "true")
	_, err = runAll(t.Context(), s, generated(t, 300), t.Logf)
	require.ErrorContains(t, err, "gone: install it")
}
