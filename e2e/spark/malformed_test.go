package spark

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/record"
)

// payload is the data of a Kinesis record that a test puts, and what must become
// of it.
type payload struct {
	data, key string
	dead      []deadRecord
	rows      []wantRow
	later     []wantRow // stored once the schema is version 2, and dead before
}

// deadRecord is a dead letter, without its position.
type deadRecord struct {
	reason     string
	userRecord int
	record     int // -1: the frame is meant
	data       string
	passes     bool // with version 2 of the schema
}

// wantRow is a row of the table.
type wantRow struct {
	device string
	seq    uint64
	temp   float64 // °F
	fan    string  // a number, or ""
	clock  string  // the time as the device gave it, if its clock was wrong
}

const perKind = 20

// boot is that of all that is written here.
const boot = "c3a1f2009e47d58b"

// malformed returns payload n of each of the ten kinds.
func malformed(t *testing.T, n int) []payload {
	id := func(kind string) string {
		return fmt.Sprintf(`"device_id":"bad-%s","boot":%q,"seq":%d`, kind, boot, n+1)
	}
	line := func(kind, readings string) string {
		return fmt.Sprintf(`{%s,"ts":"2026-01-01T00:00:00Z","readings":%s}`, id(kind), readings)
	}
	one := func(reason, line string) payload { return single(t, n, reason, line) }
	hot := one("range", line("range", `{"temp":100.5}`))
	hot.dead[0].passes = true
	hot.later = []wantRow{{device: "bad-range", seq: uint64(n + 1), temp: fahrenheit(100.5)}}
	unknown := one("unknown_schema", fmt.Sprintf(`{%s,"ts":"2026-01-01T00:00:00Z","schema":"env/2","readings":{"temp":20.5,"fan":%d}}`, id("schema"), n))
	unknown.dead[0].passes = true
	unknown.later = []wantRow{{device: "bad-schema", seq: uint64(n + 1), temp: fahrenheit(20.5), fan: fmt.Sprint(n)}}
	return []payload{
		one("json", strings.TrimSuffix(line("json", `{"temp":20}`), "}")),
		one("not_record", fmt.Sprintf(`{"hello":"world %d"}`, n)),
		one("type", line("type", `{"temp":"hot"}`)),
		hot,
		one("missing", line("missing", `{"humidity":50}`)),
		one("timestamp", strings.Replace(line("timestamp", `{"temp":20}`), "2026-01-01T00:00:00Z", "yesterday", 1)),
		unknown,
		whole("corrupt", truncated(t, n)),
		badChecksum(t, n),
		bomb(t, n),
	}
}

// whole is a payload that is dead as a whole.
func whole(reason, data string) payload {
	return payload{data: data, key: reason, dead: []deadRecord{{reason: reason, record: -1, data: data}}}
}

// single returns a payload with one bad line: alone, as the third line of a gzip
// frame, or there as the second of two user records of an aggregate.
func single(t *testing.T, n int, reason, line string) payload {
	p := payload{data: line, key: reason, dead: []deadRecord{{reason: reason, data: line}}}
	if n%3 == 0 {
		return p
	}
	var lines []string
	for i := range 2 {
		seq := uint64(2*n + i + 1)
		lines = append(lines, fmt.Sprintf(`{"device_id":"good-%s","boot":%q,"seq":%d,"ts":"2026-01-01T00:00:00Z","readings":{"temp":%d.25}}`, reason, boot, seq, n))
		p.rows = append(p.rows, wantRow{device: "good-" + reason, seq: seq, temp: fahrenheit(float64(n) + 0.25)})
	}
	p.dead[0].record = 2
	p.data = zipped(t, strings.Join(append(lines, line), "\n"))
	if n%3 == 2 {
		seq := uint64(n + 1)
		p.rows = append(p.rows, wantRow{device: "first-" + reason, seq: seq, temp: fahrenheit(10)})
		first := fmt.Sprintf(`{"device_id":"first-%s","boot":%q,"seq":%d,"ts":1767225600,"readings":{"temp":10}}`, reason, boot, seq)
		p.dead[0].userRecord = 1
		p.data = aggregate(reason, first, p.data)
	}
	return p
}

