package compress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// boot is what records of vectors have.
const boot = 0x9f3c1e7a55d20b86

// at returns a record of the device "pi".
func at(i int, readings ...record.Reading) record.Record {
	return record.Record{ID: record.ID{Device: "pi", Boot: boot, Seq: uint64(i + 1)}, Time: time.UnixMilli(1_790_000_000_000 + int64(i)*1000).UTC(), Readings: readings}
}

func float(name string, f float64) record.Reading {
	return record.Reading{Name: name, Value: record.FloatValue(f)}
}

func integer(name string, i int64) record.Reading {
	return record.Reading{Name: name, Value: record.IntValue(i)}
}

func boolean(name string, b bool) record.Reading {
	return record.Reading{Name: name, Value: record.BoolValue(b)}
}

func phrase(name, s string) record.Reading {
	return record.Reading{Name: name, Value: record.StringValue(s)}
}

// many makes n records.
func many(n int, readings func(i int) []record.Reading) (out []record.Record) {
	for i := range n {
		out = append(out, at(i, readings(i)...))
	}
	return out
}

// vectors are the same on every machine: nothing in them is calculated by functions
// of package math that round, nor by products that may be fused with a sum. They are
// frames that our encoder writes, and forged ones for what it does not.
func vectors(t *testing.T) []vector {
	rng := rand.New(rand.NewPCG(11, 12))
	env, err := record.NewSchema("env", 3, record.Field{Name: "temperature", Kind: record.Float, Unit: "Cel", Required: true},
		record.Field{Name: "count", Kind: record.Int}, record.Field{Name: "motion", Kind: record.Bool}, record.Field{Name: "state", Kind: record.String},
		record.Field{Name: "f4", Kind: record.Float}, record.Field{Name: "f5", Kind: record.Float}, record.Field{Name: "f6", Kind: record.Float},
		record.Field{Name: "f7", Kind: record.Float}, record.Field{Name: "f8", Kind: record.Float, Unit: "%RH"})
	require.NoError(t, err)
	door, err := record.NewSchema("door", 1, record.Field{Name: "open", Kind: record.Bool, Doc: "has no part in the fingerprint"}, record.Field{Name: "temperature", Kind: record.Float})
	require.NoError(t, err)
	inEnv := func(i int, readings ...record.Reading) record.Record {
		r := at(i, readings...)
		r.Schema = "env/3"
		return r
	}
	walk := 20.0
	sensors := func(i int) []record.Reading {
		walk += float64(rng.IntN(9)-4) / 10
		c := math.Round(walk*10) / 10
		adc := 300 + rng.Int64N(40)
		return []record.Reading{float("celsius", c), float("fahrenheit", float64(c*1.8)+32), integer("adc", adc), float("volts", float64(adc)*3.3/4096),
			float("square", c*c/7), float("single", float64(float32(c))), float("noise", rng.Float64()-0.5), float("few", []float64{math.Pi, math.E, 1.5}[rng.IntN(3)]),
			integer("uptime", int64(i)*60), boolean("motion", rng.IntN(9) == 0), phrase("state", []string{"idle", "busy"}[i/7%2])}
	}

	one := at(0, float("f", 21.5), integer("i", -3), boolean("b", true), phrase("s", "ok"))
	one.Meta = []record.Meta{{Name: "site", Value: "north"}}
	v := []vector{
		{name: "one-record", records: []record.Record{one}},
		{name: "no-readings", records: many(3, func(int) []record.Reading { return nil })},
		{name: "sensors", records: many(200, sensors)},
		{name: "sensors-large", records: many(1200, func(i int) []record.Reading { return sensors(i)[:1] })},
		{name: "bools", records: many(40, func(i int) []record.Reading {
			return []record.Reading{boolean("never", false), boolean("always", true), boolean("now and then", i%11 == 3)}
		})},
		{name: "strings", records: many(30, func(i int) []record.Reading {
			return []record.Reading{phrase("id", fmt.Sprint("a text that is long enough to deflate ", i%20)), phrase("same", ""), phrase("odd", []string{"\x00\x1f\"\\\n\r\t\x7f", "é日𝄞", "\u2028"}[i%3])}
		})},
		{name: "negative-floats", records: many(40, func(i int) []record.Reading {
			return []record.Reading{float("eighths", -float64(i*i%17)/8), float("both", float64(i%5-2)*math.Pi), float("down", -1e-300*float64(i+1))}
		})},
		{name: "int-extremes", records: many(30, func(i int) []record.Reading {
			return []record.Reading{integer("ends", []int64{math.MinInt64, math.MaxInt64, 0, -1, 1}[i*i%5]), integer("any", int64(rng.Uint64())), integer("least", math.MinInt64)}
		})},
		{name: "not-finite", records: many(24, func(i int) []record.Reading {
			special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 5e-324, -5e-324, 0x1p-1022, math.MaxFloat64,
				math.Float64frombits(0x7ff0_0000_0000_0001), math.Float64frombits(0xfff8_0000_dead_beef)}
			return []record.Reading{float("special", special[i%11]), float("odd", []float64{0.1, 0.2, math.Copysign(0, -1)}[i/10]), float("subnormal", math.Float64frombits(rng.Uint64()>>13))}
		})},
	}

	times := many(8, func(int) []record.Reading { return []record.Reading{boolean("b", true)} })
	for i, ms := range []int64{minTime, maxTime, -62135596800000, -1, 0, 951782400000, 1582934399999, -62135596800001} {
		times[i].Time = time.UnixMilli(ms).UTC()
	}
	times[2].ID = record.ID{Device: "no ts, boot or seq"}
	times[3].ID = record.ID{Device: "日本", Boot: math.MaxUint64, Seq: math.MaxUint64}
	v = append(v, vector{name: "times-and-ids", records: times})

	whole := func(i int) record.Record {
		r := inEnv(i, float("temperature", 20+float64(i%7)/10), integer("count", int64(i)), boolean("motion", i%3 == 0), phrase("state", "x"))
		for k := 4; k < 9; k++ {
			r.Readings = append(r.Readings, float(fmt.Sprint("f", k), float64(k*i)/4))
		}
		return r
	}
	var schema, presence, series, orders []record.Record
	for i := range 30 {
		r := whole(i)
		r.Meta = []record.Meta{{Name: "site", Value: "north"}}
		schema = append(schema, r)
		partly := whole(i)
		if i%3 > 0 {
			partly.Readings = append(partly.Readings[:i%3], partly.Readings[8])
		}
		presence = append(presence, partly)

		r = whole(i)
		switch i % 4 {
		case 1:
			r = at(i, boolean("open", i%8 == 1), float("temperature", -5))
			r.Schema = "door/1"
		case 2:
			r = at(i, float("temperature", 1.25*float64(i)), integer("door", 7))
			r.Schema = "unknown/9"
		}
		r.ID.Device, r.ID.Boot = fmt.Sprint("dev-", i%5), boot+uint64(i%2)
		if i%3 == 0 {
			r.Meta = []record.Meta{{Name: "site", Value: fmt.Sprint(i % 2)}, {Name: "firmware", Value: "1.2"}}
		}
		series = append(series, r)

		a, b, c := float("a", float64(i)), float("b", -float64(i)), integer("a", int64(i)) // a is of two kinds
		orders = append(orders, at(i, [][]record.Reading{{a, b}, {b, a}, {c, b}, {b}, {}}[i*i%5]...))
	}
	v = append(v, vector{name: "schema", schemas: []*record.Schema{env}, records: schema},
		vector{name: "schema-presence", schemas: []*record.Schema{env}, records: presence},
		vector{name: "series", schemas: []*record.Schema{env, door}, records: series},
		vector{name: "orders-and-kinds", records: orders}, marked())
	return append(v, forgedVectors()...)
}

// marked is a vector of two devices in two openings of a buffer, and what is said of
// them: one is complete, one closes others, of one nothing is said.
func marked() vector {
	v := vector{name: "marks", marks: map[record.ID]record.Mark{
		{Device: "dev-0", Boot: boot}:     {Complete: true},
		{Device: "dev-1", Boot: boot}:     {Complete: true, Closed: []uint64{1, math.MaxUint64}},
		{Device: "dev-0", Boot: boot + 1}: {Closed: []uint64{7}}, // not complete, so that is not said
		{Device: "dev-1", Boot: boot + 1}: {Complete: true, Closed: []uint64{boot + 2}},
	}}
	for i := range 20 {
		r := at(i, float("temperature", float64(i)))
		if i%7 == 3 {
			r.Readings = append(r.Readings, boolean("motion", true))
		}
		if i >= 12 { // so that these are other series, of a boot that was read before the latest
			r.Meta = []record.Meta{{Name: "site", Value: "north"}}
		}
		r.ID = record.ID{Device: fmt.Sprint("dev-", i%2), Boot: boot + uint64(i/6%2), Seq: uint64(100 - i)}
		v.records = append(v.records, r)
	}
	return v
}
