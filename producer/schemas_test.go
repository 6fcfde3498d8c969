package producer_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

type position struct {
	Lat float64 `rivulet:"lat,unit=deg,min=-90,max=90"`
	Lon float64 `rivulet:"lon,unit=deg,min=-180,max=180"`
}

type alarm struct {
	Code int    `rivulet:"code"`
	Text string `rivulet:"text"`
}

type battery struct {
	Charge *float64 `rivulet:"charge,unit=%,min=0,max=100"`
}

type door struct {
	Open bool `rivulet:"open,required"`
}

// said is a device's n-th record, one of five kinds in turn.
func said(kinds []*record.Schema, n int) (v any, s *record.Schema) {
	charge := float64(n % 100)
	all := []any{env{Temperature: float64(n % 80)}, &position{Lat: float64(n % 90), Lon: 1}, alarm{n, "text"}, battery{&charge}, &door{n%2 == 0}}
	i := n % len(kinds)
	return all[i], kinds[i]
}

func fiveSchemas(t testing.TB) []*record.Schema {
	var out []*record.Schema
	for _, make := range []func() (*record.Schema, error){
		func() (*record.Schema, error) { return record.SchemaOf[env]("env", 1) },
		func() (*record.Schema, error) { return record.SchemaOf[position]("position", 3) },
		func() (*record.Schema, error) { return record.SchemaOf[alarm]("alarm", 1) },
		func() (*record.Schema, error) { return record.SchemaOf[battery]("battery", 1) },
		func() (*record.Schema, error) { return record.SchemaOf[door]("door", 2) },
	} {
		s, err := make()
		require.NoError(t, err)
		out = append(out, s)
	}
	return out
}

// TestSeveralSchemas: a device says two and five kinds of things, typed and dynamic, over one
// buffer on disk, and is killed in between. Order per key holds over all kinds, and each record
// comes back with its own schema.
func TestSeveralSchemas(t *testing.T) {
	for _, n := range []int{2, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { severalSchemas(t, fiveSchemas(t)[:n]) })
	}
}

func severalSchemas(t *testing.T, kinds []*record.Schema) {
	const records = 400
	dir, copied := filepath.Join(t.TempDir(), "spool"), filepath.Join(t.TempDir(), "killed")
	buf, err := retry.Open(dir, retry.Options{})
	require.NoError(t, err)
	cfg := producer.Config{Stream: "s", Device: "pi", Schema: kinds[0], Schemas: kinds[1:], Buffer: buf, FlushInterval: time.Hour}
	p, err := producer.New(nobody{}, cfg)
	require.NoError(t, err)
	want := map[uint64]string{} // the schema of each seq
	for i := range records {
		v, s := said(kinds, i)
		var id record.ID
		if i%3 > 0 {
			id, err = p.Put(ctx, v)
		} else {
			_, err = p.PutRecord(ctx, &record.Record{Schema: s.Ref(), Readings: []record.Reading{{Name: "nonsense", Value: record.IntValue(1)}}})
			require.ErrorContains(t, err, s.Ref())
			id, err = p.PutRecord(ctx, dynamic(s))
		}
		require.NoError(t, err)
		want[id.Seq] = s.Ref()
	}
	require.NoError(t, p.Sync(ctx))
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir))) // as a kill leaves it
	end(p)

	cfg.Buffer, err = retry.Open(copied, retry.Options{})
	require.NoError(t, err)
	got := &decoded{t: t, schemas: kinds}
	p, err = producer.New(&fake{put: got.put}, cfg)
	require.NoError(t, err)
	require.NoError(t, p.Flush(ctx))
	require.NoError(t, p.Close(ctx))
	require.Len(t, got.records, records)
	for i, r := range got.records {
		require.EqualValues(t, i+1, r.ID.Seq)
		require.Equal(t, want[r.ID.Seq], r.Schema)
		require.NotEmpty(t, r.Readings)
	}
}

// dynamic returns a record of a schema that is not a struct.
func dynamic(s *record.Schema) *record.Record {
	r := &record.Record{Schema: s.Ref()}
	for _, f := range s.Fields() {
		v := map[record.Kind]record.Value{record.Float: record.FloatValue(1.5), record.Int: record.IntValue(7), record.Bool: record.BoolValue(true),
			record.String: record.StringValue("text")}[f.Kind]
		r.Readings = append(r.Readings, record.Reading{Name: f.Name, Value: v})
	}
	return r
}

// decoded keeps the records of all calls.
type decoded struct {
	t       *testing.T
	schemas []*record.Schema
	mu      sync.Mutex
	records []record.Record
}

func (d *decoded) put(_ context.Context, _ int, in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range in.Records {
		users := []kpl.UserRecord{{Data: e.Data}}
		if kpl.Looks(e.Data) {
			var err error
			users, err = kpl.Parse(e.Data, kpl.Limits{})
			require.NoError(d.t, err)
		}
		for _, u := range users {
			require.NoError(d.t, compress.Decode(u.Data, 0, func(r *record.Record) error {
				d.records = append(d.records, r.Clone())
				return nil
			}, d.schemas...))
		}
	}
	return nil, nil
}

// TestPutOfSeveralSchemasDoesNotAllocate: finding the schema by the type costs nothing.
func TestPutOfSeveralSchemasDoesNotAllocate(t *testing.T) {
	kinds := fiveSchemas(t)
	p, err := producer.New(nobody{}, producer.Config{Stream: "s", Device: "pi", Schemas: kinds, FlushInterval: time.Hour, MaxMemory: 1 << 20})
	require.NoError(t, err)
	defer end(p)
	d, pos := door{true}, position{1, 2}
	for range 50_000 { // into the steady state of a full buffer
		_, err := p.Put(ctx, d)
		require.NoError(t, err)
	}
	require.Zero(t, testing.AllocsPerRun(5000, func() { _, _ = p.Put(ctx, d) }), "by value")
	require.Zero(t, testing.AllocsPerRun(5000, func() { _, _ = p.Put(ctx, &pos) }), "by pointer")
	_, err = p.Put(ctx, struct{ X int }{})
	require.ErrorContains(t, err, "no schema of Config.Schemas was made of struct { X int }; there are env/1, position/3, alarm/1, battery/1, door/2")
}

func TestSchemasThatCannotBeToldApart(t *testing.T) {
	kinds := fiveSchemas(t)
	same, err := record.SchemaOf[door]("gate", 1)
	require.NoError(t, err)
	_, err = producer.New(nobody{}, producer.Config{Stream: "s", Device: "pi", Schema: kinds[0], Schemas: []*record.Schema{kinds[0], kinds[4], same, nil}})
	require.ErrorContains(t, err, `two with the reference "env/1"`)
	require.ErrorContains(t, err, "door/2 and gate/1 are made of one type")
	require.ErrorContains(t, err, "one is nil")
}
