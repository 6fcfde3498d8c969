package producer

import (
	"encoding/binary"
	"errors"

	"github.com/rivulet-iot/rivulet/partition"
	"github.com/rivulet-iot/rivulet/record"
)

// frame is one KPL user record on its way: a run of records of one partition
// key, encoded, or one opaque record.
type frame struct {
	key, ehk string
	hash     partition.Hash // where it goes
	home     partition.Hash // of key: its lane, so that an explicit hash key does not break a key's order
	data     []byte
	opaque   bool
	runs     []run // where its entries are in the buffer
	ids      ranges
	records  int
	stored   int  // bytes that its entries take in the buffer, about
	nested   bool // its data is an aggregate itself
	marked   bool // it has marks
	attempts int  // calls that carried it
	again    int  // how many of its records an earlier attempt may have stored
}

const (
	frameOverhead = 512 // what a frame itself takes in memory, about
	entryBytes    = 16  // what an entry takes in a buffer beside its data
)

// run is a run of indexes in the buffer, inclusive.
type run struct{ first, last uint64 }

// newFrame returns a frame of rows, which are at those indexes in the buffer.
func newFrame(key string, rows []record.Row, index []uint64) *frame {
	h := partition.HashKey(key)
	f := &frame{key: key, hash: h, home: h, records: len(rows)}
	n := 1
	for i := 1; i < len(index); i++ {
		if index[i] != index[i-1]+1 {
			n++
		}
	}
	f.runs = make([]run, 0, n)
	for i := range rows {
		if n := len(f.runs); n > 0 && f.runs[n-1].last+1 == index[i] {
			f.runs[n-1].last++
		} else {
			f.runs = append(f.runs, run{index[i], index[i]})
		}
		f.ids.add(&rows[i].ID)
		f.stored += len(rows[i].Data) + entryBytes
	}
	return f
}

// memory is what a frame takes in memory, about.
func (f *frame) memory() int {
	return frameOverhead + len(f.data) + 16*len(f.runs) + 40*len(f.ids.list)
}

// formOpaque is the first byte of an opaque record in the buffer; no row begins
// with it. It is followed by the partition key and the explicit hash key, each
// behind its length as a uvarint, and the data.
const formOpaque = 0xff

func appendOpaque(dst []byte, key, ehk string, data []byte) []byte {
	dst = append(dst, formOpaque)
	for _, s := range []string{key, ehk} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return append(dst, data...)
}

func parseOpaque(row []byte) (key, ehk string, data []byte, err error) {
	rest := row[1:]
	for _, s := range []*string{&key, &ehk} {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return "", "", nil, errors.New("producer: damaged opaque record")
		}
		*s = string(rest[size : size+int(n)])
		rest = rest[size+int(n):]
	}
	return key, ehk, rest, nil
}
