package main

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// What the stream holds is put there by hand: the check must see each difference.
func TestCheckSeesDifferences(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	put := func(n uint64, v record.Value) record.Record {
		return record.Record{ID: record.ID{Device: "d", Boot: 7, Seq: n}, Time: at, Meta: []record.Meta{{Name: "m", Value: "v"}},
			Readings: []record.Reading{{Name: "a", Value: record.IntValue(0)}, {Name: "b", Value: v}}}
	}
	with := func(change func(*record.Record)) func([]record.Record) []record.Record {
		return func(rs []record.Record) []record.Record { change(&rs[1]); return rs }
	}
	for name, c := range map[string]struct {
		change   func([]record.Record) []record.Record
		verified uint64
		want     string // in the error
	}{
		"equal":         {func(rs []record.Record) []record.Record { return rs }, 3, ""},
		"twice":         {func(rs []record.Record) []record.Record { return append(rs, rs[0]) }, 3, ""},
		"a bit":         {with(func(r *record.Record) { r.Readings[1].Value = record.FloatValue(math.Nextafter(2, 3)) }), 2, "record d/0000000000000007/2 is not what was put"},
		"the kind":      {with(func(r *record.Record) { r.Readings[1].Value = record.IntValue(2) }), 2, "d/0000000000000007/2"},
		"the kind of 0": {with(func(r *record.Record) { r.Readings[0].Value = record.BoolValue(false) }), 2, "d/0000000000000007/2"},
		"the order":     {with(func(r *record.Record) { r.Readings[0], r.Readings[1] = r.Readings[1], r.Readings[0] }), 2, "d/0000000000000007/2"},
		"a name":        {with(func(r *record.Record) { r.Readings[0].Name = "c" }), 2, "d/0000000000000007/2"},
		"the time":      {with(func(r *record.Record) { r.Time = r.Time.Add(time.Millisecond) }), 2, "d/0000000000000007/2"},
		"metadata":      {with(func(r *record.Record) { r.Meta[0].Value = "w" }), 2, "d/0000000000000007/2"},
		"none":          {with(func(r *record.Record) { r.Meta = nil }), 2, "d/0000000000000007/2"},
		"the schema":    {with(func(r *record.Record) { r.Schema = "x/1" }), 2, "d/0000000000000007/2"},
		"swapped":       {with(func(r *record.Record) { r.ID.Seq = 3 }), 2, "d/0000000000000007/3"},
		"missing":       {func(rs []record.Record) []record.Record { return rs[:2] }, 2, "1 of 3 delivered records are not in the stream; the first of those put that is not there is d/0000000000000007/3"},
		"never put":     {func(rs []record.Record) []record.Record { return append(rs, put(4, record.IntValue(0))) }, 3, "record d/0000000000000007/4 is in the stream but was never put"},
		"another boot":  {with(func(r *record.Record) { r.ID.Boot = 8 }), 2, "record d/0000000000000008/2 is in the stream but was never put"},
		"minus nothing": {func(rs []record.Record) []record.Record { rs[2].Readings[1].Value = record.FloatValue(0); return rs }, 2, "d/0000000000000007/3"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := startEmbedded("us-east-1")
			require.NoError(t, err)
			defer e.server.Close()
			rs := []record.Record{put(1, record.FloatValue(0.1)), put(2, record.FloatValue(2)), put(3, record.FloatValue(math.Copysign(0, -1)))}
			for i := range rs {
				e.remember(&rs[i])
			}
			for i, r := range c.change(rs) {
				e.insert(t, fmt.Sprint("key ", i), record.AppendJSON(nil, &r))
			}
			got := e.check(3, 0)
			require.Equal(t, c.verified, got.verified)
			if c.want == "" {
				require.NoError(t, got.err)
			} else {
				require.ErrorContains(t, got.err, c.want)
			}
		})
	}
}

func TestCheckSeesWhatIsNoRecord(t *testing.T) {
	for _, data := range []string{"noise", `{"device_id":"d","readings":{`} {
		e, err := startEmbedded("us-east-1")
		require.NoError(t, err)
		e.insert(t, "k", []byte(data))
		require.ErrorContains(t, e.check(0, 0).err, "the stream holds a user record that is")
		e.server.Close()
	}
}

func (e *embedded) insert(t *testing.T, key string, data []byte) {
	_, err := e.server.Client().PutRecord(context.Background(), &kinesis.PutRecordInput{StreamName: aws.String(embeddedStream),
		PartitionKey: &key, Data: data})
	require.NoError(t, err)
}
