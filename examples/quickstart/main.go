// Command quickstart puts one typed record. Without AWS credentials it says what
// is missing; see package main of examples/raspberrypi for a whole agent.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/rivulet-iot/rivulet/producer"
	"github.com/rivulet-iot/rivulet/producer/wire"
	"github.com/rivulet-iot/rivulet/record"
)

// Env is what an indoor sensor board says.
type Env struct {
	Temperature float64 `rivulet:"temperature,unit=Cel,min=-40,max=85"`
	Motion      bool    `rivulet:"motion"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	schema, err := record.SchemaOf[Env]("env", 1)
	check(err)
	client, err := wire.NewClient(wire.Config{Region: "eu-west-1", Endpoint: os.Getenv("AWS_ENDPOINT_URL_KINESIS"), Credentials: wire.EnvCredentials()})
	check(err)
	p, err := producer.New(client, producer.Config{Stream: "telemetry", Device: "pi-7f3a", Schema: schema})
	check(err)
	id, err := p.Put(ctx, Env{Temperature: 21.5})
	check(err)
	check(p.Close(ctx)) // sends what is buffered; an error names what was lost
	fmt.Println("delivered", id)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
