package decode

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/record"
)

func recordsOf(device string, n int) (recs []record.Record) {
	for i := range n {
		recs = append(recs, record.Record{ID: record.ID{Device: device, Boot: 7, Seq: uint64(i + 1)}, Time: time.UnixMilli(1_700_000_000_000 + int64(i)).UTC(),
			Meta: []record.Meta{{Name: "site", Value: "north"}}, Readings: []record.Reading{{Name: "t", Value: record.FloatValue(float64(i) / 3)}, {Name: "ok", Value: record.BoolValue(i%2 == 0)}}})
	}
	return recs
}

func frameOf(t testing.TB, c compress.Codec, recs []record.Record) []byte {
	var rows []record.Row
	for i := range recs {
		row, err := record.AppendRecord(nil, nil, &recs[i], time.Time{})
		require.NoError(t, err)
		rows = append(rows, record.Row{ID: recs[i].ID, Data: row})
	}
	b := record.NewBatch(record.NewDecoder())
	b.Set(rows)
	frame, err := c.NewEncoder().AppendFrame(nil, b)
	require.NoError(t, err)
	return frame
}

func aggregateOf(t testing.TB, users ...kpl.UserRecord) []byte {
	var b kpl.Builder
	for _, u := range users {
		require.NoError(t, b.Add(u))
	}
	return b.AppendTo(nil)
}

// collect decodes and keeps everything, records as clones.
func collect(t testing.TB, d *Decoder, data []byte, key string) (items []Item) {
	require.NoError(t, d.Decode(data, key, func(it Item) error {
		if it.Record != nil {
			r := it.Record.Clone()
			it.Record = &r
		}
		items = append(items, it)
		return nil
	}))
	return items
}

func TestEveryCodecAloneAndAggregated(t *testing.T) {
	var users []kpl.UserRecord
	var want []record.Record
	for i, c := range compress.Codecs() {
		recs := recordsOf(fmt.Sprint("dev", i), 20+i)
		frame := frameOf(t, c, recs)
		items := collect(t, new(Decoder), frame, "alone")
		require.Len(t, items, len(recs), c.Name())
		for j, it := range items {
			require.Equal(t, Record, it.Kind)
			require.Equal(t, recs[j], *it.Record)
			require.Equal(t, frame, it.Data)
			require.Equal(t, "alone", it.PartitionKey)
			require.Zero(t, it.Index)
			require.NoError(t, it.Err)
		}
		users = append(users, kpl.UserRecord{PartitionKey: fmt.Sprint("k", i), ExplicitHashKey: fmt.Sprint(i), Data: frame})
		want = append(want, recs...)
	}
	users = append(users, kpl.UserRecord{PartitionKey: "mine", ExplicitHashKey: "9", Data: []byte{0, 1, 2}})
	items := collect(t, new(Decoder), aggregateOf(t, users...), "outer")
	require.Len(t, items, len(want)+1)
	for j, r := range want {
		require.Equal(t, r, *items[j].Record)
		u := users[items[j].Index]
		require.Equal(t, fmt.Sprint("dev", items[j].Index), r.ID.Device)
		require.Equal(t, u.PartitionKey, items[j].PartitionKey)
		require.Equal(t, u.ExplicitHashKey, items[j].ExplicitHashKey)
		require.Equal(t, u.Data, items[j].Data)
	}
	require.Equal(t, Item{Kind: Opaque, Data: []byte{0, 1, 2}, PartitionKey: "mine", ExplicitHashKey: "9", Index: len(users) - 1}, items[len(want)])
}

