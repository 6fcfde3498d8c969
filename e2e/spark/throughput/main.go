// Throughput writes records of a stream as files for Spark, as rivulet backend try
// does: the sample telemetry over and over, each time as another boot of its
// devices, in frames of one device.
//
//	go run ./spark/throughput -codec columnar -frame 500 -records 100000 -files 3 -out DIR
//
// scripts/spark-bench.sh calls it.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/record"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("throughput: ")
	input := flag.String("input", "", "record JSON lines, gzipped")
	name := flag.String("codec", "columnar", "of the frames")
	size := flag.Int("frame", 500, "records in a frame")
	records := flag.Int("records", 100_000, "in a file, at least")
	files := flag.Int("files", 3, "how many")
	out := flag.String("out", "", "directory")
	flag.Parse()
	codec, err := compress.ByName(*name)
	check(err)
	devices, err := read(*input)
	check(err)
	check(os.MkdirAll(*out, 0o755))
	w := &writer{encoder: codec.NewEncoder(), size: *size, boot: 1}
	for i := range *files {
		check(w.file(filepath.Join(*out, fmt.Sprintf("rows-%d.json", i)), devices, *records))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// read returns the records of each device.
func read(file string) ([][]record.Record, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var devices [][]record.Record
	place := map[string]int{}
	scan := bufio.NewScanner(z)
	for scan.Scan() {
		r, err := record.ParseJSON(scan.Bytes())
		if err != nil {
			return nil, err
		}
		at, ok := place[r.ID.Device]
		if !ok {
			at = len(devices)
			place[r.ID.Device], devices = at, append(devices, nil)
		}
		devices[at] = append(devices[at], r)
	}
	return devices, scan.Err()
}

// row is a record of the stream as Spark's files have it.
type row struct {
	Data         []byte `json:"data"`
	Stream       string `json:"streamName"`
	PartitionKey string `json:"partitionKey"`
	Number       string `json:"sequenceNumber"`
	Arrival      string `json:"approximateArrivalTimestamp"`
	Shard        string `json:"shardId"`
}

type writer struct {
	encoder compress.Encoder
	size    int
	boot    uint64
	number  int
}

// file writes rounds of all devices' records until there are enough.
func (w *writer) file(name string, devices [][]record.Record, records int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(out)
	for n := 0; n < records; w.boot++ {
		for _, device := range devices {
			for at := 0; at < len(device); at += w.size {
				some := device[at:min(at+w.size, len(device))]
				data, err := w.frame(some, at)
				if err != nil {
					return err
				}
				w.number++
				n += len(some)
				err = enc.Encode(row{data, "bench", some[0].ID.Device, fmt.Sprintf("%056d", w.number), time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "shardId-000000000000"})
				if err != nil {
					return err
				}
			}
		}
	}
	return out.Flush()
}

func (w *writer) frame(records []record.Record, first int) ([]byte, error) {
	rows := make([]record.Row, len(records))
	for i := range records {
		r := records[i]
		r.ID.Boot, r.ID.Seq = w.boot, uint64(first+i+1)
		data, err := record.AppendRecord(nil, nil, &r, time.Time{})
		if err != nil {
			return nil, err
		}
		rows[i] = record.Row{ID: r.ID, Data: data}
	}
	batch := record.NewBatch(record.NewDecoder())
	batch.Set(rows)
	return w.encoder.AppendFrame(nil, batch)
}
