package compress

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/record"
)

// entropy makes choices of bytes, so that a fuzzer can steer what is generated.
// Beyond its end all choices are 0, the simplest.
type entropy struct{ in []byte }

func seeded(seed uint64, n int) *entropy {
	rng := rand.New(rand.NewPCG(seed, 1))
	in := make([]byte, n)
	for i := range in {
		in[i] = byte(rng.Uint32())
	}
	return &entropy{in}
}

func (e *entropy) bits(bytes int) (v uint64) {
	n := min(bytes, len(e.in))
	for _, b := range e.in[:n] {
		v = v<<8 | uint64(b)
	}
	e.in = e.in[n:]
	return v
}

func (e *entropy) below(n int) int {
	if n > 256 {
		return int(e.bits(4) % uint64(n))
	}
	return int(e.bits(1)) % n
}

func (e *entropy) text() string {
	switch e.below(4) {
	case 0:
		return ""
	case 1:
		return []string{"ok", "ümlaut", "\n\"\\\t\r\x00\x1f\x7f", "𝄞", "\u2028\ufffd"}[e.below(5)]
	default:
		return fmt.Sprintf("s%x", e.bits(1+e.below(3)))
	}
}

// signal is a function of the time that looks like what a sensor gives.
type signal struct {
	kind  record.Kind
	shape int
	scale float64
	level float64
	count int64
}

var scales = []float64{1, 10, 100, 1e3, 16, 3, 1e7, 1e15}

func (e *entropy) signal() signal {
	return signal{kind: record.Kind(1 + e.below(4)), shape: e.below(9), scale: scales[e.below(len(scales))],
		level: float64(int16(e.bits(2))), count: int64(e.bits(e.below(9)))}
}

func (s *signal) next(e *entropy, before []record.Reading) record.Value {
	switch s.kind {
	case record.Bool:
		return record.BoolValue(s.shape > 2 && e.below(s.shape) == 0)
	case record.String:
		return record.StringValue(e.text())
	case record.Int:
		switch s.shape {
		case 0: // stays
		case 1:
			s.count += 7
		case 2:
			s.count += int64(e.below(3)) << 20
		case 3, 4:
			s.count += int64(int8(e.bits(1)))
		case 5:
			return record.IntValue(int64(e.bits(8)))
		case 6:
			return record.IntValue([]int64{math.MinInt64, math.MaxInt64, 0, -1}[e.below(4)])
		default:
			return record.IntValue(int64(e.below(5)) * 1000003)
		}
		return record.IntValue(s.count)
	}
	return record.FloatValue(s.float(e, before))
}

func (s *signal) float(e *entropy, before []record.Reading) float64 {
	switch s.shape {
	case 0:
	case 1, 2:
		s.level += float64(int8(e.bits(1)))
	case 3: // all the bits there are, but for what record JSON has not
		if f := math.Float64frombits(e.bits(8)); f-f == 0 {
			return f
		}
		return math.Copysign(0, -1)
	case 4: // a function of a reading before
		if n := len(before); n > 0 {
			v := before[n-1].Value
			x := v.Float() + float64(v.Int())
			if f := x*9/5 + x*x/s.scale; f-f == 0 {
				return f
			}
		}
	case 5:
		return float64(float32(s.level+float64(e.below(200))) / float32(s.scale))
	case 6:
		return float64(float32(s.level+float64(e.below(200))) * float32(1/s.scale))
	case 7:
		return (s.level + float64(e.below(99))) * (1 / s.scale)
	default:
		return math.Float64frombits(0x4030_0000_0000_0000 | e.bits(6)<<e.below(40)&(1<<52-1))
	}
	return s.level / s.scale
}

// source is what puts records of one series.
type source struct {
	device  string
	boot    uint64
	ref     string
	schema  *record.Schema
	meta    []record.Meta
	names   []string
	signals []signal
	seq     uint64
	time    int64
}

