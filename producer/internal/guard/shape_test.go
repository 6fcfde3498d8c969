package guard

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/schemas"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/rpcv2"
	"github.com/stretchr/testify/require"
)

func TestShape(t *testing.T) {
	const values = 100
	for name, c := range map[string]struct {
		doc  string
		want error
	}{
		"nothing":                    {"", nil},
		"JSON":                       {` {"a":[1,"]]]",{"b":null}]} `, nil},
		"JSON, as deep as allowed":   {strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16), nil},
		"JSON, deeper":               {strings.Repeat(`{"a":`, 17), errTooMuch},
		"JSON with many values":      {`{"a":[` + strings.Repeat("1,", 101) + "1]}", errTooMuch},
		"JSON with escapes":          {`{"a\"[[[[[[[[[[[[[[[[[[[[[":"\\"}`, nil},
		"HTML":                       {"<html>", errShape},
		"a list":                     {"[1]", errShape},
		"CBOR":                       {"\xa2\x61a\x83\x01\x20\xf6\x61b\x44abcd", nil},
		"CBOR without lengths":       {"\xbf\x61a\x9f\x01\xff\x61b\x7f\x61x\x61y\xff\xff", nil},
		"CBOR, as deep as allowed":   {strings.Repeat("\xa1\x61a", 16) + "\x01", nil},
		"CBOR, deeper":               {strings.Repeat("\xa1\x61a", 17) + "\x01", errTooMuch},
		"CBOR with tags upon tags":   {"\xa1\x61a" + strings.Repeat("\xc1", 17) + "\x01", errTooMuch},
		"CBOR with many values":      {"\xa1\x61a\x9f" + strings.Repeat("\xf6", 100) + "\xff", errTooMuch},
		"CBOR cut off":               {"\xa1\x61a\x83\x01", errShape},
		"CBOR cut off in a text":     {"\xa1\x61a\x65abc", errShape},
		"CBOR cut off in a number":   {"\xa1\x61a\x1b\x01", errShape},
		"CBOR that says it is large": {"\xa1\x61a\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01", errShape},
		"CBOR with a large text":     {"\xa1\x61a\x7b\xff\xff\xff\xff\xff\xff\xff\xff\x01", errShape},
		"CBOR with a stray break":    {"\xa1\x61a\xff", errShape},
		"CBOR of an unknown kind":    {"\xa1\x61a\x1c", errShape},
		"a tag without length":       {"\xa1\x61a\xdf\x01\xff", errShape},
		"a break after a tag":        {"\xbf\x61a\xc1\xff", errShape},
	} {
		require.ErrorIs(t, shape([]byte(c.doc), values), c.want, name)
		if c.want == nil {
			require.NoError(t, shape([]byte(c.doc), values), name)
		}
	}
}

// FuzzShape: nothing that passes makes a decoder of the SDK panic, or take long.
func FuzzShape(f *testing.F) {
	f.Add([]byte("\xa1\x67Records\x81\xa2\x6eSequenceNumber\x611\x67ShardId\x69shardId-0"))
	f.Add([]byte("\xbf\x66Shards\x9f\xa1\x6cHashKeyRange\xbf\xff\xff\xff"))
	f.Add([]byte(`{"Records":[{"SequenceNumber":"1"}],"NextToken":null}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if shape(doc, 1000) != nil {
			return
		}
		for _, out := range []interface {
			smithy.Deserializable
		}{&kinesis.PutRecordsOutput{}, &kinesis.ListShardsOutput{}, &kinesis.DescribeStreamSummaryOutput{}} {
			for _, p := range []smithyhttp.ClientProtocol{rpcv2.NewCBOR(schemas.Kinesis_20131202), awsjson.New11(schemas.Kinesis_20131202)} {
				for _, status := range []int{200, 400} {
					resp := &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(doc))}}
					op := smithy.NewOperationSchema(schemas.PutRecords, schemas.PutRecordsInput, schemas.PutRecordsOutput)
					_ = p.DeserializeResponse(context.Background(), op, kinesis.TypeRegistry, resp, out)
				}
			}
		}
	})
}
