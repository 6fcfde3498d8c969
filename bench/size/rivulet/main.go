// Command rivulet is the least that puts a record with Rivulet, buffered on disk:
// a schema, the default codec, and the client for metered links.
package main

import (
	"context"
	"log"
	"os"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
	"github.com/rivulet-iot/rivulet/retry"
)

type env struct {
	Temperature float64 `rivulet:"temperature,unit=Cel,min=-40,max=85"`
}

func main() {
	if err := put(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func put(ctx context.Context) error {
	schema, err := record.SchemaOf[env]("env", 1)
	if err != nil {
		return err
	}
	client, err := wire.NewClient(wire.Config{Region: os.Getenv("AWS_REGION"), Credentials: wire.EnvCredentials()})
	if err != nil {
		return err
	}
	buf, err := retry.Open("spool", retry.Options{})
	if err != nil {
		return err
	}
	p, err := producer.New(client, producer.Config{Stream: "telemetry", Device: "pi-7f3a", Schema: schema, Buffer: buf})
	if err != nil {
		return err
	}
	if _, err := p.Put(ctx, env{Temperature: 21.5}); err != nil {
		return err
	}
	return p.Close(ctx)
}
