package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/backend/decode"
	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

const (
	embeddedStream = "telemetry"
	embeddedShards = 4
)

// embedded is a Kinesis in this process, and what is needed to know at the end
// whether its stream holds what was put.
type embedded struct {
	server *kinesistest.Server
	// prints holds, for each device, the fingerprints of its records; that of
	// sequence number n is at n-1.
	prints  map[string][]fingerprint
	boot    uint64 // of this run; 0 until something was put
	schemas []*record.Schema
	scratch []byte
}

func startEmbedded(region string) (*embedded, error) {
	srv, err := kinesistest.Start(kinesistest.Config{Region: region})
	if err != nil {
		return nil, err
	}
	if err := srv.CreateStream(embeddedStream, embeddedShards, kinesistest.StreamOptions{}); err != nil {
		srv.Close()
		return nil, err
	}
	return &embedded{server: srv, prints: map[string][]fingerprint{}}, nil
}

func (e *embedded) target(p wire.Protocol) wire.Config {
	return wire.Config{Endpoint: e.server.URL(), Region: e.server.Region(), RootCAs: e.server.CertPool(),
		Credentials: e.server.Credentials(), Protocol: p}
}

// know takes note of the schemas that reading back will need: this run's, and those
// of what earlier runs left in the buffer.
func (e *embedded) know(own *record.Schema, buf retry.Buffer) {
	e.schemas = append(e.schemas, own)
	if buf == nil {
		return
	}
	for _, doc := range buf.Definitions() {
		if s, err := record.ParseSchema(doc); err == nil { // else reading back will say that it is not known
			e.schemas = append(e.schemas, s)
		}
	}
}

// fingerprint is 128 bits of a SHA-256.
type fingerprint [16]byte

// remember notes what a record looked like when it was put. One goroutine calls
// it, after each Put.
func (e *embedded) remember(r *record.Record) {
	e.boot = r.ID.Boot
	prints := e.prints[r.ID.Device]
	for uint64(len(prints)) < r.ID.Seq {
		prints = append(prints, fingerprint{})
	}
	prints[r.ID.Seq-1] = e.fingerprint(r)
	e.prints[r.ID.Device] = prints
}

// fingerprint is over everything in a record, the bits of its floats and the
// order of its readings included. It does not go by way of record JSON, which
// is what it judges.
func (e *embedded) fingerprint(r *record.Record) fingerprint {
	b := e.scratch[:0]
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	text(r.ID.Device)
	b = binary.AppendUvarint(b, uint64(r.ID.Boot))
	b = binary.AppendUvarint(b, r.ID.Seq)
	b = binary.AppendVarint(b, r.Time.UnixMilli())
	text(r.Schema)
	b = binary.AppendUvarint(b, uint64(len(r.Meta)))
	for _, m := range r.Meta {
		text(m.Name)
		text(m.Value)
	}
	for _, x := range r.Readings {
		text(x.Name)
		b = append(b, byte(x.Value.Kind()))
		switch x.Value.Kind() {
		case record.Float:
			b = binary.BigEndian.AppendUint64(b, math.Float64bits(x.Value.Float()))
		case record.Int:
			b = binary.AppendVarint(b, x.Value.Int())
		case record.Bool:
			b = append(b, map[bool]byte{true: 1}[x.Value.Bool()])
		default:
			text(x.Value.Str())
		}
	}
	e.scratch = b
	sum := sha256.Sum256(b)
	return fingerprint(sum[:16])
}

// check is what reading the stream back has shown.
type check struct {
	verified   uint64 // distinct records that equal what was put, and those of earlier runs
	earlier    uint64 // of these, how many are of earlier runs
	duplicates uint64 // records that came again, equal
	balance    partition.Report
	err        error // the first difference
}

// readTimeout bounds the reading back; it is all on this machine.
const readTimeout = 10 * time.Minute

