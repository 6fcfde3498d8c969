//go:build !386 && !arm && !mips && !mipsle

package kpl

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	a8m "github.com/a8m/kinesis-producer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

var update = flag.Bool("update", false, "write "+vectorsFile+" anew")

const (
	sourceOurs       = "rivulet internal/kpl"
	sourceAggregator = "github.com/a8m/kinesis-producer v0.2.0, Aggregator"
	sourceMessages   = "github.com/a8m/kinesis-producer v0.2.0, protobuf messages"
	sourceBytes      = "written by hand"
)

func makeVectors(t *testing.T) vectorSet {
	var set vectorSet
	valid := func(name, source string, data []byte) {
		v := vector{Name: name, Source: source, Hex: hex.EncodeToString(data)}
		for _, u := range oracleRecords(t, data) { // the oracle says what is in it
			v.Records = append(v.Records, vectorRecord{u.PartitionKey, u.ExplicitHashKey, hex.EncodeToString(u.Data)})
		}
		set.Valid = append(set.Valid, v)
	}
	invalid := func(name, source, err string, data []byte) {
		set.Invalid = append(set.Invalid, vector{Name: name, Source: source, Error: err, Hex: hex.EncodeToString(data)})
	}

	samples := []struct {
		name    string
		records []UserRecord
	}{
		{"one record", []UserRecord{{"k", "", []byte("hi")}}},
		{"empty data", []UserRecord{{"k", "", []byte{}}, {"k", "", []byte("x")}}},
		{"keys shared and not ASCII", []UserRecord{{"pi-1", "", []byte("a")}, {"température", "", []byte("b")}, {"pi-1", "", []byte("c")}, {"🌡", "", []byte("d")}}},
		{"explicit hash keys", []UserRecord{{"a", "0", []byte("low")}, {"b", "340282366920938463463374607431768211455", []byte("high")}, {"a", "0", []byte("low again")}}},
		{"length steps 127 and 128", []UserRecord{{"k", "", bytes.Repeat([]byte{0xA5}, 121)}, {"k", "", bytes.Repeat([]byte{0xA6}, 127)}, {"k", "", bytes.Repeat([]byte{0xA7}, 128)}}},
	}
	for _, s := range samples {
		valid(s.name, sourceOurs, build(t, s.records))
		valid(s.name, sourceMessages, oracleMarshal(t, oracleMessage(s.records)))
	}

	var a a8m.Aggregator
	for _, s := range []string{`{"temperature":21.5}`, `{"temperature":21.6}`, "\x00\x01\xFE\xFF"} {
		a.Put([]byte(s), "device-1")
	}
	entry, err := a.Drain()
	require.NoError(t, err)
	valid("three records of one key", sourceAggregator, entry.Data)

	valid("mixed explicit hash keys", sourceMessages, oracleMarshal(t, &a8m.AggregatedRecord{
		PartitionKeyTable: []string{"a", "b"}, ExplicitHashKeyTable: []string{"17"},
		Records: []*a8m.Record{
			{PartitionKeyIndex: proto.Uint64(0), Data: []byte("without")},
			{PartitionKeyIndex: proto.Uint64(1), ExplicitHashKeyIndex: proto.Uint64(0), Data: []byte("with")},
		}}))
	valid("tags", sourceMessages, oracleMarshal(t, &a8m.AggregatedRecord{
		PartitionKeyTable: []string{"a"},
		Records: []*a8m.Record{{PartitionKeyIndex: proto.Uint64(0), Data: []byte("tagged"),
			Tags: []*a8m.Tag{{Key: proto.String("k"), Value: proto.String("v")}, {Key: proto.String("no value")}}}}}))
	valid("table behind the records", sourceBytes, seal([]byte(recHi+keyK)))
	valid("unknown fields and a group", sourceBytes, seal([]byte("\x28\x96\x01"+keyK+"\x2B\x08\x01\x2C"+recHi)))
	valid("padded varints", sourceBytes, seal([]byte("\x8A\x80\x00\x81\x80\x80\x00k\x1A\x88\x00\x08\x80\x80\x00\x1A\x02hi")))

	good := build(t, samples[0].records)
	flipped := bytes.Clone(good)
	flipped[7] ^= 1
	invalid("one bit flipped in the key", sourceOurs, "checksum", flipped)
	invalid("last byte missing", sourceOurs, "checksum", good[:len(good)-1])
	invalid("no magic", sourceOurs, "not aggregated", good[1:])
	invalid("no protobuf", sourceBytes, "not aggregated", seal(nil))
	for _, tc := range badBodies {
		if tc.kind == ErrMalformed && len(tc.body) < 100 {
			invalid(tc.name, sourceBytes, "malformed", seal([]byte(tc.body)))
		}
	}
	return set
}

// The stored vectors are those that the encoders make today.
func TestVectorsAreCurrent(t *testing.T) {
	made, err := json.MarshalIndent(makeVectors(t), "", "  ")
	require.NoError(t, err)
	made = append(made, '\n')
	if *update {
		require.NoError(t, os.WriteFile(vectorsFile, made, 0o644))
	}
	stored, err := os.ReadFile(vectorsFile)
	require.NoError(t, err)
	stored = bytes.ReplaceAll(stored, []byte("\r\n"), []byte("\n")) // as git may check it out
	require.Equal(t, string(made), string(stored), "run go test -run TestVectors -update if this is meant")
}
