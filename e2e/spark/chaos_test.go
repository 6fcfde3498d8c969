package spark

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/stretchr/testify/require"
)

// kills are the moments at which the job is killed; see pauses.py. The first
// two meet the same batch again and again. "writing" is while the rows' files are
// being written.
var kills = []string{"rows:1", "writing", "letters:2", "committing:1", "done:1", "ids:1"}

// The agents' stream gives duplicates, malformed payloads are in between, the job
// is killed with -9 again and again, and shards are split: the table has every
// valid record once, and each malformed one is a dead letter that says why. When
// the schema is put right and the dead letters are replayed, those that are valid
// now are in the table too. Spark 3.5 makes the same of the same stream.
func TestChaos(t *testing.T) {
	url, python := endpoint(t), python41(t)
	dir := t.TempDir()
	script := render(t, dir, 1)
	s := newStream(t, "chaos")
	lake, uri := newLake(t)
	args := []string{"--lake", uri, "--stream", s.name, "--endpoint-url", url}

	_, telemetry := readSample(t)
	proxy, lost := lossy(t, url)
	var senders []*sender
	for i, device := range slices.Sorted(maps.Keys(telemetry)) {
		senders = append(senders, startSender(t, proxy, s.name, []string{"columnar", "gzip", "zstd"}[i], telemetry[device]))
	}
	payloads := wrongClocks()
	for n := range perKind {
		payloads = append(payloads, malformed(t, n)...)
	}
	at := make([]position, len(payloads))
	put := 0
	putSome := func(n int) {
		n = min(n, len(payloads)-put)
		var entries []types.PutRecordsRequestEntry
		for _, p := range payloads[put : put+n] {
			entries = append(entries, p.entry())
		}
		copy(at[put:], s.put(entries...))
		put += n
	}

	began := time.Now()
	for i, point := range kills {
		for _, sender := range senders {
			sender.feed(len(telemetry[sender.device]) / (len(kills) + 1))
		}
		putSome(len(payloads)/(len(kills)+1) + 1)
		if i%2 == 1 {
			s.split()
		}
		killAt(t, python, script, lake, point, nil, append(args, "--window-seconds", "1"))
	}
	for _, sender := range senders {
		sender.end()
	}
	putSome(len(payloads))
	s.putAgain()
	t.Logf("%d responses lost, %d kills in %.1f s", lost.Load(), len(kills), time.Since(began).Seconds())

	began = time.Now()
	args = append(args, "--trigger", "available-now")
	twice := slices.Concat(args, []string{"--"}, args) // a run with a batch to finish does that only
	start(t, python, script, nil, twice...).wait()
	t.Logf("the rest in %.1f s", time.Since(began).Seconds())
	rows, letters := readLake(t, lake)
	requireChaos(t, rows, telemetry, payloads, false)
	requireLetters(t, s.name, letters, payloads, at, 0)

	t.Run("spark35", func(t *testing.T) { sameOnSpark35(t, s, script, rows, letters) })

	began = time.Now()
	script = render(t, dir, 2)
	copyFiles(t, filepath.Join(lake, "dead-letters", "env"), filepath.Join(lake, "replay", "env"))
	killAt(t, python, script, lake, "committing:1", nil, args)
	start(t, python, script, nil, twice...).wait()
	t.Logf("replayed in %.1f s", time.Since(began).Seconds())
	rows, all := readLake(t, lake)
	requireChaos(t, rows, telemetry, payloads, true)
	var first, again []letter
	for _, l := range all {
		if l.Replayed == 0 {
			first = append(first, l)
		} else {
			again = append(again, l)
		}
	}
	requireSame(t, letters, first) // those of before
	requireLetters(t, s.name, again, payloads, at, 1)
}

// killAt runs the job until it comes to a point, and kills it there.
func killAt(t *testing.T, python, script, lake, point string, env, args []string) {
	t.Helper()
	paused := filepath.Join(t.TempDir(), "paused")
	if point != "writing" {
		env = append(env, "PAUSE="+point, "PAUSED="+paused)
	} else {
		paused = filepath.Join(lake, "curated", "env", "_temporary")
		require.NoError(t, os.RemoveAll(paused)) // of the run before
	}
	j := start(t, python, script, env, args...)
	j.until(paused)
	j.kill()
}

