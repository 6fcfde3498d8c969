package main

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/backend/decode"
	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/internal/kpl"
	"github.com/rivulet-iot/rivulet/internal/term"
	"github.com/rivulet-iot/rivulet/record"
)

// page prints the records of one page, which are on stdout when it returns.
func (t *tail) page(shard string, records []types.Record) error {
	for i := range records {
		var err error
		if t.raw {
			err = t.printRaw(shard, &records[i])
		} else {
			err = t.printDecoded(shard, &records[i])
		}
		if err != nil {
			return err
		}
	}
	if err := t.out.Flush(); err != nil {
		return outputError{err}
	}
	return nil
}

// println prints what is in t.line.
func (t *tail) println() error {
	t.escaped = append(term.EscapeJSON(t.escaped[:0], t.line), '\n')
	if _, err := t.out.Write(t.escaped); err != nil {
		return outputError{err}
	}
	if t.printed++; t.printed == t.limit {
		return errLimit
	}
	return nil
}

// opaqueLine is how an opaque user record is printed. Data is in base64.
type opaqueLine struct {
	Opaque       bool   `json:"opaque"`
	PartitionKey string `json:"partition_key"`
	Data         []byte `json:"data"`
}

func (t *tail) printDecoded(shard string, r *types.Record) error {
	return t.decoder.Decode(r.Data, deref(r.PartitionKey), func(it decode.Item) error {
		switch it.Kind {
		case decode.Record:
			t.gaps.read(it.Record.ID)
			if t.dedup && t.seen.Seen(it.Record.ID) {
				t.duplicates++
				return nil
			}
			t.line = record.AppendJSON(t.line[:0], it.Record)
		case decode.Opaque:
			t.encode(opaqueLine{true, it.PartitionKey, it.Data})
		default:
			t.damaged++
			if errors.Is(it.Err, decode.ErrSchema) {
				if t.unknown++; t.unknown > 1 { // one says it all
					return nil
				}
			}
			t.notice(shard + " " + deref(r.SequenceNumber) + ": " + it.Err.Error())
			return nil
		}
		return t.println()
	})
}

// rawLine is how a Kinesis record is printed. Data is in base64.
type rawLine struct {
	Shard          string `json:"shard"`
	SequenceNumber string `json:"sequence_number"`
	PartitionKey   string `json:"partition_key"`
	Arrival        string `json:"arrival,omitempty"`
	Size           int    `json:"size"`         // of Data, in bytes
	Kind           string `json:"kind"`         // aggregate, a codec's name, or opaque
	UserRecords    int    `json:"user_records"` // 0: an aggregate that can't be read
	Data           []byte `json:"data"`
}

func (t *tail) printRaw(shard string, r *types.Record) error {
	line := rawLine{Shard: shard, SequenceNumber: deref(r.SequenceNumber), PartitionKey: deref(r.PartitionKey), Size: len(r.Data), Data: r.Data}
	line.Kind, line.UserRecords = kindOf(r.Data)
	if r.ApproximateArrivalTimestamp != nil {
		line.Arrival = r.ApproximateArrivalTimestamp.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	t.encode(line)
	return t.println()
}

// kindOf tells by the first bytes what data is.
func kindOf(data []byte) (kind string, userRecords int) {
	users, err := kpl.Parse(data, kpl.Limits{})
	if !errors.Is(err, kpl.ErrNotAggregated) {
		return "aggregate", len(users)
	}
	if f := compress.Sniff(data); f != compress.Unknown {
		return f.String(), 1
	}
	return "opaque", 1
}

// encode puts v, which always has a JSON form, in t.line.
func (t *tail) encode(v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	t.line = append(t.line[:0], bytes.TrimSuffix(b.Bytes(), []byte{'\n'})...)
}
