package compress

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

type env struct {
	Temperature float64 `rivulet:"temperature,unit=Cel"`
	Humidity    float64 `rivulet:"humidity,unit=%RH"`
}

type position struct {
	Lat   float64   `rivulet:"lat"`
	Lon   float64   `rivulet:"lon"`
	Fix   bool      `rivulet:"fix"`
	Fixed time.Time `rivulet:",time"`
}

type alarm struct {
	Code  int     `rivulet:"code"`
	Text  string  `rivulet:"text"`
	Level *string `rivulet:"level"`
	Site  string  `rivulet:"site,meta"`
}

type power struct {
	Volts       float64 `rivulet:"volts,unit=V"`
	Temperature int     `rivulet:"temperature"` // the name that env has, of another kind
}

// TestFiveSchemasInAFrame: a device says more than one thing. Rows of five schemas,
// typed and dynamic, and of none, in turn, come back each with its own.
func TestFiveSchemasInAFrame(t *testing.T) {
	must := func(s *record.Schema, err error) *record.Schema { require.NoError(t, err); return s }
	envs, positions := must(record.SchemaOf[env]("env", 1)), must(record.SchemaOf[position]("position", 2))
	alarms, powers := must(record.SchemaOf[alarm]("alarm", 1)), must(record.SchemaOf[power]("power", 1))
	dynamic := must(record.NewSchema("doors", 7, record.Field{Name: "open", Kind: record.Bool}, record.Field{Name: "count", Kind: record.Int}))
	schemas := []*record.Schema{envs, positions, alarms, powers, dynamic}

	var rows []record.Row
	var want []record.Record
	put := func(ref string, row []byte, err error, readings ...record.Reading) {
		require.NoError(t, err)
		id := record.ID{Device: "pi", Boot: boot, Seq: uint64(len(rows) + 1)}
		rows = append(rows, record.Row{ID: id, Data: row})
		want = append(want, record.Record{ID: id, Schema: ref, Readings: readings})
	}
	now := time.UnixMilli(1_790_000_000_000).UTC()
	level := "high"
	for i := range 40 {
		f := float64(i)
		row, _, err := envs.AppendTyped(nil, env{20 + f/10, 50}, now)
		put("env/1", row, err, float("temperature", 20+f/10), float("humidity", 50))
		row, _, err = positions.AppendTyped(nil, &position{47 + f/1e4, 8.5, i%2 == 0, now}, time.Time{})
		put("position/2", row, err, float("lat", 47+f/1e4), float("lon", 8.5), boolean("fix", i%2 == 0))
		row, _, err = alarms.AppendTyped(nil, alarm{Code: i, Text: fmt.Sprint("text ", i%3), Level: &level, Site: "north"}, now)
		put("alarm/1", row, err, integer("code", int64(i)), phrase("text", fmt.Sprint("text ", i%3)), phrase("level", "high"))
		want[len(want)-1].Meta = []record.Meta{{Name: "site", Value: "north"}}
		row, _, err = powers.AppendTyped(nil, power{5, i}, now)
		put("power/1", row, err, float("volts", 5), integer("temperature", int64(i)))
		row, err = record.AppendRecord(nil, dynamic, &record.Record{Schema: "doors/7", Readings: []record.Reading{integer("count", int64(i))}}, now)
		put("doors/7", row, err, integer("count", int64(i)))
		row, err = record.AppendRecord(nil, nil, &record.Record{Readings: []record.Reading{float("temperature", f), phrase("free", "x")}}, now)
		put("", row, err, float("temperature", f), phrase("free", "x"))
	}
	for i := range want {
		want[i].Time = now
	}
	for _, c := range Codecs() {
		b := record.NewBatch(record.NewDecoder(schemas...))
		b.Set(rows)
		frame, err := c.NewEncoder().AppendFrame(nil, b)
		require.NoError(t, err)
		n := 0
		require.NoError(t, Decode(frame, 0, func(r *record.Record) error {
			if !same(r, &want[n]) {
				require.Equal(t, want[n], r.Clone(), c.Name())
			}
			n++
			return nil
		}, schemas...))
		require.Equal(t, len(want), n, c.Name())
		if c.Name() == "columnar" {
			require.ErrorIs(t, Decode(frame, 0, func(*record.Record) error { return nil }, schemas[:4]...), ErrSchema)
			t.Logf("%.1f bytes a record", float64(len(frame))/float64(n))
		}
	}

	// Rows that an earlier program left behind are read by the document it stored.
	doc, err := dynamic.MarshalJSON()
	require.NoError(t, err)
	dec := record.NewDecoder(schemas[:4]...)
	require.NoError(t, dec.AddStored(dynamic.Fingerprint(), doc))
	b := record.NewBatch(dec)
	b.Set(rows)
	_, err = Columnar.NewEncoder().AppendFrame(nil, b)
	require.NoError(t, err)

	// In the steady state the rows of several schemas cost no allocation each.
	e := Columnar.NewEncoder()
	dst := make([]byte, 0, 1<<16)
	encode := func() { _, _ = e.AppendFrame(dst, b) }
	encode()
	require.LessOrEqual(t, testing.AllocsPerRun(10, encode), 40.0)
}
