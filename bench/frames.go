package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/record"
)

// frameSizes are in records.
var frameSizes = []int{1, 12, 60, 500, 2000}

// frameBoot is the boot in the frames' ids, as random as any; sequence numbers count from 1.
const frameBoot = 0x9f3c1e7a55d20b86

// perRecord is payload bytes a record, with a schema known to both ends and
// without one.
type perRecord struct {
	Schema float64 `json:"schema"`
	Free   float64 `json:"free"`
}

// frameSizesByCodec is bytes by codec and number of records in a frame.
type frameSizesByCodec map[string]map[string]perRecord

func framesCommand(_ context.Context, args []string) error {
	f := flag.NewFlagSet("bench frames", flag.ContinueOnError)
	data := f.String("data", "", "file of record JSON lines, .gz allowed (default: as without a command)")
	withSeries := f.Bool("series", false, "also generated series of one value each")
	asJSON := f.Bool("json", false, "print one JSON object {data: {codec: {records in a frame: {schema, free}}}}")
	if err := f.Parse(args); err != nil {
		return err
	}
	in, err := loadInput(*data)
	if err != nil {
		return err
	}
	sets, order := map[string]*input{"data": in}, []string{"data"}
	if *withSeries {
		for _, s := range series() {
			if err := s.derive(); err != nil {
				return err
			}
			sets[s.from], order = s, append(order, s.from)
		}
	}
	all := map[string]frameSizesByCodec{}
	for _, name := range order {
		if all[name], err = measureFrames(sets[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if *asJSON {
		return printJSON(all)
	}
	for _, name := range order {
		printFrames(os.Stdout, name, sets[name], all[name])
	}
	return nil
}

// measureFrames encodes the input by every codec there is, in all whole frames
// of one device each, and decodes every frame again.
func measureFrames(in *input) (frameSizesByCodec, error) {
	out := frameSizesByCodec{}
	for _, codec := range compress.Codecs() {
		out[codec.Name()] = map[string]perRecord{}
		for _, size := range frameSizes {
			var p perRecord
			var err error
			if p.Schema, err = frameBytes(in, codec, in.schema, size); err == nil {
				p.Free, err = frameBytes(in, codec, nil, size)
			}
			if err != nil {
				return nil, fmt.Errorf("%s, %d records a frame: %w", codec.Name(), size, err)
			}
			if p.Free > 0 {
				out[codec.Name()][strconv.Itoa(size)] = p
			}
		}
	}
	return out, nil
}

// frameBytes is the bytes a record in frames of size records, 0 if the input is
// too short for one.
func frameBytes(in *input, codec compress.Codec, schema *record.Schema, size int) (float64, error) {
	byDevice := map[string][]*record.Record{}
	for i := range in.records {
		r := in.records[i]
		list := byDevice[r.ID.Device]
		r.ID.Boot, r.ID.Seq = frameBoot, uint64(len(list)+1)
		if schema != nil {
			r.Schema = schema.Ref()
		}
		byDevice[r.ID.Device] = append(list, &r)
	}
	enc := codec.NewEncoder()
	batch := record.NewBatch(record.NewDecoder(schema))
	// A frame that is sent says that nothing before it is outstanding, as in a
	// network without trouble.
	batch.SetMark(func(string, uint64) record.Mark { return record.Mark{Complete: true} })
	bytes, records := 0, 0
	for _, device := range slices.Sorted(maps.Keys(byDevice)) {
		for chunk := range slices.Chunk(byDevice[device], size) {
			if len(chunk) < size {
				break
			}
			rows := make([]record.Row, size)
			for i, r := range chunk {
				data, err := record.AppendRecord(nil, schema, r, time.Time{})
				if err != nil {
					return 0, err
				}
				rows[i] = record.Row{ID: r.ID, Data: data}
			}
			batch.Set(rows)
			frame, err := enc.AppendFrame(nil, batch)
			if err != nil {
				return 0, err
			}
			if err := sameRecords(frame, chunk, schema); err != nil {
				return 0, err
			}
			bytes += len(frame)
			records += size
		}
	}
	if records == 0 {
		return 0, nil
	}
	return float64(bytes) / float64(records), nil
}

// sameRecords tells whether a frame gives back what was put into it.
func sameRecords(frame []byte, want []*record.Record, schema *record.Schema) error {
	n := 0
	err := compress.Decode(frame, 0, func(got *record.Record) error {
		if n >= len(want) {
			return fmt.Errorf("the frame has more than the %d records put into it", len(want))
		}
		if w := want[n]; got.ID != w.ID || got.Schema != w.Schema || fingerprint(got) != fingerprint(w) {
			return fmt.Errorf("record %s came back as %s", record.AppendJSON(nil, w), record.AppendJSON(nil, got))
		}
		n++
		return nil
	}, schema)
	if err == nil && n < len(want) {
		err = fmt.Errorf("the frame gave back %d of %d records", n, len(want))
	}
	return err
}

func printFrames(w io.Writer, name string, in *input, sizes frameSizesByCodec) {
	fmt.Fprintf(w, "%s (%s, %d records): payload bytes a record, by records in a frame\n", name, in.from, len(in.records))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\t")
	for _, size := range frameSizes {
		fmt.Fprint(t, size, "\t")
	}
	fmt.Fprintln(t)
	for _, codec := range compress.Codecs() {
		for _, row := range []struct {
			name  string
			value func(perRecord) float64
		}{
			{"schema", func(p perRecord) float64 { return p.Schema }},
			{"free", func(p perRecord) float64 { return p.Free }},
		} {
			fmt.Fprintf(t, "%s, %s\t", codec.Name(), row.name)
			for _, size := range frameSizes {
				if p, ok := sizes[codec.Name()][strconv.Itoa(size)]; ok {
					fmt.Fprintf(t, "%.2f\t", row.value(p))
				} else {
					fmt.Fprint(t, "-\t")
				}
			}
			fmt.Fprintln(t)
		}
	}
	t.Flush()
	fmt.Fprintln(w)
}
