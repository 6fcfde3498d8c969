package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/rivulet-iot/rivulet/examples/raspberrypi/sensors"
	"github.com/rivulet-iot/rivulet/record"
)

// sense is the machine's sensors, and their schema.
type sense struct {
	set    *sensors.Set
	list   []sensors.Sensor
	schema *record.Schema
	read   bool            // they were, at least once
	last   []sensors.Value // what each sensor gave last
}

// startSense finds the sensors below root and makes a schema of them. No field
// is required: a sensor that fails is absent from the record, and the others go.
func startSense(root string) (*sense, error) {
	set, err := sensors.Discover(root)
	if err != nil {
		return nil, fmt.Errorf("no sensors: %w", err)
	}
	s := &sense{set: set, list: set.Sensors()}
	kinds := map[sensors.Kind]record.Kind{sensors.Float: record.Float, sensors.Int: record.Int, sensors.Bool: record.Bool}
	fields := make([]record.Field, len(s.list))
	for i, x := range s.list {
		fields[i] = record.Field{Name: x.Name, Kind: kinds[x.Kind], Unit: x.Unit, Min: x.Min, Max: x.Max, Doc: x.Doc}
	}
	if s.schema, err = record.NewSchema("machine", 1, fields...); err != nil {
		set.Close()
		return nil, err
	}
	s.last = make([]sensors.Value, len(s.list))
	return s, nil
}

// printSchema prints the document of the schema of the sensors below root.
func printSchema(w io.Writer, root string) error {
	s, err := startSense(root)
	if err != nil {
		return err
	}
	defer s.set.Close()
	doc, err := s.schema.MarshalJSON()
	if err == nil {
		_, err = fmt.Fprintf(w, "%s\n", doc)
	}
	return err
}

// sense puts one record with all sensors now and at every interval, until ctx
// ends.
func (a *agent) sense(ctx context.Context) {
	tick := time.NewTicker(a.interval)
	defer tick.Stop()
	var values []sensors.Value
	var r record.Record
	var line []byte
	complaint := ""
	for {
		r = record.Record{Time: time.Now(), Schema: a.sensors.schema.Ref(), Readings: r.Readings[:0]}
		values = a.sensors.set.Read(values)
		a.sensors.read = true
		for i, v := range values {
			x := &a.sensors.list[i]
			switch {
			case v.Err == nil:
				a.sensors.last[i] = v
				r.Readings = append(r.Readings, record.Reading{Name: x.Name, Value: value(x.Kind, v)})
				if v.Changed {
					a.say("sensor %s: works again", x.Name)
				}
			case v.Changed:
				a.sensors.last[i] = v
				a.say("%v", v.Err)
			}
		}
		if len(r.Readings) > 0 && ctx.Err() == nil {
			err := a.put(ctx, &r)
			switch {
			case err == nil:
				line = record.AppendJSON(line[:0], &r)
				a.jsonBytes += uint64(len(line)) + 1
			case ctx.Err() == nil:
				a.refused++
				if err.Error() != complaint {
					complaint = err.Error()
					a.say("record refused: %s", complaint)
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func value(k sensors.Kind, v sensors.Value) record.Value {
	switch k {
	case sensors.Int:
		return record.IntValue(v.Int)
	case sensors.Bool:
		return record.BoolValue(v.Bool)
	}
	return record.FloatValue(v.Float)
}
