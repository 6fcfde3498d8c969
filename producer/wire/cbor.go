package wire

import (
	"context"
	"strings"
	"sync/atomic"

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

// ErrCodeCBORRefused is the code of the one error by which a call is told that
// the endpoint does not take CBOR; the next call uses JSON.
const ErrCodeCBORRefused = "CBORRefused"

// cbor is the CBOR form of the JSON 1.1 protocol, which the service has taken
// since before there were Smithy protocols: the same document and the same
// X-Amz-Target header, with blobs as bytes. The SDK has no name for it, but its
// RPC v2 protocol encodes the same bodies; only path and headers differ.
//
// It is safe for concurrent use.
type cbor struct {
	*rpcv2.Protocol
	json    *awsjson.Protocol
	proved  atomic.Bool // a call has worked: errors are no longer about CBOR
	refused atomic.Bool
}

// WithCBOR makes a client write its bodies as CBOR, for those who make it
// themselves: kinesis.NewFromConfig(cfg, wire.WithCBOR). It must be given as a
// function: in the Options handed to kinesis.New, a protocol is overwritten.
func WithCBOR(o *kinesis.Options) {
	o.Protocol = &cbor{Protocol: rpcv2.NewCBOR(schemas.Kinesis_20131202), json: awsjson.New11(schemas.Kinesis_20131202)}
}

// inJSON are the calls that take a time. The service wants milliseconds where RPC
// v2 writes seconds; they are rare and small, so they go as JSON.
var inJSON = map[string]bool{"GetShardIterator": true}

func (p *cbor) SerializeRequest(ctx context.Context, schema *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	if p.refused.Load() || inJSON[middleware.GetOperationName(ctx)] {
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
	isCBOR := strings.Contains(resp.Header.Get("Content-Type"), "cbor")
	switch {
	case resp.StatusCode < 300:
		if isCBOR {
			p.proved.Store(true)
		} else if p.refused.Load() || inJSON[middleware.GetOperationName(ctx)] {
			return p.json.DeserializeResponse(ctx, schema, types, resp, out)
		}
	case isCBOR:
	case resp.StatusCode < 500 && strings.Contains(resp.Header.Get("Content-Type"), "json") && // not a captive portal
		!inJSON[middleware.GetOperationName(ctx)] && !p.proved.Load() && p.refused.CompareAndSwap(false, true):
		return &smithy.GenericAPIError{Code: ErrCodeCBORRefused, Message: "the endpoint does not take CBOR: going on with JSON", Fault: smithy.FaultServer}
	default: // a proxy or load balancer answers as it likes; JSON is the best guess
		return p.json.DeserializeResponse(ctx, schema, types, resp, out)
	}
	return p.Protocol.DeserializeResponse(ctx, schema, types, resp, lenient{out})
}
