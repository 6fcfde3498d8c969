// Command backlog leaves its input in a buffer on disk, as a device that was
// offline does.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rivulet-iot/rivulet/bench/internal/child"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: backlog DIR ROWS")
		os.Exit(2)
	}
	if err := fill(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "backlog:", err)
		os.Exit(1)
	}
}

func fill(dir, input string) error {
	rows, err := child.OpenRows(input)
	if err != nil {
		return err
	}
	buf, err := retry.Open(dir, retry.Options{MaxBytes: 512 << 20, Overflow: retry.Block})
	if err != nil {
		return err
	}
	doc, err := rows.Schema.MarshalJSON()
	if err == nil {
		err = buf.Define(rows.Schema.Fingerprint(), doc)
	}
	var row []byte
	for err == nil {
		var step child.Step
		if step, err = rows.Next(); err != nil || step != child.Record {
			break
		}
		if row, err = record.AppendRecord(row[:0], rows.Schema, &rows.Record, time.Now()); err == nil {
			_, _, err = buf.Append(context.Background(), rows.Record.ID.Device, row)
		}
	}
	if err != nil {
		return err
	}
	return buf.Close()
}
