package wire

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/schemas"
	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/rpcv2"
)

const (
	cborType = "application/x-amz-cbor-1.1"
	target   = "Kinesis_20131202."
)

// cbor is the CBOR form of the JSON 1.1 protocol, which the service has taken
// since before there were Smithy protocols: the same document and the same
// X-Amz-Target header, with blobs as bytes. The SDK has no name for it, but its
// RPC v2 protocol encodes the same bodies; only path and headers differ.
//
// It is safe for concurrent use.
type cbor struct {
	*rpcv2.Protocol
	json *awsjson.Protocol
}

// WithCBOR makes a client write its bodies as CBOR, for those who make it
// themselves: kinesis.NewFromConfig(cfg, wire.WithCBOR). It must be given as a
// function: in the Options handed to kinesis.New, a protocol is overwritten.
func WithCBOR(o *kinesis.Options) { withEconomies(o, &economies{never: form{plain: true}}) }

// withEconomies makes a client choose the form of its calls.
func withEconomies(o *kinesis.Options, e *economies) {
	if !e.never.json {
		o.Protocol = &cbor{Protocol: rpcv2.NewCBOR(schemas.Kinesis_20131202), json: awsjson.New11(schemas.Kinesis_20131202)}
	}
	o.APIOptions = append(slices.Clip(o.APIOptions), func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("RivuletEconomies", e.choose), middleware.Before)
	})
}

// inJSON are the calls that take a time. The service wants milliseconds where RPC
// v2 writes seconds; they are rare and small, so they go as JSON.
var inJSON = map[string]bool{"GetShardIterator": true}

func (p *cbor) SerializeRequest(ctx context.Context, schema *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	if formOf(ctx).json {
		return p.json.SerializeRequest(ctx, schema, in, req)
	}
	path := req.URL.Path
	if err := p.Protocol.SerializeRequest(ctx, schema, in, req); err != nil {
		return err
	}
	if path == "" {
		path = "/"
	}
	req.URL.Path = path
	req.Header.Del("Smithy-Protocol")
	req.Header.Del("Accept")
	req.Header.Set("Content-Type", cborType)
	req.Header.Set("X-Amz-Target", target+middleware.GetOperationName(ctx))
	return nil
}

func (p *cbor) DeserializeResponse(ctx context.Context, schema *smithy.OperationSchema, types *smithy.TypeRegistry, resp *smithyhttp.Response, out smithy.Deserializable) error {
	inCBOR := strings.Contains(resp.Header.Get("Content-Type"), "cbor") ||
		!formOf(ctx).json && resp.StatusCode < 300 // whatever it says
	if !inCBOR { // JSON; or a proxy or load balancer answers as it likes
		return p.json.DeserializeResponse(ctx, schema, types, resp, out)
	}
	return p.Protocol.DeserializeResponse(ctx, schema, types, resp, lenient{out})
}
