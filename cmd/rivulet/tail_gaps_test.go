package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/record"
)

// TestGapsAreCountedExactly holds the count to one by brute force.
func TestGapsAreCountedExactly(t *testing.T) {
	for seed := range 300 {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		var g gaps
		const most = 60
		read, mark, late := map[uint64]bool{}, uint64(0), int64(0)
		for range rng.IntN(120) {
			seq := 1 + rng.Uint64N(most)
			if rng.IntN(2) == 0 && len(read) > 0 { // mostly in order
				for seq = 1; read[seq]; seq++ {
				}
			}
			if !read[seq] && seq < mark {
				late++
			}
			read[seq] = true
			g.read(record.ID{Device: "d", Boot: 1, Seq: seq})
			if rng.IntN(9) == 0 {
				mark = max(mark, seq)
				g.marked(compress.Mark{Device: "d", Boot: 1, First: seq})
			}
		}
		var missing, unseen, least, last uint64
		for seq := range read {
			if least == 0 || seq < least {
				least = seq
			}
			last = max(last, seq)
		}
		for seq := least; seq < last; seq++ {
			if !read[seq] && seq < mark {
				missing++
			} else if !read[seq] {
				unseen++
			}
		}
		m, u := g.count()
		require.Equal(t, []uint64{missing, unseen}, []uint64{m, u}, "seed %d", seed)
		require.Equal(t, late, g.late, "seed %d", seed)
		require.False(t, g.full())
	}
}

func TestClosedBootsAreComplete(t *testing.T) {
	var g gaps
	for _, seq := range []uint64{1, 2, 5} {
		g.read(record.ID{Device: "d", Boot: 1, Seq: seq})
	}
	_, unseen := g.count()
	require.EqualValues(t, 2, unseen)
	mark := compress.Mark{Device: "other", Boot: 9, First: 1}
	mark.Closed = []uint64{1}
	g.marked(mark) // says nothing of d
	_, unseen = g.count()
	require.EqualValues(t, 2, unseen)
	mark.Device = "d"
	g.marked(mark)
	missing, unseen := g.count()
	require.EqualValues(t, 2, missing)
	require.Zero(t, unseen)
}

// TestGapsAreBounded: a stream full of devices and of gaps takes bounded memory.
func TestGapsAreBounded(t *testing.T) {
	var g gaps
	for i := range uint64(3 * maxSpans) {
		g.read(record.ID{Device: "d", Boot: 1, Seq: 2*i + 1})
	}
	require.True(t, g.full())
	require.Empty(t, g.series[seriesID{"d", 1}].seen)
	for i := range uint64(2 * maxSequences) {
		g.read(record.ID{Device: "d", Boot: i + 2, Seq: 1})
		g.marked(compress.Mark{Device: "e", Boot: i + 2, First: 1})
	}
	require.Len(t, g.series, maxSequences)
}

// frameOf encodes records of a device; with complete, it says that nothing before them is outstanding.
func frameOf(t *testing.T, complete bool, closed []uint64, boot uint64, seqs ...uint64) []byte {
	var rows []record.Row
	for _, seq := range seqs {
		r := record.Record{Readings: []record.Reading{{Name: "n", Value: record.IntValue(int64(seq))}}}
		data, err := record.AppendRecord(nil, nil, &r, time.UnixMilli(1))
		require.NoError(t, err)
		rows = append(rows, record.Row{ID: record.ID{Device: "pi", Boot: boot, Seq: seq}, Data: data})
	}
	b := record.NewBatch(record.NewDecoder())
	b.Set(rows)
	b.SetMark(func(string, uint64) record.Mark { return record.Mark{Complete: complete, Closed: closed} })
	frame, err := compress.Columnar.NewEncoder().AppendFrame(nil, b)
	require.NoError(t, err)
	return frame
}