func TestKinds(t *testing.T) {
	one := frameOf(t, compress.None, recordsOf("d", 1))
	good := aggregateOf(t, kpl.UserRecord{PartitionKey: "k", Data: one})
	badSum := bytes.Clone(good)
	badSum[len(badSum)-1] ^= 1
	empty := append(append([]byte(nil), []byte(kpl.Magic)...), 0x0a, 1, 'k') // a key and no record
	sum := md5.Sum(empty[4:])
	empty = append(empty, sum[:]...)
	for name, c := range map[string]struct {
		data   []byte
		kinds  []Kind
		reason error // of the last
	}{
		"nothing at all":              {nil, []Kind{Opaque}, nil},
		"text":                        {[]byte("hello"), []Kind{Opaque}, nil},
		"a JSON array":                {[]byte("[1]"), []Kind{Opaque}, nil},
		"someone's JSON":              {[]byte(`{"device_id":"d","temperature":3}`), []Kind{Opaque}, ErrNotRecord},
		"someone's JSON, pretty":      {[]byte("{\n \"a\": 1\n}"), []Kind{Opaque}, ErrNotRecord},
		"text in a brace":             {[]byte("{hello"), []Kind{Opaque}, ErrNotRecord},
		"a later version's record":    {[]byte(`{"device_id":"d","novel":1,"readings":{}}`), []Kind{Damaged}, ErrFrame},
		"a record, then something":    {append(bytes.Clone(one), "\n{}"...), []Kind{Record, Damaged}, ErrFrame},
		"the same, without readings":  {[]byte("{\"device_id\":\"d\"}\n{}"), []Kind{Record, Damaged}, ErrFrame},
		"record JSON cut short":       {one[:len(one)-2], []Kind{Damaged}, ErrFrame},
		"gzip's magic only":           {[]byte{0x1f, 0x8b}, []Kind{Opaque}, nil}, // any two bytes may be that
		"gzip's header only":          {[]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}, []Kind{Damaged}, ErrFrame},
		"zstd's magic only":           {[]byte{0x28, 0xb5, 0x2f, 0xfd}, []Kind{Damaged}, ErrFrame},
		"an empty zstd frame":         {[]byte("\x28\xb5\x2f\xfd0\x00\x01\x00\x00"), []Kind{Damaged}, ErrFrame},
		"the aggregate's magic":       {good[:4], []Kind{Damaged}, ErrAggregate},
		"part of the magic":           {good[:3], []Kind{Opaque}, nil},
		"a bad MD5":                   {badSum, []Kind{Damaged}, ErrAggregate},
		"an aggregate cut short":      {good[:len(good)-1], []Kind{Damaged}, ErrAggregate},
		"an empty aggregate":          {empty, []Kind{Damaged}, ErrAggregate},
		"an aggregate in another":     {aggregateOf(t, kpl.UserRecord{PartitionKey: "k", Data: good}), []Kind{Opaque}, nil},
		"a broken one in another":     {aggregateOf(t, kpl.UserRecord{PartitionKey: "k", Data: badSum}), []Kind{Opaque}, nil},
		"an empty user record":        {aggregateOf(t, kpl.UserRecord{PartitionKey: "k"}), []Kind{Opaque}, nil},
		"an aggregate, then its copy": {append(bytes.Clone(good), good...), []Kind{Damaged}, ErrAggregate},
	} {
		items := collect(t, new(Decoder), c.data, "key")
		var kinds []Kind
		for _, it := range items {
			kinds = append(kinds, it.Kind)
			require.Equal(t, it.Kind == Record, it.Record != nil, name)
		}
		require.Equal(t, c.kinds, kinds, name)
		last := items[len(items)-1]
		if c.reason == nil {
			require.NoError(t, last.Err, name)
			continue
		}
		require.ErrorIs(t, last.Err, c.reason, name)
		var e *Error
		require.ErrorAs(t, last.Err, &e)
		require.Equal(t, c.reason, e.Reason, name)
		require.Equal(t, last.PartitionKey, e.PartitionKey, name)
		require.Equal(t, last.Index, e.Index, name)
		if last.Index < 0 {
			require.Equal(t, c.data, last.Data, name)
		}
	}
}