func fahrenheit(celsius float64) float64 {
	f := celsius * 1.8
	return f + 32
}

func zipped(t *testing.T, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

func aggregate(key string, users ...string) string {
	var b kpl.Builder
	for _, u := range users {
		if err := b.Add(kpl.UserRecord{PartitionKey: key, Data: []byte(u)}); err != nil {
			panic(err)
		}
	}
	return string(b.AppendTo(nil))
}

// frame returns a whole frame of records.
func frame(t *testing.T, codec compress.Codec, n int) string {
	batch, rows := record.NewBatch(record.NewDecoder()), []record.Row(nil)
	for i := range 20 {
		r, err := record.ParseJSON(fmt.Appendf(nil, `{"device_id":"bad-frame","boot":%q,"seq":%d,"ts":"2026-01-01T00:00:%02dZ","readings":{"temp":%d.5}}`, boot, 20*n+i+1, i, i))
		require.NoError(t, err)
		row, err := record.AppendRecord(nil, nil, &r, time.Time{})
		require.NoError(t, err)
		rows = append(rows, record.Row{ID: r.ID, Data: row})
	}
	batch.Set(rows)
	data, err := codec.NewEncoder().AppendFrame(nil, batch)
	require.NoError(t, err)
	return string(data)
}

func truncated(t *testing.T, n int) string {
	f := frame(t, []compress.Codec{compress.Gzip, compress.Zstd, compress.Columnar}[n%3], n)
	return f[:len(f)*3/4]
}

// badChecksum returns an aggregate or a columnar frame of which a bit has changed.
func badChecksum(t *testing.T, n int) payload {
	reason, data := "corrupt", []byte(frame(t, compress.Columnar, n))
	if n%2 == 0 {
		reason, data = "aggregate", []byte(aggregate("bad", frame(t, compress.None, n), frame(t, compress.Gzip, n)))
	}
	data[len(data)/2] ^= 4
	return whole(reason, string(data))
}

// bomb returns 100 MiB in a few KB: in many lines, which are too many together, or
// in one, of which no more is read than the longest line may have.
func bomb(t *testing.T, n int) payload {
	reason, end := "too_large", "\n"
	if n%4 < 2 {
		reason, end = "corrupt", " "
	}
	part := fmt.Appendf(nil, `{"bomb":%d,"a":"%s"}%s`, n, strings.Repeat("a", 1_000_000), end)
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	write, close := w.Write, w.Close
	if n%2 == 0 {
		z := gzip.NewWriter(&b)
		write, close = z.Write, z.Close
	}
	for range 100 {
		_, err := write(part)
		require.NoError(t, err)
	}
	require.NoError(t, close())
	return whole(reason, b.String())
}

// wrongClocks returns records of devices that do not know the time.
func wrongClocks() (all []payload) {
	for n, clock := range []string{"1970-01-01T00:00:12.345Z", "2107-01-01T00:00:00Z", "1980-01-06T00:00:00Z", "9999-12-31T23:59:59.999Z"} {
		for i := range 5 {
			seq := uint64(5*n + i + 1)
			data := fmt.Sprintf(`{"device_id":"clock","boot":%q,"seq":%d,"ts":%q,"readings":{"temp":%d}}`, boot, seq, clock, n)
			all = append(all, payload{data: data, key: "clock", rows: []wantRow{{device: "clock", seq: seq, temp: fahrenheit(float64(n)), clock: clock}}})
		}
	}
	return all
}

func (p payload) entry() types.PutRecordsRequestEntry {
	return types.PutRecordsRequestEntry{Data: []byte(p.data), PartitionKey: &p.key}
}
