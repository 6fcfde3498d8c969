package child

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/rivulet-iot/rivulet/record"
)

// A file of rows is the input of producers that are given values: what a program
// has in its variables when it has read its sensors. After a header, one line of
// JSON, each row has the same size, so that reading it costs next to nothing:
// device, metadata (2 bytes each, places in the header's lists), time in ms, a
// byte for each field that is 1 if it is there, 8 bytes for each value.
type header struct {
	Schema  json.RawMessage `json:"schema"`
	Devices []string        `json:"devices"`
	Metas   [][]record.Meta `json:"metas"`
	Strings []string        `json:"strings"`
}

const windowRow = math.MaxUint16 // in the place of the device: the end of a window

// WriteRows writes records as rows; where window says so for n, a window ends before
// record n. Each record must have a device and satisfy the schema.
func WriteRows(w io.Writer, s *record.Schema, records int, at func(int) *record.Record, window func(int) bool) error {
	doc, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	h := header{Schema: doc}
	fields := s.Fields()
	place := map[string]int{}
	for i, f := range fields {
		place[f.Name] = i
	}
	devices, metas, strs := map[string]int{}, map[string]int{}, map[string]int{}
	var body []byte
	for n := range records {
		if window(n) {
			body = appendRow(body, windowRow, 0, 0, make([]byte, len(fields)), make([]uint64, len(fields)))
		}
		r := at(n)
		present, values := make([]byte, len(fields)), make([]uint64, len(fields))
		for _, reading := range r.Readings {
			i, ok := place[reading.Name]
			if !ok || fields[i].Kind != reading.Value.Kind() {
				return fmt.Errorf("record %d: reading %s of kind %s is not in the schema %s derived from the first records", n+1, reading.Name, reading.Value.Kind(), s.Ref())
			}
			present[i] = 1
			switch v := reading.Value; v.Kind() {
			case record.Float:
				values[i] = math.Float64bits(v.Float())
			case record.Int:
				values[i] = uint64(v.Int())
			case record.Bool:
				if v.Bool() {
					values[i] = 1
				}
			case record.String:
				values[i] = uint64(intern(strs, &h.Strings, v.Str(), v.Str()))
			}
		}
		device := intern(devices, &h.Devices, r.ID.Device, r.ID.Device)
		meta := intern(metas, &h.Metas, fmt.Sprint(r.Meta), append([]record.Meta{}, r.Meta...))
		if device >= windowRow || meta > math.MaxUint16 {
			return fmt.Errorf("record %d: more than %d devices or sets of metadata", n+1, windowRow)
		}
		body = appendRow(body, device, meta, r.Time.UnixMilli(), present, values)
	}
	if window(records) {
		body = appendRow(body, windowRow, 0, 0, make([]byte, len(fields)), make([]uint64, len(fields)))
	}
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(head, '\n')); err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// intern returns the place of v, known by key, in the list.
func intern[T any](index map[string]int, list *[]T, key string, v T) int {
	i, ok := index[key]
	if !ok {
		i = len(*list)
		index[key] = i
		*list = append(*list, v)
	}
	return i
}

func appendRow(dst []byte, device, meta int, ms int64, present []byte, values []uint64) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(device))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(meta))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(ms))
	dst = append(dst, present...)
	for _, v := range values {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	return dst
}

// Rows reads a file of rows.
type Rows struct {
	Schema *record.Schema
	Record record.Record // what Next found; valid until the next call

	in     *bufio.Reader
	head   header
	fields []record.Field
	row    []byte
}

// OpenRows opens a file of rows. It stays open as long as the program runs.
func OpenRows(file string) (*Rows, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	r := &Rows{in: bufio.NewReaderSize(f, readBuffer)}
	line, err := r.in.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("%s: header: %w", file, err)
	}
	if err := json.Unmarshal(line, &r.head); err != nil {
		return nil, fmt.Errorf("%s: header: %w", file, err)
	}
	if r.Schema, err = record.ParseSchema(r.head.Schema); err != nil {
		return nil, fmt.Errorf("%s: schema: %w", file, err)
	}
	r.fields = r.Schema.Fields()
	r.row = make([]byte, 12+9*len(r.fields))
	return r, nil
}

// Next reads on.
func (r *Rows) Next() (Step, error) {
	switch _, err := io.ReadFull(r.in, r.row); {
	case errors.Is(err, io.EOF):
		return End, nil
	case err != nil:
		return End, fmt.Errorf("input: %w", err)
	}
	device := binary.LittleEndian.Uint16(r.row)
	if device == windowRow {
		return Window, nil
	}
	r.Record.ID.Device = r.head.Devices[device]
	r.Record.Meta = r.head.Metas[binary.LittleEndian.Uint16(r.row[2:])]
	r.Record.Time = time.UnixMilli(int64(binary.LittleEndian.Uint64(r.row[4:])))
	r.Record.Readings = r.Record.Readings[:0]
	present, values := r.row[12:], r.row[12+len(r.fields):]
	for i := range r.fields {
		if present[i] == 0 {
			continue
		}
		v := binary.LittleEndian.Uint64(values[8*i:])
		reading := record.Reading{Name: r.fields[i].Name}
		switch r.fields[i].Kind {
		case record.Float:
			reading.Value = record.FloatValue(math.Float64frombits(v))
		case record.Int:
			reading.Value = record.IntValue(int64(v))
		case record.Bool:
			reading.Value = record.BoolValue(v == 1)
		case record.String:
			reading.Value = record.StringValue(r.head.Strings[v])
		}
		r.Record.Readings = append(r.Record.Readings, reading)
	}
	return Record, nil
}
