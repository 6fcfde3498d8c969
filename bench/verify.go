package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"github.com/rivulet-iot/rivulet/backend/decode"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/record"
)

// fingerprint is of what was observed: device, time, metadata and readings, with
// every bit of every value; not of id and schema, which producers add.
func fingerprint(r *record.Record) uint64 {
	b := append(make([]byte, 0, 512), r.ID.Device...)
	b = binary.LittleEndian.AppendUint64(append(b, 0), uint64(r.Time.UnixMilli()))
	readings := append(make([]record.Reading, 0, 32), r.Readings...)
	slices.SortFunc(readings, func(a, b record.Reading) int { return cmp.Compare(a.Name, b.Name) })
	for _, reading := range readings {
		v := reading.Value
		b = append(append(b, reading.Name...), 0, byte(v.Kind()))
		switch v.Kind() {
		case record.Float:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float()))
		default:
			b = append(append(b, v.String()...), 0)
		}
	}
	meta := append(make([]record.Meta, 0, 8), r.Meta...)
	slices.SortFunc(meta, func(a, b record.Meta) int { return cmp.Compare(a.Name, b.Name) })
	for _, m := range meta {
		b = append(append(append(append(b, m.Name...), 0), m.Value...), 0)
	}
	h := fnv.New64a()
	_, _ = h.Write(b)
	return h.Sum64()
}

// outcome is what became of the records put.
type outcome struct {
	delivered, lost, duplicates int
}

// compare matches what the stream holds with the first n records of the input.
// Anything else in the stream is an error.
func compare(in *input, n int, stored []kinesistest.Record) (outcome, error) {
	wanted := make(map[uint64]int32, n)
	for i := range n {
		wanted[fingerprint(in.at(i))]++
	}
	var o outcome
	found := make(map[uint64]int32, n)
	d := decode.Decoder{Schemas: []*record.Schema{in.schema}}
	for _, k := range stored {
		err := d.Decode(k.Data, k.PartitionKey, func(it decode.Item) error {
			if it.Kind != decode.Record {
				return fmt.Errorf("the stream's record %s holds something that is no record: %s: %w", k.SequenceNumber, it.Kind, it.Err)
			}
			f := fingerprint(it.Record)
			switch want := wanted[f]; {
			case want == 0:
				line := bytes.TrimSpace(record.AppendJSON(nil, it.Record))
				return fmt.Errorf("the stream's record %s holds a record that was not put: %s", k.SequenceNumber, line)
			case found[f] >= want:
				o.duplicates++
			default:
				o.delivered++
			}
			found[f]++
			return nil
		})
		if err != nil {
			return o, err
		}
	}
	o.lost = n - o.delivered
	return o, nil
}
