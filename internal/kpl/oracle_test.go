//go:build !386 && !arm && !mips && !mipsle

// The oracle does not compile where int has 32 bits.

package kpl

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"testing"

	a8m "github.com/a8m/kinesis-producer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
)

// The tests in this file judge the package by github.com/a8m/kinesis-producer:
// its Aggregator, and its generated protobuf types.

func oracleMarshal(t testing.TB, m *a8m.AggregatedRecord) []byte {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(protoadapt.MessageV2Of(m))
	require.NoError(t, err)
	return seal(body)
}

func oracleUnmarshal(t testing.TB, data []byte) *a8m.AggregatedRecord {
	tail := len(data) - md5.Size
	body := data[len(Magic):tail]
	require.Equal(t, Magic, string(data[:len(Magic)]))
	require.Equal(t, md5.Sum(body), [md5.Size]byte(data[tail:]))
	m := new(a8m.AggregatedRecord)
	require.NoError(t, proto.Unmarshal(body, protoadapt.MessageV2Of(m)))
	return m
}

// oracleRecords reads an aggregate with the oracle's types.
func oracleRecords(t testing.TB, data []byte) []UserRecord {
	m := oracleUnmarshal(t, data)
	var records []UserRecord
	for _, r := range m.Records {
		u := UserRecord{PartitionKey: m.PartitionKeyTable[r.GetPartitionKeyIndex()], Data: r.GetData()}
		if r.ExplicitHashKeyIndex != nil {
			u.ExplicitHashKey = m.ExplicitHashKeyTable[r.GetExplicitHashKeyIndex()]
		}
		records = append(records, u)
	}
	return records
}

// oracleMessage makes the oracle's message of records, with tables in order of
// first use.
func oracleMessage(records []UserRecord) *a8m.AggregatedRecord {
	m := &a8m.AggregatedRecord{}
	index := func(table *[]string, key string) *uint64 {
		for i, k := range *table {
			if k == key {
				return proto.Uint64(uint64(i))
			}
		}
		*table = append(*table, key)
		return proto.Uint64(uint64(len(*table) - 1))
	}
	for _, u := range records {
		r := &a8m.Record{PartitionKeyIndex: index(&m.PartitionKeyTable, u.PartitionKey), Data: u.Data}
		if u.ExplicitHashKey != "" {
			r.ExplicitHashKeyIndex = index(&m.ExplicitHashKeyTable, u.ExplicitHashKey)
		}
		m.Records = append(m.Records, r)
	}
	return m
}

func TestOracleReadsOurs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var b Builder
	for round := range 60 {
		records := randomRecords(rnd, round%2 == 0)
		b.Reset()
		for _, u := range records {
			size := b.SizeWith(u)
			require.NoError(t, b.Add(u))
			require.Equal(t, size, b.Size())
		}
		data := b.AppendTo(nil)
		require.Len(t, data, b.Size())
		require.Equal(t, records, oracleRecords(t, data))
		// Byte for byte what the oracle's encoder makes of the same.
		require.Equal(t, oracleMarshal(t, oracleMessage(records)), data)
	}
}

func TestWeReadOracleMessages(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	for round := range 60 {
		records := randomRecords(rnd, round%2 == 0)
		m := oracleMessage(records)
		for i, r := range m.Records { // tags are dropped
			if i%3 == 0 {
				r.Tags = []*a8m.Tag{{Key: proto.String("k"), Value: proto.String("v")}, {Key: proto.String("")}}
			}
		}
		data := oracleMarshal(t, m)
		require.True(t, Looks(data))
		got, err := Parse(data, Limits{})
		require.NoError(t, err)
		require.Equal(t, records, got)
	}
}

func TestWeReadOracleAggregator(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	for round := range 20 {
		var a a8m.Aggregator
		records := randomRecords(rnd, false)
		key := fmt.Sprintf("device-%d", round)
		for i := range records {
			records[i].PartitionKey = key // it keeps the first key only
			a.Put(records[i].Data, key)
		}
		entry, err := a.Drain()
		require.NoError(t, err)
		got, err := Parse(entry.Data, Limits{})
		require.NoError(t, err)
		require.Equal(t, records, got)
		require.Equal(t, entry.Data, build(t, records))
	}
}

func TestWeReadMixedHashKeysAndUnusedEntries(t *testing.T) {
	m := &a8m.AggregatedRecord{
		PartitionKeyTable:    []string{"unused", "k", "k", ""},
		ExplicitHashKeyTable: []string{"7", ""},
		Records: []*a8m.Record{
			{PartitionKeyIndex: proto.Uint64(1), Data: []byte("a")},
			{PartitionKeyIndex: proto.Uint64(2), ExplicitHashKeyIndex: proto.Uint64(0), Data: []byte{}},
			{PartitionKeyIndex: proto.Uint64(3), ExplicitHashKeyIndex: proto.Uint64(1), Data: []byte("c")},
		},
	}
	got, err := Parse(oracleMarshal(t, m), Limits{})
	require.NoError(t, err)
	require.Equal(t, []UserRecord{
		{PartitionKey: "k", Data: []byte("a")},
		{PartitionKey: "k", ExplicitHashKey: "7", Data: []byte{}},
		{PartitionKey: "", Data: []byte("c")},
	}, got)
}
