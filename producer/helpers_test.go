package producer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/record"
)

type env struct {
	Temperature float64 `rivulet:"temperature,unit=Cel,min=-40,max=85"`
	Motion      bool    `rivulet:"motion"`
}

func envSchema(t testing.TB) *record.Schema {
	s, err := record.SchemaOf[env]("env", 1)
	require.NoError(t, err)
	return s
}

// bubble is a server, a stream "s" and the means to break the way to it, in a
// synctest bubble: time passes as soon as everybody waits.
type bubble struct {
	*kinesistest.Server
	link *link
}

// inBubble runs f with a server in a bubble.
func inBubble(t *testing.T, shards int, o kinesistest.StreamOptions, f func(t *testing.T, b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, err := kinesistest.Start(kinesistest.Config{Listener: kinesistest.NewPipeListener(), Seed: 1})
		require.NoError(t, err)
		defer srv.Close()
		require.NoError(t, srv.CreateStream("s", shards, o))
		f(t, &bubble{srv, &link{next: srv.HTTPClient().Transport}})
	})
}

// client returns an SDK client whose calls pass the link.
func (b *bubble) client(opts ...func(*kinesis.Options)) *kinesis.Client {
	return b.Client(append([]func(*kinesis.Options){func(o *kinesis.Options) { o.HTTPClient = &http.Client{Transport: b.link} }}, opts...)...)
}

// link is a transport that can fail calls of PutRecords.
type link struct {
	next  http.RoundTripper
	mu    sync.Mutex
	calls int
	fail  func(call int, r *http.Request) (*http.Response, error) // both nil: pass
}

func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	fail := l.fail
	if r.Header.Get("X-Amz-Target") == "Kinesis_20131202.PutRecords" || fail == nil {
		l.calls++
	}
	n := l.calls
	l.mu.Unlock()
	if fail != nil && r.Header.Get("X-Amz-Target") == "Kinesis_20131202.PutRecords" {
		if resp, err := fail(n, r); resp != nil || err != nil {
			return resp, err
		}
	}
	return l.next.RoundTrip(r)
}

func newProducer(t testing.TB, api producer.API, cfg producer.Config) *producer.Producer {
	t.Helper()
	if cfg.Stream == "" {
		cfg.Stream = "s"
	}
	if cfg.Device == "" {
		cfg.Device = "pi"
	}
	if cfg.Schema == nil {
		cfg.Schema = envSchema(t)
	}
	p, err := producer.New(api, cfg)
	require.NoError(t, err)
	return p
}

func put(t testing.TB, p *producer.Producer, n int) {
	t.Helper()
	for i := range n {
		_, err := p.Put(context.Background(), env{Temperature: float64(i % 80), Motion: i%2 == 0})
		require.NoError(t, err)
	}
}

func putAs(t testing.TB, p *producer.Producer, device string, v int64) {
	t.Helper()
	_, err := p.PutRecord(context.Background(), &record.Record{ID: record.ID{Device: device}, Schema: "free",
		Readings: []record.Reading{{Name: "v", Value: record.IntValue(v)}}})
	require.NoError(t, err)
}

// untilDelivered waits, in bubble time, until nothing is pending.
func untilDelivered(t testing.TB, p *producer.Producer, most time.Duration) time.Duration {
	t.Helper()
	start := time.Now()
	for p.Stats().Pending > 0 {
		require.Less(t, time.Since(start), most, "%+v", p.Stats())
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(start)
}

// userRecords returns every user record in the stream, shard by shard in order.
func userRecords(t testing.TB, srv *kinesistest.Server) (out []kpl.UserRecord) {
	t.Helper()
	recs, err := srv.Records("s")
	require.NoError(t, err)
	for _, r := range recs {
		if !kpl.Looks(r.Data) {
			out = append(out, kpl.UserRecord{PartitionKey: r.PartitionKey, ExplicitHashKey: r.ExplicitHashKey, Data: r.Data})
			continue
		}
		users, err := kpl.Parse(r.Data, kpl.Limits{})
		require.NoError(t, err)
		require.Greater(t, len(users), 1, "a user record alone is not aggregated")
		require.Equal(t, users[0].PartitionKey, r.PartitionKey)
		out = append(out, users...)
	}
	return out
}

// stored returns every record in the stream, decoded.
func stored(t testing.TB, srv *kinesistest.Server) (out []record.Record) {
	t.Helper()
	for _, u := range userRecords(t, srv) {
		require.NoError(t, compress.Decode(u.Data, 0, func(r *record.Record) error {
			out = append(out, r.Clone())
			return nil
		}, envSchema(t)))
	}
	return out
}

// inOrder requires that, duplicates dropped by id, each device's records are 1 to
// its number, in order, and returns how many duplicates there were.
func inOrder(t testing.TB, recs []record.Record, want map[string]uint64) (duplicates int) {
	t.Helper()
	seen := map[record.ID]bool{}
	last := map[string]uint64{}
	for i := range recs {
		id := recs[i].ID
		if seen[id] {
			duplicates++
			continue
		}
		seen[id] = true
		require.Equal(t, last[id.Device]+1, id.Seq, "%s: out of order or lost", id)
		last[id.Device] = id.Seq
	}
	require.Equal(t, want, last)
	return duplicates
}

// deliveries collects what OnDelivery says.
type deliveries struct {
	mu  sync.Mutex
	all []producer.Delivery
}

func (d *deliveries) on(x producer.Delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, x)
}

// logged collects the log, one JSON object a line.
type logged struct {
	mu    sync.Mutex
	lines []map[string]any
}

func (l *logged) Write(b []byte) (int, error) {
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return 0, fmt.Errorf("%s: %w", b, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, m)
	return len(b), nil
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

func (l *logged) find(key, value string) map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.lines {
		if m[key] == value {
			return m
		}
	}
	return nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// readBody reads a request's body and puts it back.
func readBody(r *http.Request) []byte {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	return b
}

func contains(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }

// refusal is an error answer of the service.
func refusal(r *http.Request, code, message string) *http.Response {
	body := fmt.Appendf(nil, `{"__type":%q,"message":%q}`, code, message)
	return &http.Response{StatusCode: 400, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}
}

// kclUsers returns the user records of a Kinesis record, and whether the KCL
// would hand them on.
func kclUsers(t testing.TB, r kinesistest.Record, shard partition.Range) ([]kpl.UserRecord, bool) {
	t.Helper()
	if !kpl.Looks(r.Data) {
		return []kpl.UserRecord{{PartitionKey: r.PartitionKey, Data: r.Data}}, true
	}
	users, err := kpl.Parse(r.Data, kpl.Limits{})
	require.NoError(t, err)
	for _, u := range users {
		if !shard.Contains(partition.HashKey(u.PartitionKey)) {
			return users, false
		}
	}
	return users, true
}
