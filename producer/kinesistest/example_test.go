package kinesistest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/rivulet-iot/rivulet/producer/kinesistest"
)

// The first call is stored, but its reply is lost; the SDK sends it again. The
// stream then holds the record twice, as it would in the cloud.
func Example() {
	srv, err := kinesistest.Start(kinesistest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	if err := srv.CreateStream("telemetry", 2, kinesistest.StreamOptions{}); err != nil {
		log.Fatal(err)
	}
	srv.Inject(kinesistest.Fault{Times: 1, Effect: kinesistest.LoseReply()})

	out, err := srv.Client().PutRecords(context.Background(), &kinesis.PutRecordsInput{
		StreamName: aws.String("telemetry"),
		Records:    []types.PutRecordsRequestEntry{{PartitionKey: aws.String("pi-7f3a"), Data: []byte("21.5")}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("failed:", *out.FailedRecordCount, "calls:", srv.Calls("PutRecords"))

	records, err := srv.Records("telemetry")
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range records {
		fmt.Println(r.ShardID, r.PartitionKey, string(r.Data))
	}
	// Output:
	// failed: 0 calls: 2
	// shardId-000000000000 pi-7f3a 21.5
	// shardId-000000000000 pi-7f3a 21.5
}
