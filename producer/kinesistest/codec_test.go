package kinesistest

import (
	"math"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/stretchr/testify/require"
)

func TestCodecsAgree(t *testing.T) {
	at := time.UnixMilli(1459799926480)
	reply := object{
		{"S", "a\"\u2028é"}, {"N", 7}, {"Neg", int64(-8)}, {"Big", int64(1) << 40}, {"B", true}, {"Absent", nil},
		{"L", []any{1, "x", object{}}}, {"O", object{{"F", false}}},
	}
	want := map[string]any{"S": "a\"\u2028é", "N": 7.0, "Neg": -8.0, "Big": float64(int64(1) << 40), "B": true,
		"L": []any{1.0, "x", map[string]any{}}, "O": map[string]any{"F": false}}
	fromJSON, err := decodeJSON(appendJSON(nil, reply))
	require.NoError(t, err)
	require.Equal(t, want, fromJSON)
	fromCBOR, err := decodeCBOR(appendCBOR(nil, reply))
	require.NoError(t, err)
	want["N"], want["Neg"], want["Big"] = int64(7), int64(-8), int64(1)<<40
	want["L"] = []any{int64(1), "x", map[string]any{}}
	require.Equal(t, want, fromCBOR)

	typed := object{{"Data", []byte{0, 255}}, {"At", at}}
	for _, c := range []codec{jsonCodec, cborCodec} {
		m, err := c.decode(c.encode(nil, typed))
		require.NoError(t, err)
		in := newInput(m)
		data, ok := in.blob("Data")
		require.True(t, ok)
		require.Equal(t, []byte{0, 255}, data)
		require.Equal(t, at, *in.timestamp("At"))
		require.NoError(t, *in.err)
	}
}

func TestTimestampForms(t *testing.T) {
	at := time.UnixMilli(1459799926480)
	for name, v := range map[string]any{
		"seconds": 1459799926.480, "tagged seconds": epoch(1459799926.480),
		"milliseconds": int64(1459799926480), "tagged milliseconds": epoch(1459799926480),
	} {
		in := newInput(map[string]any{"T": v})
		require.NotNil(t, in.timestamp("T"), name)
		require.Equal(t, at, *in.timestamp("T"), name)
	}
	for _, v := range []any{"x", math.NaN(), math.Inf(1), 1e300, true} {
		in := newInput(map[string]any{"T": v})
		require.Nil(t, in.timestamp("T"))
		require.Error(t, *in.err)
	}
}

func TestFloat16(t *testing.T) {
	for bits, want := range map[uint16]float64{0: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 1: math.Ldexp(1, -24), 0x7c00: math.Inf(1)} {
		require.Equal(t, want, float16(bits))
	}
	require.True(t, math.IsNaN(float16(0x7e00)))
}

func TestSequenceNumbers(t *testing.T) {
	last := ""
	for _, n := range []uint64{1, 9, 10, math.MaxUint32, math.MaxUint64} {
		s := formatSeq(n)
		require.Len(t, s, 56)
		require.Greater(t, s, last)
		got, ok := parseSeq(s)
		require.True(t, ok)
		require.Equal(t, n, got)
		last = s
	}
	for _, s := range []string{"", "0", "1", last + "0", "50" + last[2:], formatSeq(0)} {
		_, ok := parseSeq(s)
		require.False(t, ok, s)
	}
}

// FuzzBodies: no body makes a decoder or an operation panic, and what the JSON or
// the CBOR of a value is does not matter.
func FuzzBodies(f *testing.F) {
	f.Add([]byte(`{"StreamName":"s","Records":[{"PartitionKey":"k","Data":"eA=="}]}`), "PutRecords", false)
	f.Add([]byte(`{"StreamName":"s","ShardFilter":{"Type":"AT_TIMESTAMP","Timestamp":1e9}}`), "ListShards", false)
	f.Add([]byte("\xbf\x6aStreamName\x61s\x67Records\x81\xa2\x64Data\x41x\x6cPartitionKey\x61k\xff"), "PutRecords", true)
	f.Add([]byte("\xa1\x69Timestamp\xc1\xfb\x41\xd5\xc0\x5d\x3f\xe7\xae\x14"), "GetShardIterator", true)
	f.Add([]byte(`{"ShardIterator":"e30"}`), "GetRecords", false)
	f.Fuzz(func(t *testing.T, body []byte, operation string, useCBOR bool) {
		s := &Server{config: Config{Region: "us-east-1"}, streams: map[string]*stream{}, calls: map[string]int{}}
		require.NoError(t, s.CreateStream("s", 2, StreamOptions{}))
		c := call{operation: operation, codec: jsonCodec, body: body}
		if useCBOR {
			c.codec = cborCodec
			if _, err := decodeCBOR(body); err == nil {
				_, err := cbor.Decode(body)
				require.NoError(t, err, "we accept what another decoder refuses")
			}
		}
		reply, err := s.answer(&c)
		if err == nil && reply != nil {
			_, err := c.codec.decode(c.codec.encode(nil, reply))
			require.NoError(t, err)
		}
	})
}