// putAgain puts records that are in the stream already, as a producer does that
// has lost count.
func (s *stream) putAgain() {
	s.t.Helper()
	shards, err := s.client.ListShards(s.context(), &kinesis.ListShardsInput{StreamName: &s.name})
	require.NoError(s.t, err)
	var entries []types.PutRecordsRequestEntry
	for _, shard := range shards.Shards {
		it, err := s.client.GetShardIterator(s.context(), &kinesis.GetShardIteratorInput{StreamName: &s.name, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
		require.NoError(s.t, err)
		page, err := s.client.GetRecords(s.context(), &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator, Limit: aws.Int32(100)})
		require.NoError(s.t, err)
		for _, r := range page.Records {
			if !slices.Contains(testKeys, *r.PartitionKey) {
				entries = append(entries, types.PutRecordsRequestEntry{Data: r.Data, PartitionKey: r.PartitionKey})
			}
		}
	}
	require.NotEmpty(s.t, entries)
	s.put(entries...)
}

func requireChaos(t *testing.T, rows []row, telemetry map[string][]observation, payloads []payload, fixed bool) {
	t.Helper()
	type id struct {
		device string
		seq    uint64
	}
	want := map[id]wantRow{}
	for _, p := range payloads {
		more := p.rows
		if fixed {
			more = slices.Concat(more, p.later)
		}
		for _, w := range more {
			want[id{w.device, w.seq}] = w
		}
	}
	var ofAgents []row
	for _, r := range rows {
		if telemetry[r.Device] != nil {
			ofAgents = append(ofAgents, r)
			continue
		}
		require.NotNil(t, r.Seq, "%+v", r)
		key := id{r.Device, *r.Seq}
		w, ok := want[key]
		require.True(t, ok, "stored twice, or not to be stored: %+v", r)
		delete(want, key)
		require.Equal(t, boot, *r.Boot)
		require.Equal(t, w.temp, float(t, r.Readings["temp"]), "%+v", r)
		if w.fan != "" {
			require.Equal(t, w.fan, fmt.Sprint(r.Readings["fan"]), "%+v", r)
		}
		if w.clock == "" {
			require.Equal(t, "device", r.TSSource)
			require.Equal(t, "year=2026/month=01/day=01", filepath.Dir(r.Partition))
			continue
		}
		require.Equal(t, "arrival", r.TSSource)
		require.Equal(t, w.clock, aws.ToString(r.DeviceTS))
		require.Equal(t, r.Arrival, r.TS)
		require.Equal(t, time.UnixMicro(r.Arrival).UTC().Format("year=2006/month=01/day=02"), filepath.Dir(r.Partition))
	}
	require.Empty(t, want, "not stored")
	requireSample(t, ofAgents, telemetry)
}

// requireLetters checks that the dead letters are those of the payloads: all, or
// if they were replayed, those that are dead for good.
func requireLetters(t *testing.T, stream string, letters []letter, payloads []payload, at []position, replayed int) {
	t.Helper()
	type place struct {
		number       string
		user, record int
	}
	found := map[place]letter{}
	for _, l := range letters {
		record := -1
		if l.Record != nil {
			record = *l.Record
		}
		key := place{l.Number, l.UserRecord, record}
		_, twice := found[key]
		require.False(t, twice, "a dead letter twice: %+v", key)
		found[key] = l
	}
	counts := map[string]int{}
	for i, p := range payloads {
		for _, d := range p.dead {
			if replayed > 0 && d.passes {
				continue
			}
			key := place{at[i].number, d.userRecord, d.record}
			l, ok := found[key]
			require.True(t, ok, "no dead letter for %+v %+v", key, d)
			delete(found, key)
			counts[d.reason]++
			require.Equal(t, d.reason, l.Reason, l.Detail)
			require.NotEmpty(t, l.Detail)
			require.True(t, d.data == string(l.Data), "%+v: the data is %d bytes, %.200q, and not %d, %.200q", key, len(l.Data), l.Data, len(d.data), d.data)
			require.Equal(t, []string{stream, at[i].shard, p.key}, []string{l.Stream, aws.ToString(l.Shard), l.Key})
			require.Equal(t, replayed, l.Replayed)
			arrival, err := time.Parse("2006-01-02T15:04:05.000Z", l.ArrivalTime)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now(), arrival, long)
			require.Equal(t, arrival.Format("year=2006/month=01/day=02"), l.Partition)
		}
	}
	for _, l := range found {
		l.Data = l.Data[:min(len(l.Data), 200)]
		require.FailNow(t, "a dead letter that is not to be", "and %d more: %+v", len(found)-1, l)
	}
	t.Logf("dead letters: %v", counts)
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
}

var testKeys = []string{"clock", "json", "not_record", "type", "range", "missing", "timestamp", "unknown_schema", "corrupt", "aggregate", "too_large"}
