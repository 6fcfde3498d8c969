package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchemaDocument(t *testing.T) {
	s := envSchema(t)
	doc, err := s.MarshalJSON()
	require.NoError(t, err)
	back, err := ParseSchema(doc)
	require.NoError(t, err)
	require.Equal(t, s.Fields(), back.Fields())
	require.Equal(t, s.Fingerprint(), back.Fingerprint())
	require.Equal(t, "env/1", back.Ref())
	for in, want := range map[string]string{
		`{"name":"x","version":1,"fields":[{"name":"a","kind":"int","maximum":3}]}`: "maximum",
		`{"name":"x","version":1,"fields":[{"name":"a","kind":"double"}]}`:          `kind "double"`,
		`{"name":"x","version":1,"fields":[{"name":"a","kind":"int"}]} {}`:          "follows",
		`{"name":"x","version":1,"fields":[]}`:                                      "1 to 512 fields",
		`{"name":"x","version":1,"fields":[{"name":"a","kind":"int","min":1e400}]}`: "min",
		`[]`: "schema document",
	} {
		_, err := ParseSchema([]byte(in))
		require.ErrorContains(t, err, want, in)
	}
}

func TestNamesOfTheTableAreTaken(t *testing.T) {
	for _, name := range []string{"device_id", "boot", "seq", "ts", "ts_source", "device_ts", "arrival_time", "schema", "meta",
		"extra", "sequence_number", "year", "month", "day", "batch"} {
		_, err := NewSchema("x", 1, Field{Name: name, Kind: Float})
		require.ErrorContains(t, err, name+": the name is taken by a column")
	}
}

func TestFingerprintCoversWhatReadingNeeds(t *testing.T) {
	base := Field{Name: "a", Kind: Float, Unit: "V"}
	print := func(f Field) uint64 {
		s, err := NewSchema("x", 1, f)
		require.NoError(t, err)
		return s.Fingerprint()
	}
	same := base
	same.Max, same.Doc = Limit(3), "changed"
	require.Equal(t, print(base), print(same))
	for _, change := range []func(*Field){func(f *Field) { f.Name = "b" }, func(f *Field) { f.Kind = Int }, func(f *Field) { f.Unit = "A" }, func(f *Field) { f.Required = true }} {
		f := base
		change(&f)
		require.NotEqual(t, print(base), print(f))
	}
}
