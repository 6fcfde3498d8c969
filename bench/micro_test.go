package main

//lint:file-ignore SA1019 a8m/kinesis-producer is built on the old SDK

import (
	"context"
	"io"
	"log"
	"syscall"
	"testing"
	"time"

	a8m "github.com/a8m/kinesis-producer"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	awsv1 "github.com/aws/aws-sdk-go/aws"
	kinesisv1 "github.com/aws/aws-sdk-go/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

// Benchmarks count records, without a network: what it costs to make an aggregate
// of JSON lines, as a8m does, beside making a frame of rows; and Put of both.

// aggregateSize is at what an a8m producer drains its aggregator.
const aggregateSize = 51200

// frameRecords is how many records a frame has here.
const frameRecords = 500

func jsonLines(b *testing.B) (in *input, lines [][]byte) {
	in, err := loadInput("")
	require.NoError(b, err)
	for i := range in.records {
		lines = append(lines, record.AppendJSON(nil, &in.records[i]))
	}
	return in, lines
}

func BenchmarkAggregate(b *testing.B) {
	in, lines := jsonLines(b)
	var a a8m.Aggregator
	bytes := 0
	drain := func() {
		entry, err := a.Drain()
		require.NoError(b, err)
		if entry != nil {
			bytes += len(entry.Data)
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		i := n % len(lines)
		if a.Size()+len(lines[i]) > aggregateSize {
			drain()
		}
		a.Put(lines[i], in.records[i].ID.Device)
		n++
	}
	drain()
	b.ReportMetric(float64(bytes)/float64(n), "B/record")
}

func BenchmarkFrame(b *testing.B) {
	in, _ := jsonLines(b)
	var rows []record.Row
	device := in.records[0].ID.Device
	for i := range in.records {
		if r := &in.records[i]; r.ID.Device == device {
			data, err := record.AppendRecord(nil, in.schema, r, time.Time{})
			require.NoError(b, err)
			rows = append(rows, record.Row{ID: record.ID{Device: device, Boot: frameBoot, Seq: uint64(len(rows) + 1)}, Data: data})
		}
	}
	rows = rows[:min(frameRecords, len(rows))]
	for _, codec := range compress.Codecs() {
		b.Run(codec.Name(), func(b *testing.B) {
			batch := record.NewBatch(record.NewDecoder(in.schema))
			batch.Set(rows)
			enc := codec.NewEncoder()
			var frame []byte
			var err error
			b.ReportAllocs()
			n := 0
			for b.Loop() { // counts records
				if n%len(rows) == 0 {
					frame, err = enc.AppendFrame(frame[:0], batch)
					require.NoError(b, err)
				}
				n++
			}
			b.ReportMetric(float64(len(frame))/float64(len(rows)), "B/record")
		})
	}
}

// BenchmarkPut is from Put to the answer of a Kinesis that takes everything, in CPU
// time: Rivulet keeps to what a shard takes in a second, so time on the clock
// would be that of waiting.
func BenchmarkPut(b *testing.B) {
	in, lines := jsonLines(b)
	b.Run("a8m", func(b *testing.B) {
		p := a8m.New(&a8m.Config{StreamName: streamName, Client: stubV1{}, Logger: &a8m.StdLogger{Logger: log.New(io.Discard, "", 0)}})
		p.Start()
		cpuOf(b, func(i int) error { return p.Put(lines[i%len(lines)], in.records[i%len(lines)].ID.Device) },
			func() error { p.Stop(); return nil })
	})
	b.Run("rivulet", func(b *testing.B) {
		buf, err := retry.NewMemory(retry.Options{Overflow: retry.Block})
		require.NoError(b, err)
		p, err := producer.New(stub{}, producer.Config{Stream: streamName, Device: "gateway", Schema: in.schema, Buffer: buf})
		require.NoError(b, err)
		ctx := context.Background()
		cpuOf(b, func(i int) error { _, err := p.PutRecord(ctx, &in.records[i%len(lines)]); return err },
			func() error { return p.Close(ctx) })
	})
}

func cpuOf(b *testing.B, put func(i int) error, finish func() error) {
	b.ReportAllocs()
	before, n := processCPU(b), 0
	for ; b.Loop(); n++ {
		if err := put(n); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, finish())
	b.ReportMetric(float64(processCPU(b)-before)/float64(n), "cpu-ns/op")
	b.ReportMetric(0, "ns/op")
}

func processCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// stubV1 is a Kinesis that takes everything.
type stubV1 struct{}

func (stubV1) PutRecords(in *kinesisv1.PutRecordsInput) (*kinesisv1.PutRecordsOutput, error) {
	return &kinesisv1.PutRecordsOutput{FailedRecordCount: awsv1.Int64(0)}, nil
}

// stub is the same for the other SDK, with one shard.
type stub struct{}

func (stub) PutRecords(_ context.Context, in *kinesis.PutRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.PutRecordsOutput, error) {
	out := &kinesis.PutRecordsOutput{FailedRecordCount: aws.Int32(0)}
	for range in.Records {
		out.Records = append(out.Records, types.PutRecordsResultEntry{SequenceNumber: aws.String("1"), ShardId: aws.String("shardId-000000000000")})
	}
	return out, nil
}

func (stub) ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	all := &types.HashKeyRange{StartingHashKey: aws.String("0"), EndingHashKey: aws.String("340282366920938463463374607431768211455")}
	return &kinesis.ListShardsOutput{Shards: []types.Shard{{ShardId: aws.String("shardId-000000000000"), HashKeyRange: all}}}, nil
}

func (stub) DescribeStreamSummary(context.Context, *kinesis.DescribeStreamSummaryInput, ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error) {
	return &kinesis.DescribeStreamSummaryOutput{StreamDescriptionSummary: &types.StreamDescriptionSummary{}}, nil
}
