package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/rivulet-iot/rivulet/bench/internal/child"
	"github.com/rivulet-iot/rivulet/record"
)

// sampleFile is telemetry of three Raspberry Pi boards, which is not part of the
// repository. Where it is not, readings of the same shape are generated.
const sampleFile, sampleRecords = "../../shared/data/rpi-telemetry.ndjson.gz", 30162

// input is the records that every producer gets, and how they are looped.
type input struct {
	from    string // file, or "generated"
	records []record.Record
	schema  *record.Schema
	lap     time.Duration // what a lap adds to the times: whole days
}

// loadInput reads a file of record JSON lines, plain or gzip. "" means the sample
// or, without it, generated readings.
func loadInput(file string) (*input, error) {
	in := &input{from: file}
	if file == "" {
		if _, err := os.Stat(sampleFile); err != nil {
			in.from, in.records = "generated", generate(sampleRecords)
			return in, in.derive()
		}
		file, in.from = sampleFile, filepath.Base(sampleFile)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	if head, _ := r.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		r = bufio.NewReaderSize(z, 1<<20)
	}
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			rec, err := record.ParseJSON(line)
			if err != nil {
				return nil, fmt.Errorf("%s: line %d: %w", file, n, err)
			}
			rec.ID.Boot, rec.ID.Seq, rec.Schema = 0, 0, "" // each producer gives its own, or none
			if rec.ID.Device == "" || rec.Time.IsZero() {
				return nil, fmt.Errorf("%s: line %d: the benchmark needs a device_id and a ts in each record", file, n)
			}
			in.records = append(in.records, rec)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if len(in.records) == 0 {
		return nil, fmt.Errorf("%s: there is no record in it", file)
	}
	return in, in.derive()
}

// generate makes readings of the sample's shape: one board and seven sensors.
func generate(n int) []record.Record {
	rng := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2020, 7, 13, 0, 0, 0, 0, time.UTC)
	decimal := func(low, high int) record.Value { // what went through a float32
		return record.FloatValue(float64(float32(low+rng.IntN(high-low)) / 10))
	}
	records := make([]record.Record, n)
	for i := range records {
		at = at.Add(time.Duration(rng.IntN(3400)) * time.Millisecond)
		device, gas := rng.IntN(3), rng.Float64()
		records[i] = record.Record{ID: record.ID{Device: fmt.Sprintf("00:00:00:00:00:%02d", device)}, Time: at,
			Meta: []record.Meta{{Name: "name", Value: fmt.Sprintf("iot-device-%02d", device)}},
			Readings: []record.Reading{
				{Name: "co", Value: record.FloatValue(gas / 100)},
				{Name: "humidity", Value: decimal(500, 800)},
				{Name: "light", Value: record.BoolValue(rng.IntN(2) == 0)},
				{Name: "lpg", Value: record.FloatValue(gas / 90)},
				{Name: "motion", Value: record.BoolValue(rng.IntN(50) == 0)},
				{Name: "smoke", Value: record.FloatValue(gas / 50)},
				{Name: "temp", Value: decimal(180, 280)},
			}}
	}
	return records
}

// schemaFrom is how many of the first records the schema is derived from.
const schemaFrom = 1000

// derive makes a schema of the readings' names and kinds, and finds the length of a lap.
func (in *input) derive() error {
	var fields []record.Field
	known := map[string]bool{}
	for _, r := range in.records[:min(schemaFrom, len(in.records))] {
		for _, reading := range r.Readings {
			if !known[reading.Name] {
				known[reading.Name] = true
				fields = append(fields, record.Field{Name: reading.Name, Kind: reading.Value.Kind()})
			}
		}
	}
	var err error
	if in.schema, err = record.NewSchema("bench", 1, fields...); err != nil {
		return fmt.Errorf("%s: no schema can be made of it: %w", in.from, err)
	}
	const day = 24 * time.Hour
	first, last := in.records[0].Time, in.records[0].Time
	for _, r := range in.records {
		if r.Time.Before(first) {
			first = r.Time
		}
		if r.Time.After(last) {
			last = r.Time
		}
	}
	in.lap = (last.Sub(first)/day + 1) * day
	return nil
}

// at returns record n of the looped input. It is the callee's until the next call.
func (in *input) at(n int) *record.Record {
	r := in.records[n%len(in.records)]
	r.Time = r.Time.Add(time.Duration(n/len(in.records)) * in.lap)
	return &r
}

// firstMinutes returns how many records the first minutes of the input have.
func (in *input) firstMinutes(minutes int) int {
	n := 0
	for n < len(in.records) && in.minute(n) < minutes {
		n++
	}
	return n
}

// minute tells in which minute of the records' time record n falls, from the first one's.
func (in *input) minute(n int) int {
	return int(in.records[n].Time.Sub(in.records[0].Time) / time.Minute)
}

// write writes n records for the programs, as lines and as rows. With windows,
// each minute of their time is one.
func (in *input) write(dir string, n int, windows bool) (lines, rows string, err error) {
	ends := func(i int) bool { // a window ends before record i
		return windows && i > 0 && (i == n || in.minute(i) > in.minute(i-1))
	}
	lines, rows = filepath.Join(dir, "lines"), filepath.Join(dir, "rows")
	var text []byte
	for i := range n {
		if ends(i) {
			text = append(text, '\n')
		}
		r := in.at(i)
		text = append(append(text, r.ID.Device...), '\t')
		text = append(record.AppendJSON(text, r), '\n')
	}
	if ends(n) {
		text = append(text, '\n')
	}
	if err := os.WriteFile(lines, text, 0o600); err != nil {
		return "", "", err
	}
	f, err := os.Create(rows)
	if err != nil {
		return "", "", err
	}
	if err := child.WriteRows(f, in.schema, n, in.at, ends); err != nil {
		f.Close()
		return "", "", err
	}
	return lines, rows, f.Close()
}
