package compress_test

import (
	"fmt"
	"time"

	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/record"
)

func Example() {
	r := record.Record{
		ID:       record.ID{Device: "pi-7f3a", Boot: 0x9f3c1e7a55d20b86, Seq: 1},
		Time:     time.Date(2026, 11, 22, 21, 40, 1, 0, time.UTC),
		Readings: []record.Reading{{Name: "temperature", Value: record.FloatValue(21.5)}},
	}
	row, err := record.AppendRecord(nil, nil, &r, time.Time{})
	if err != nil {
		panic(err)
	}
	batch := record.NewBatch(record.NewDecoder())
	batch.Set([]record.Row{{ID: r.ID, Data: row}})

	frame, err := compress.Zstd.NewEncoder().AppendFrame(nil, batch)
	if err != nil {
		panic(err)
	}
	fmt.Println(compress.Sniff(frame))
	err = compress.Decode(frame, 0, func(r *record.Record) error {
		fmt.Println(r.ID, r.Readings[0].Name, r.Readings[0].Value)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// zstd
	// pi-7f3a/9f3c1e7a55d20b86/1 temperature 21.5
}
