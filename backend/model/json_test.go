package model_test

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/internal/backendtest"
)

var update = flag.Bool("update", false, "write testdata")

// The Python job is written against this document.
func TestModelDocument(t *testing.T) {
	got := backendtest.Model(t).JSON()
	if *update {
		require.NoError(t, os.WriteFile("testdata/model.json", got, 0o644))
	}
	want, err := os.ReadFile("testdata/model.json")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
	require.True(t, json.Valid(got))
	for range 20 {
		require.Equal(t, got, backendtest.Model(t).JSON(), "always the same bytes")
	}
	got[0] = 'x'
	require.NotEqual(t, got, backendtest.Model(t).JSON())
}
