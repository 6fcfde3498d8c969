package producer_test

import (
	"context"
	"fmt"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
)

// Env is what an indoor sensor board says.
type Env struct {
	Temperature float64 `rivulet:"temperature,unit=Cel,min=-40,max=85"`
	Motion      bool    `rivulet:"motion"`
}

func Example() {
	ctx := context.Background()
	// A Kinesis inside the process; on a device, leave this out and configure the
	// client with Region and Credentials.
	srv, err := kinesistest.Start(kinesistest.Config{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	if err := srv.CreateStream("telemetry", 1, kinesistest.StreamOptions{}); err != nil {
		panic(err)
	}

	client, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: srv.CertPool(), Credentials: srv.Credentials()})
	if err != nil {
		panic(err)
	}
	defer client.Close()
	schema, err := record.SchemaOf[Env]("env", 1)
	if err != nil {
		panic(err)
	}
	p, err := producer.New(client, producer.Config{Stream: "telemetry", Device: "pi-7f3a", Schema: schema})
	if err != nil {
		panic(err)
	}
	for i := range 100 {
		if _, err := p.Put(ctx, Env{Temperature: 20 + float64(i)/10}); err != nil {
			panic(err)
		}
	}
	if err := p.Close(ctx); err != nil {
		panic(err)
	}
	st := p.Stats()
	fmt.Println(st.Put, "put,", st.Delivered, "delivered in", st.KinesisRecords, "Kinesis record")
	// Output: 100 put, 100 delivered in 1 Kinesis record
}