// batch generates records and the schemas of some. The readings of records that
// have a schema are in its order.
func (e *entropy) batch() (b *record.Batch, schemas []*record.Schema) {
	sources := make([]source, 1+e.below(6)*e.below(2))
	for i := range sources {
		sources[i] = e.source(&schemas)
	}
	n := []int{1, 2, 3, 20, 300}[e.below(5)]
	rows := make([]record.Row, 0, n)
	for range n {
		s := &sources[e.below(len(sources))]
		r := record.Record{ID: record.ID{Device: s.device, Boot: s.boot, Seq: s.seq}, Schema: s.ref, Meta: s.meta, Time: time.UnixMilli(s.time)}
		for k := range s.signals {
			v := s.signals[k].next(e, r.Readings)
			if s.schema == nil || s.signals[k].shape != 8 || e.below(8) > 0 {
				r.Readings = append(r.Readings, record.Reading{Name: s.names[k], Value: v})
			}
		}
		row, err := record.AppendRecord(nil, s.schema, &r, time.Time{})
		if err != nil {
			continue // such as a time outside of the years that there are
		}
		rows = append(rows, record.Row{ID: r.ID, Data: row})
		s.seq += 1 + uint64(e.below(9))/8
		s.time += 1000 + int64(e.below(9))
	}
	b = record.NewBatch(record.NewDecoder(schemas...))
	b.Set(rows)
	b.SetMark(e.marks(rows))
	return b, schemas
}

func (e *entropy) source(schemas *[]*record.Schema) source {
	s := source{device: fmt.Sprintf("dev-%d", e.below(3)), boot: e.bits(e.below(9)), seq: e.bits(e.below(9)),
		time: 1_700_000_000_000 + int64(e.bits(4))}
	if e.below(8) == 7 {
		s.time = []int64{-62167219200000, -62135596800000, -1, 253402300798999}[e.below(4)]
	}
	for i := range e.below(9) / 6 * e.below(4) {
		s.meta = append(s.meta, record.Meta{Name: fmt.Sprintf("m%d", i), Value: e.text()})
	}
	from := e.below(4)
	for i := range e.below(9) {
		s.signals = append(s.signals, e.signal())
		s.names = append(s.names, fmt.Sprintf("r%d", (from+i)%9))
	}
	switch e.below(3) {
	case 1:
		s.ref = "other/1"
	case 2:
		var fields []record.Field
		for i, sig := range s.signals {
			fields = append(fields, record.Field{Name: s.names[i], Kind: sig.kind, Unit: []string{"", "Cel"}[e.below(2)], Required: sig.shape != 8})
		}
		if schema, err := record.NewSchema("gen", 1+len(*schemas), fields...); err == nil {
			s.schema = schema
			*schemas = append(*schemas, schema)
		}
	}
	return s
}

// marks makes up what there is to say of the devices and boots of rows.
func (e *entropy) marks(rows []record.Row) func(string, uint64) record.Mark {
	marks := map[record.ID]record.Mark{}
	for _, row := range rows {
		pair := record.ID{Device: row.ID.Device, Boot: row.ID.Boot}
		if _, ok := marks[pair]; ok {
			continue
		}
		m := record.Mark{Complete: e.below(3) > 0}
		for range e.below(4) / 3 * e.below(8) {
			m.Closed = append(m.Closed, e.bits(8))
		}
		marks[pair] = m
	}
	return func(device string, boot uint64) record.Mark { return marks[record.ID{Device: device, Boot: boot}] }
}

// requireMarks checks that the frame of a batch has its marks.
func requireMarks(t require.TestingT, b *record.Batch, frame []byte, schemas []*record.Schema) {
	v := vector{marks: map[record.ID]record.Mark{}}
	for _, row := range b.Rows() {
		pair := record.ID{Device: row.ID.Device, Boot: row.ID.Boot}
		v.marks[pair] = b.Mark(pair.Device, pair.Boot)
		if row.ID.Seq > 0 { // a mark begins at a record that has a number
			v.records = append(v.records, record.Record{ID: row.ID})
		}
	}
	require.ElementsMatch(t, v.frameMarks(), marksOf(t, frame, schemas))
}

// jsonOf returns the batch as record JSON lines.
func jsonOf(t require.TestingT, b *record.Batch) (lines []byte) {
	require.NoError(t, b.Each(func(r *record.Record) error {
		lines = append(record.AppendJSON(lines, r), '\n')
		return nil
	}))
	return lines
}

// decoded returns the frame's records as record JSON lines.
func decoded(frame []byte, limit int64, schemas ...*record.Schema) (lines []byte, err error) {
	err = Decode(frame, limit, func(r *record.Record) error {
		lines = append(record.AppendJSON(lines, r), '\n')
		return nil
	}, schemas...)
	return lines, err
}

// mend makes the checksum right.
func mend(frame []byte) []byte {
	if len(frame) >= columnarHead {
		binary.LittleEndian.PutUint32(frame[4:], columnarChecksum(binary.BigEndian.Uint32(frame), frame))
	}
	return frame
}
