package main

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/rivulet-iot/rivulet/record"
)

// seriesRecords is the length of each generated series.
const seriesRecords = 4000

// series are of one device and one float each, of the shapes that sensors have.
// They are the same each time.
func series() []*input {
	rng := rand.New(rand.NewPCG(3, 4))
	round := func(x, step float64) float64 { return math.Round(x/step) * step }
	walk, fine, level := 20.0, 1013.25, 0.0
	shapes := []struct {
		name string
		next func(i int) float64
	}{
		{"walk", func(int) float64 { walk += rng.NormFloat64() / 10; return walk }},
		{"walk-decimal", func(int) float64 { fine += rng.NormFloat64() / 10; return math.Round(fine*100) / 100 }},
		{"sine", func(i int) float64 { return 20 + 5*math.Sin(float64(i)/200) + rng.NormFloat64()/20 }},
		{"sine-adc", func(i int) float64 {
			return round(20+5*math.Sin(float64(i)/200)+rng.NormFloat64()/20, 1.0/16)
		}},
		{"counter", func(i int) float64 { return float64(i * 3) }},
		{"steps", func(i int) float64 {
			if i%250 == 0 {
				level = float64(rng.IntN(100))
			}
			return level
		}},
		{"constant", func(int) float64 { return 21.5 }},
		{"noise", func(int) float64 { return rng.Float64() }},
	}
	var all []*input
	for _, shape := range shapes {
		in := &input{from: shape.name}
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range seriesRecords {
			at = at.Add(time.Second + time.Duration(rng.IntN(5))*time.Millisecond)
			in.records = append(in.records, record.Record{ID: record.ID{Device: "sensor-1"}, Time: at,
				Readings: []record.Reading{{Name: "value", Value: record.FloatValue(shape.next(i))}}})
		}
		all = append(all, in)
	}
	return all
}