// check reads the whole stream through its HTTP API and compares. What earlier
// runs left in the spool, so many records, is not known here: of these it counts
// what can be decoded, once each.
func (e *embedded) check(delivered, recovered uint64) (c check) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	client, err := wire.NewClient(e.target(wire.CBOR))
	if err != nil {
		return check{err: err}
	}
	defer client.Close()
	shards, err := e.server.Shards(embeddedStream)
	if err != nil {
		return check{err: err}
	}
	var ranges []partition.Shard
	for _, s := range shards {
		ranges = append(ranges, partition.Shard{ID: s.ID, Range: s.Range})
	}
	m, err := partition.NewMap(ranges)
	if err != nil {
		return check{err: err}
	}
	v := verifier{embedded: e, recovered: recovered, seen: map[string][]bool{}, older: map[record.ID]fingerprint{}, balance: partition.NewBalance(m),
		decoder: decode.Decoder{Schemas: e.schemas}}
	for _, s := range shards {
		if err := v.shard(ctx, client.Client, s.ID); err != nil {
			v.fail("shard %s cannot be read back: %w", s.ID, err)
		}
	}
	if v.verified < delivered && v.err == nil {
		v.fail("%d of %d delivered records are not in the stream%s", delivered-v.verified, delivered, v.firstMissing())
	}
	v.check.balance = v.balance.Report()
	return v.check
}

type verifier struct {
	*embedded
	check
	recovered uint64
	seen      map[string][]bool // as prints
	older     map[record.ID]fingerprint
	balance   *partition.Balance
	decoder   decode.Decoder
}

func (v *verifier) fail(format string, args ...any) {
	if v.err == nil {
		v.err = fmt.Errorf(format, args...)
	}
}

var errOpaque = errors.New("not put by this program")

// readPage is how many Kinesis records are read at a time: few, since each may
// be large and all of a page is in memory.
const readPage = 16

func (v *verifier) shard(ctx context.Context, c *kinesis.Client, id string) error {
	start, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String(embeddedStream), ShardId: &id,
		ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return err
	}
	for it := start.ShardIterator; it != nil; {
		page, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it, Limit: aws.Int32(readPage)})
		if err != nil {
			return err
		}
		for i := range page.Records {
			if err := v.kinesisRecord(&page.Records[i]); err != nil {
				return err
			}
		}
		if len(page.Records) == 0 && aws.ToInt64(page.MillisBehindLatest) == 0 {
			return nil
		}
		it = page.NextShardIterator
	}
	return nil
}

func (v *verifier) kinesisRecord(k *types.Record) error {
	user := -1
	return v.decoder.Decode(k.Data, aws.ToString(k.PartitionKey), func(it decode.Item) error {
		if it.Kind != decode.Record {
			v.fail("the stream holds a user record that is %s: %w", it.Kind, cmp.Or(it.Err, errOpaque))
			return nil
		}
		bytes := 0
		if it.Index != user {
			user, bytes = it.Index, len(it.Data)+len(it.PartitionKey)
		}
		v.balance.Add(it.PartitionKey, 1, int64(bytes))
		v.record(it.Record)
		return nil
	})
}

// record compares one record that was read back.
func (v *verifier) record(r *record.Record) {
	prints, n := v.prints[r.ID.Device], r.ID.Seq
	if r.ID.Boot != v.boot && v.recovered > 0 {
		v.ofEarlierRun(r)
		return
	}
	switch {
	case r.ID.Boot != v.boot || n < 1 || n > uint64(len(prints)):
		v.fail("record %s is in the stream but was never put", r.ID)
		return
	case v.fingerprint(r) != prints[n-1]:
		v.fail("record %s is not what was put; the stream has %s", r.ID, record.AppendJSON(nil, r))
		return
	}
	seen := v.seen[r.ID.Device]
	if seen == nil {
		seen = make([]bool, len(prints))
		v.seen[r.ID.Device] = seen
	}
	if seen[n-1] {
		v.duplicates++
		return
	}
	seen[n-1] = true
	v.verified++
}

// ofEarlierRun looks at a record that an earlier run put.
func (v *verifier) ofEarlierRun(r *record.Record) {
	print := v.fingerprint(r)
	switch known, again := v.older[r.ID]; {
	case again && known != print:
		v.fail("record %s is in the stream twice, and not the same; once it is %s", r.ID, record.AppendJSON(nil, r))
	case again:
		v.duplicates++
	case v.earlier == v.recovered:
		v.fail("record %s is in the stream but was neither put nor in the spool, which had %d", r.ID, v.recovered)
	default:
		v.older[r.ID] = print
		v.earlier++
		v.verified++
	}
}

// firstMissing names a record that was put but not read back.
func (v *verifier) firstMissing() string {
	for _, device := range slices.Sorted(maps.Keys(v.prints)) {
		for i := range v.prints[device] {
			if seen := v.seen[device]; seen == nil || !seen[i] {
				id := record.ID{Device: device, Boot: v.boot, Seq: uint64(i) + 1}
				return fmt.Sprintf("; the first of those put that is not there is %s", id)
			}
		}
	}
	return "; they are of earlier runs"
}