func TestTailCountsWhatIsNotThere(t *testing.T) {
	srv, flags := serve(t, 1)
	const boot, before = 0x9f3c1e7a55d20b86, 0x1111111111111111
	putRaw(t, srv, "pi", frameOf(t, false, nil, before, 7, 8, 10)) // an earlier opening, from 7 on
	putRaw(t, srv, "pi", frameOf(t, false, nil, boot, 1, 2))
	code, out, stderr := cli(flags...)
	require.Zero(t, code, stderr)
	require.Equal(t, "rivulet tail: 5 records, 1 not seen yet, 1 shard\n", stderr)
	require.Contains(t, out, `"boot":"9f3c1e7a55d20b86","seq":2`)

	putRaw(t, srv, "pi", frameOf(t, true, []uint64{before}, boot, 5, 6)) // 3 and 4 were given up, and 9 of the other
	putRaw(t, srv, "pi", frameOf(t, false, nil, boot, 9))
	_, _, stderr = cli(flags...)
	require.Equal(t, "rivulet tail: 8 records, 3 missing, 2 not seen yet, 1 shard\n", stderr)

	putRaw(t, srv, "pi", frameOf(t, false, nil, boot, 3)) // by another shard
	putRaw(t, srv, "pi", frameOf(t, false, nil, boot, 3))
	_, _, stderr = cli(flags...)
	require.Equal(t, "rivulet tail: 9 records, 1 duplicate dropped, 2 missing, 2 not seen yet, 1 late, 1 shard\n", stderr)
	_, _, stderr = cli(append(flags, "-limit", "4")...)
	require.Equal(t, "rivulet tail: 4 records, 1 shard\n", stderr, "not all was read")

	putRaw(t, srv, "pi", []byte("\xd7RV\x01 damaged"))
	_, _, stderr = cli(flags...)
	require.Contains(t, stderr, "1 undecodable, 2 missing or undecodable, 2 not seen yet")
}

// TestTailEscapesWhatOthersSay: nothing that a stream holds moves the cursor, turns
// the line around, or begins a line of its own.
func TestTailEscapesWhatOthersSay(t *testing.T) {
	const evil = "\x1b[2J\x1b]0;owned\x07\u009b31m\u202e\u2066\ufeff\u2028\rrivulet tail: 1000000 records, 1 shard\nrivulet tail: all is well"
	quoted, err := json.Marshal(evil)
	require.NoError(t, err)
	raw := strings.NewReplacer(`\u2028`, "\u2028", `\u009b`, "\u009b").Replace(string(quoted)) // as JSON allows
	srv, flags := serve(t, 1)
	key := strings.ReplaceAll(evil, "\x00", "")
	for i, data := range []string{
		"opaque " + evil,
		"{" + evil,
		`{"device_id":` + raw + `,"readings":{}}`,
		`{"device_id":"d","readings":{` + raw + `:1}}`,
		`{"device_id":"d",` + raw + `:1,"readings":{}}`,
		`{"device_id":"d","ts":` + raw + `,"readings":{}}`,
		`{"device_id":"d","meta":{"m":` + raw + `},"readings":{"s":` + raw + `}}`, // fine: values are free
		"\xf3\x89\x9a\xc2" + evil,
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + evil,
	} {
		putRaw(t, srv, key[:min(len(key), 100)]+fmt.Sprint(i), []byte(data))
	}
	for _, more := range [][]string{nil, {"-raw"}} {
		code, out, stderr := cli(append(flags, more...)...)
		require.Equal(t, more == nil, code == exitFailed)
		bad := regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f-\x9f\x{61c}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}]`)
		require.Empty(t, bad.FindAllString(out, -1), out)
		require.Empty(t, bad.FindAllString(stderr, -1), stderr)
		for line := range strings.Lines(out) {
			require.True(t, json.Valid([]byte(line)), line)
		}
		for line := range strings.Lines(stderr) {
			require.NotRegexp(t, `^rivulet tail: (1000000|all is well)`, line)
		}
		if more == nil {
			require.Equal(t, 1, strings.Count(stderr, "\nrivulet tail: 3 records"), stderr)
			var line struct {
				Meta, Readings map[string]string
			}
			i := strings.Index(out, `{"device_id":"d"`)
			require.NoError(t, json.Unmarshal([]byte(strings.SplitN(out[i:], "\n", 2)[0]), &line))
			require.Equal(t, evil, line.Meta["m"], "the value is the same")
			require.Equal(t, evil, line.Readings["s"])
		}
	}

	// What the service says, too.
	code, _, stderr := cli("tail", "-endpoint", srv.URL(), "-insecure", "-stream", "no\x1b[2Jsuch")
	require.Equal(t, exitFailed, code)
	require.NotContains(t, stderr, "\x1b")
}
