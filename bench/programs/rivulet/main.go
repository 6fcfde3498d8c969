// Command rivulet is the program measured for Rivulet.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rivulet-iot/rivulet/bench/internal/child"
	"github.com/rivulet-iot/rivulet/compress"
	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/retry"
)

func main() { child.Main(run) }

func run(j child.Job) error {
	roots, err := j.Roots()
	if err != nil {
		return err
	}
	client, err := wire.NewClient(wire.Config{Endpoint: j.URL, RootCAs: roots, Credentials: wire.EnvCredentials()})
	if err != nil {
		return err
	}
	defer client.Close()
	cfg := producer.Config{Stream: j.Stream, Device: "gateway", FlushInterval: j.Flush}
	if j.Codec != "" {
		if cfg.Codec, err = compress.ByName(j.Codec); err != nil {
			return err
		}
	}
	if j.Dir != "" {
		return drainDisk(j, client, cfg)
	}
	if j.Pace == "windows" {
		cfg.FlushInterval = 24 * time.Hour // the end of each window flushes
	}
	rows, err := child.OpenRows(j.Input)
	if err != nil {
		return err
	}
	cfg.Schema = rows.Schema
	// The default size; but a backlog waits for room instead of dropping the oldest.
	if cfg.Buffer, err = retry.NewMemory(retry.Options{Overflow: retry.Block}); err != nil {
		return err
	}
	p, err := producer.New(client, cfg)
	if err != nil {
		return err
	}
	ctx := context.Background()
	flush := func() error { return p.Flush(ctx) }
	err = j.Run(child.Work{
		Next: rows.Next,
		Put: func() error {
			_, err := p.PutRecord(ctx, &rows.Record)
			return err
		},
		Window: flush,
		Finish: flush,
	})
	return closing(p, err)
}

// drainDisk sends what another process left on disk.
func drainDisk(j child.Job, client producer.API, cfg producer.Config) error {
	var p *producer.Producer
	err := j.Run(child.Work{Finish: func() error {
		buf, err := retry.Open(j.Dir, retry.Options{MaxBytes: 512 << 20})
		if err != nil {
			return err
		}
		cfg.Buffer = buf
		if p, err = producer.New(client, cfg); err != nil {
			return err
		}
		return p.Flush(context.Background())
	}})
	if p == nil {
		return err
	}
	return closing(p, err)
}

// closing ends a producer that has delivered everything; the ledger must agree.
func closing(p *producer.Producer, err error) error {
	if err != nil {
		return err
	}
	if err := p.Close(context.Background()); err != nil {
		return err
	}
	if s := p.Stats(); s.Pending != 0 {
		return fmt.Errorf("%d records are pending after Close", s.Pending)
	}
	return nil
}
