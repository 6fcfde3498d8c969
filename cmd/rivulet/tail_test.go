package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
)

func produce(t *testing.T, srv *kinesistest.Server, codec compress.Codec, protocol wire.Protocol) *producer.Producer {
	c, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: srv.CertPool(), Credentials: srv.Credentials(), Protocol: protocol})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	p, err := producer.New(c, producer.Config{Stream: "telemetry", Device: "gateway", Codec: codec, Key: partition.ByDevice(), FlushInterval: time.Hour})
	require.NoError(t, err)
	return p
}

// put puts n records of each of 12 devices and appends their JSON, per device.
func put(t *testing.T, p *producer.Producer, n int, want map[string][]string) {
	ctx := context.Background()
	for i := range n * 12 {
		r := record.Record{ID: record.ID{Device: fmt.Sprint("dev", i%12)}, Time: time.UnixMilli(1_700_000_000_000 + int64(i)).UTC(), Schema: "x/1",
			Meta: []record.Meta{{Name: "site", Value: "n&<ö>"}}, Readings: []record.Reading{{Name: "t", Value: record.FloatValue(float64(i) / 7)}, {Name: "n", Value: record.IntValue(int64(i))}}}
		var err error
		r.ID, err = p.PutRecord(ctx, &r)
		require.NoError(t, err)
		want[r.ID.Device] = append(want[r.ID.Device], string(record.AppendJSON(nil, &r)))
	}
	require.NoError(t, p.Flush(ctx))
}

// perDevice sorts lines of record JSON by device, in the order they are in.
func perDevice(t *testing.T, lines string) map[string][]string {
	got := map[string][]string{}
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		r, err := record.ParseJSON([]byte(line))
		require.NoError(t, err)
		got[r.ID.Device] = append(got[r.ID.Device], line)
	}
	return got
}

// putRaw stores data as one Kinesis record.
func putRaw(t *testing.T, srv *kinesistest.Server, key string, data []byte) {
	stream := "telemetry"
	_, err := srv.Client().PutRecord(context.Background(), &kinesis.PutRecordInput{StreamName: &stream, PartitionKey: &key, Data: data})
	require.NoError(t, err)
}

func TestTailAcrossReshards(t *testing.T) {
	for _, protocol := range []wire.Protocol{wire.CBOR, wire.JSON} {
		for _, codec := range compress.Codecs() {
			wireFlag := []string{"cbor", "json"}[protocol]
			t.Run(codec.Name()+" "+wireFlag, func(t *testing.T) {
				srv, flags := serve(t, 2)
				p := produce(t, srv, codec, protocol)
				want := map[string][]string{}
				put(t, p, 50, want)
				_, upper, err := srv.SplitShard("telemetry", "shardId-000000000000")
				require.NoError(t, err)
				put(t, p, 50, want)
				_, err = srv.MergeShards("telemetry", upper, "shardId-000000000001")
				require.NoError(t, err)
				put(t, p, 50, want)
				require.NoError(t, p.Close(context.Background()))

				code, out, stderr := cli(append(flags, "-wire", wireFlag)...)
				require.Zero(t, code, stderr)
				require.Equal(t, want, perDevice(t, out))
				// Aggregates that a reshard sent astray were sent again.
				sent := p.Stats().DuplicatesSent
				require.NotZero(t, sent)
				require.Equal(t, fmt.Sprintf("rivulet tail: 1800 records, %d duplicates dropped, 5 shards\n", sent), stderr)
			})
		}
	}
}

func TestTailLimit(t *testing.T) {
	srv, flags := serve(t, 3)
	p := produce(t, srv, compress.Zstd, wire.CBOR)
	want := map[string][]string{}
	put(t, p, 10, want)
	require.NoError(t, p.Close(context.Background()))
	for _, limit := range []int{1, 7, 120, 1000} {
		code, out, stderr := cli(append(flags, "-limit", fmt.Sprint(limit))...)
		require.Zero(t, code, stderr)
		n := min(limit, 120)
		require.Equal(t, n, strings.Count(out, "\n"))
		require.Contains(t, stderr, count(int64(n), "record")+", 3 shards\n")
		for device, lines := range perDevice(t, out) {
			require.Equal(t, want[device][:len(lines)], lines)
		}
	}
}

func TestTailDuplicatesOpaqueAndDamaged(t *testing.T) {
	srv, flags := serve(t, 1)
	one := []byte(`{"device_id":"d","boot":"0000000000000003","seq":1,"readings":{"t":1.5}}`)
	two := []byte(`{"device_id":"d","boot":"0000000000000003","seq":2,"readings":{"t":2.5}}`)
	putRaw(t, srv, "d", one)
	putRaw(t, srv, "d", one)
	putRaw(t, srv, "böse<", []byte("\x00mine"))
	putRaw(t, srv, "d", []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 9})
	putRaw(t, srv, "json", []byte(`{"a":1}`))
	putRaw(t, srv, "agg", []byte("\xf3\x89\x9a\xc2 that is no aggregate at all"))
	putRaw(t, srv, "d", two)
	opaque := `{"opaque":true,"partition_key":"böse<","data":"AG1pbmU="}` + "\n"
	foreign := `{"opaque":true,"partition_key":"json","data":"eyJhIjoxfQ=="}` + "\n"

	code, out, stderr := cli(flags...)
	require.Equal(t, exitFailed, code)
	require.Equal(t, string(one)+"\n"+opaque+foreign+string(two)+"\n", out)
	records, err := srv.Records("telemetry")
	require.NoError(t, err)
	lines := strings.Split(stderr, "\n")
	require.Contains(t, lines[0], "shardId-000000000000 "+records[3].SequenceNumber+`: user record 0 with key "d": compress: damaged frame`)
	require.Contains(t, lines[1], "shardId-000000000000 "+records[5].SequenceNumber+`: aggregate with key "agg": kpl: MD5 mismatch`)
	require.Equal(t, []string{"rivulet tail: 4 records, 1 duplicate dropped, 2 undecodable, 1 shard",
		"rivulet tail: 2 user records could not be decoded", ""}, lines[2:])

	_, out, stderr = cli(append(flags, "-dedup=false")...)
	require.Equal(t, string(one)+"\n"+string(one)+"\n"+opaque+foreign+string(two)+"\n", out)
	require.NotContains(t, stderr, "duplicate")
}

