// Command sdkonly is the least that puts a record with aws-sdk-go-v2: what a
// program weighs before it has a producer.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func main() {
	client := kinesis.New(kinesis.Options{Region: os.Getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
		})})
	out, err := client.PutRecords(context.Background(), &kinesis.PutRecordsInput{StreamName: aws.String("telemetry"),
		Records: []types.PutRecordsRequestEntry{{PartitionKey: aws.String("pi-7f3a"), Data: []byte(`{"temperature":21.5}`)}}})
	if err != nil {
		log.Fatal(err)
	}
	log.Print(aws.ToInt32(out.FailedRecordCount))
}