func TestDamageStaysWhereItIs(t *testing.T) {
	recs := recordsOf("d", 5000) // the flipped bit is found after some were handed out
	bad := frameOf(t, compress.Gzip, recs)
	bad[len(bad)-6] ^= 1 // its checksum
	good := frameOf(t, compress.Zstd, recs[:3])
	data := aggregateOf(t, kpl.UserRecord{PartitionKey: "a", Data: good}, kpl.UserRecord{PartitionKey: "b", Data: bad}, kpl.UserRecord{PartitionKey: "c", Data: good})
	items := collect(t, new(Decoder), data, "outer")
	const before = 3 + 4999 // the last line of the frame comes with the news that it is damaged
	require.Equal(t, before+1+3, len(items))
	dead := items[before]
	require.Equal(t, Damaged, dead.Kind)
	require.Equal(t, bad, dead.Data)
	require.Equal(t, 1, dead.Index)
	require.Equal(t, "b", dead.PartitionKey)
	require.ErrorIs(t, dead.Err, compress.ErrCorrupt)
	require.ErrorContains(t, dead.Err, `user record 1 with key "b", after 4999 records: compress: damaged frame`)
	require.Equal(t, recs[2], *items[before+3].Record)
}

func TestFnEndsDecode(t *testing.T) {
	mine := errors.New("mine")
	frame := frameOf(t, compress.Zstd, recordsOf("d", 3))
	bad := aggregateOf(t, kpl.UserRecord{PartitionKey: "a", Data: frame[:4]}, kpl.UserRecord{PartitionKey: "b", Data: frame}, kpl.UserRecord{PartitionKey: "c", Data: []byte("x")})
	for stopAt, kind := range []Kind{Damaged, Record, Record, Record, Opaque} {
		n := 0
		err := new(Decoder).Decode(bad, "k", func(it Item) error {
			if n++; n == stopAt+1 {
				require.Equal(t, kind, it.Kind)
				return mine
			}
			return nil
		})
		require.Equal(t, mine, err)
		require.Equal(t, stopAt+1, n)
	}
	n := 0
	err := new(Decoder).Decode(frame, "k", func(Item) error { n++; return fmt.Errorf("x: %w", compress.ErrTooLarge) })
	require.ErrorIs(t, err, compress.ErrTooLarge)
	require.Equal(t, 1, n, "an error of fn is not taken for damage")
}

func TestErrorText(t *testing.T) {
	e := &Error{Reason: ErrFrame, Index: -1, PartitionKey: strings.Repeat("k", 2000), Cause: errors.New("why")}
	require.Equal(t, `aggregate with key "`+strings.Repeat("k", 64)+`"…: why`, e.Error())
	require.Equal(t, "record opaque damaged unknown", fmt.Sprint(Record, " ", Opaque, " ", Damaged, " ", Kind(9)))
}

func FuzzDecode(f *testing.F) {
	var users []kpl.UserRecord
	for _, c := range compress.Codecs() {
		frame := frameOf(f, c, recordsOf("d", 3))
		f.Add(frame)
		users = append(users, kpl.UserRecord{PartitionKey: c.Name(), Data: frame})
		f.Add(aggregateOf(f, users...))
	}
	f.Add([]byte(`{"a":1}`))
	f.Add([]byte("opaque"))
	f.Add(aggregateOf(f, kpl.UserRecord{PartitionKey: "k", ExplicitHashKey: "5", Data: []byte("opaque")}, kpl.UserRecord{PartitionKey: "l", ExplicitHashKey: "6", Data: []byte{0x1f, 0x8b, 1}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		// A fuzzer finds no MD5: the data also stands for the inside of an aggregate.
		for _, data := range [][]byte{data, aggregateOf(t, kpl.UserRecord{PartitionKey: "k", Data: data}, kpl.UserRecord{PartitionKey: "l", Data: []byte("x")})} {
			items, damages := 0, 0
			err := (&Decoder{MaxBytes: 1 << 20, MaxUserRecords: 100}).Decode(data, "key", func(it Item) error {
				items++
				require.Equal(t, it.Kind == Record, it.Record != nil)
				var e *Error
				if it.Err != nil {
					require.ErrorAs(t, it.Err, &e)
					require.NotEmpty(t, e.Error())
				}
				if it.Kind == Damaged {
					damages++
					require.NotNil(t, e)
				}
				if it.Kind == Record {
					_, err := record.ParseJSON(record.AppendJSON(nil, it.Record))
					require.NoError(t, err)
				}
				return nil
			})
			require.NoError(t, err)
			require.NotZero(t, items, "data has vanished")
		}
	})
}