func TestTailFromTime(t *testing.T) {
	srv, flags := serve(t, 1)
	var records []kinesistest.Record
	for len(records) == 0 || records[len(records)-1].Arrival.Sub(records[0].Arrival) < 10*time.Millisecond {
		putRaw(t, srv, fmt.Sprint("key", len(records)), []byte("x"))
		var err error
		records, err = srv.Records("telemetry")
		require.NoError(t, err)
	}
	last := records[len(records)-1]
	for _, protocol := range []string{"cbor", "json"} {
		code, out, stderr := cli(append(flags, "-wire", protocol, "-raw", "-from", last.Arrival.Add(-2*time.Millisecond).Format(time.RFC3339Nano))...)
		require.Zero(t, code, stderr)
		require.Contains(t, out, fmt.Sprintf("%q", last.PartitionKey))
		require.NotContains(t, out, `"key0"`)
	}
}

func TestTailRaw(t *testing.T) {
	srv, flags := serve(t, 1)
	p := produce(t, srv, compress.Gzip, wire.CBOR)
	want := map[string][]string{}
	put(t, p, 5, want)
	require.NoError(t, p.Close(context.Background()))
	putRaw(t, srv, "j", []byte(`{"a":1}`))
	putRaw(t, srv, "g", []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3})
	putRaw(t, srv, "z", []byte{0x28, 0xb5, 0x2f, 0xfd})
	putRaw(t, srv, "o", []byte{})
	putRaw(t, srv, "a", []byte("\xf3\x89\x9a\xc2 that is no aggregate at all"))

	code, out, stderr := cli(append(flags, "-raw")...)
	require.Zero(t, code, stderr)
	records, err := srv.Records("telemetry")
	require.NoError(t, err)
	kinds := []string{"aggregate", "none", "gzip", "zstd", "opaque", "aggregate"}
	users := []int{12, 1, 1, 1, 1, 0}
	require.Equal(t, len(kinds), strings.Count(out, "\n"))
	i := 0
	for text := range strings.Lines(out) {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		var line rawLine
		require.NoError(t, d.Decode(&line))
		r := records[i]
		at, err := time.Parse(time.RFC3339, line.Arrival)
		require.NoError(t, err)
		require.WithinDuration(t, r.Arrival, at, 2*time.Millisecond)
		line.Arrival = ""
		require.True(t, bytes.Equal(r.Data, line.Data))
		line.Data = nil
		require.Equal(t, rawLine{Shard: r.ShardID, SequenceNumber: r.SequenceNumber, PartitionKey: r.PartitionKey, Size: len(r.Data), Kind: kinds[i], UserRecords: users[i]}, line)
		i++
	}
	code, out, _ = cli(append(flags, "-raw", "-limit", "2")...)
	require.Zero(t, code)
	require.Equal(t, 2, strings.Count(out, "\n"))
}

func TestTailFollow(t *testing.T) {
	srv, flags := serve(t, 1)
	line := func(seq int) []byte {
		return fmt.Appendf(nil, `{"device_id":"d","boot":"0000000000000003","seq":%d,"readings":{}}`, seq)
	}
	putRaw(t, srv, "d", line(1))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, w := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int)
	go func() {
		defer w.Close()
		code <- run(ctx, append(flags, "-follow"), nil, w, &stderr)
	}()
	lines := bufio.NewScanner(r)
	expect := func(seq int) {
		require.True(t, lines.Scan())
		require.Equal(t, string(line(seq)), lines.Text())
	}
	expect(1)
	putRaw(t, srv, "d", line(2))
	expect(2)
	lower, upper, err := srv.SplitShard("telemetry", "shardId-000000000000")
	require.NoError(t, err)
	putRaw(t, srv, "d", line(3))
	expect(3)
	_, err = srv.MergeShards("telemetry", lower, upper)
	require.NoError(t, err)
	putRaw(t, srv, "d", line(4))
	expect(4)
	cancel() // as SIGINT does
	require.Zero(t, <-code)
	require.Equal(t, "rivulet tail: 4 records, 4 shards\n", stderr.String())
}

// A full disk or a closed pipe is no success.
func TestTailOutputFails(t *testing.T) {
	srv, flags := serve(t, 1)
	putRaw(t, srv, "d", []byte("x"))
	r, w := io.Pipe()
	r.Close()
	var stderr bytes.Buffer
	require.Equal(t, exitFailed, run(context.Background(), flags, nil, w, &stderr))
	require.Contains(t, stderr.String(), io.ErrClosedPipe.Error())
	require.NotContains(t, stderr.String(), "endpoint")
}
