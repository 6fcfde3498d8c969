package kpl

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// seal puts magic and MD5 around a protobuf.
func seal(body []byte) []byte {
	sum := md5.Sum(body)
	return append(append([]byte(Magic), body...), sum[:]...)
}

// randomRecords returns records with few or many keys, of sizes around the
// steps of a varint.
func randomRecords(rnd *rand.Rand, explicit bool) []UserRecord {
	sizes := []int{0, 1, 100, 110, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 1000}
	if rnd.IntN(20) == 0 {
		sizes = append(sizes, 16370, 16375, 16376, 16377, 16378, 16379, 16380, 16383, 16384, 16385)
	}
	keys := 1 + rnd.IntN(300)
	records := make([]UserRecord, 1+rnd.IntN(400))
	for i := range records {
		u := UserRecord{PartitionKey: fmt.Sprintf("ключ-%d", rnd.IntN(keys)), Data: make([]byte, sizes[rnd.IntN(len(sizes))])}
		for j := range u.Data {
			u.Data[j] = byte(rnd.Uint32())
		}
		if explicit {
			u.ExplicitHashKey = fmt.Sprint(1 + rnd.Uint64N(uint64(keys)))
		}
		records[i] = u
	}
	return records
}

func build(t testing.TB, records []UserRecord) []byte {
	var b Builder
	for _, u := range records {
		require.NoError(t, b.Add(u))
	}
	return b.AppendTo(nil)
}
