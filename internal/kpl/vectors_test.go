package kpl

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

const vectorsFile = "testdata/vectors.json"

// vectorSet is testdata/vectors.json; testdata/README.md explains it.
type vectorSet struct {
	Valid   []vector `json:"valid"`
	Invalid []vector `json:"invalid"`
}

type vector struct {
	Name    string         `json:"name"`
	Source  string         `json:"source"`
	Records []vectorRecord `json:"records,omitempty"`
	Error   string         `json:"error,omitempty"`
	Hex     string         `json:"hex"`
}

type vectorRecord struct {
	PartitionKey    string `json:"partition_key"`
	ExplicitHashKey string `json:"explicit_hash_key,omitempty"`
	DataHex         string `json:"data_hex"`
}

func TestVectors(t *testing.T) {
	stored, err := os.ReadFile(vectorsFile)
	require.NoError(t, err)
	var set vectorSet
	require.NoError(t, json.Unmarshal(stored, &set))
	require.NotEmpty(t, set.Valid)
	require.NotEmpty(t, set.Invalid)
	for _, v := range set.Valid {
		data, err := hex.DecodeString(v.Hex)
		require.NoError(t, err)
		require.True(t, Looks(data), v.Name)
		got, err := Parse(data, Limits{})
		require.NoError(t, err, v.Name)
		require.Len(t, got, len(v.Records), v.Name)
		for i, u := range got {
			require.Equal(t, v.Records[i], vectorRecord{u.PartitionKey, u.ExplicitHashKey, hex.EncodeToString(u.Data)}, v.Name)
		}
	}
	kinds := map[string]error{"checksum": ErrChecksum, "not aggregated": ErrNotAggregated, "malformed": ErrMalformed}
	for _, v := range set.Invalid {
		data, err := hex.DecodeString(v.Hex)
		require.NoError(t, err)
		_, err = Parse(data, Limits{})
		require.ErrorIs(t, err, kinds[v.Error], v.Name)
	}
}
