package wire_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
	"github.com/rivulet-iot/rivulet/producer/wire"
)

func Example() {
	// On a device: wire.Config{Region: "eu-west-1", Credentials: wire.EnvCredentials()}.
	srv, err := kinesistest.Start(kinesistest.Config{})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	client, err := wire.NewClient(wire.Config{Endpoint: srv.URL(), RootCAs: srv.CertPool(), Credentials: srv.Credentials()})
	if err != nil {
		panic(err)
	}
	defer client.Close()

	_, err = client.CreateStream(context.Background(), &kinesis.CreateStreamInput{StreamName: aws.String("telemetry"), ShardCount: aws.Int32(1)})
	fmt.Println(err, client.BytesUp() > 0)
	// Output: <nil> true
}
