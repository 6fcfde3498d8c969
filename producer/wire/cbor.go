package wire

import (
	"context"
	"errors"
	"slices"
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

// errRefused is the answer of an endpoint that does not take CBOR. Nothing was
// stored, and nobody sees it: the call goes out again at once, as JSON.
var errRefused = errors.New("wire: the endpoint does not take CBOR")

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
	p := &cbor{Protocol: rpcv2.NewCBOR(schemas.Kinesis_20131202), json: awsjson.New11(schemas.Kinesis_20131202)}
	o.Protocol = p
	o.APIOptions = append(slices.Clip(o.APIOptions), func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("CBOROrJSON", p.choose), middleware.Before)
	})
}

// usesCBOR is the key of a stack value: what the call under way is written in.
type usesCBOR struct{}

// choose decides for a call, and again if CBOR is refused. It stands before the
// SDK's retries and everything that is made afresh for a request.
func (p *cbor) choose(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	yes := !p.refused.Load() && !inJSON[middleware.GetOperationName(ctx)]
	out, meta, err := next.HandleInitialize(middleware.WithStackValue(ctx, usesCBOR{}, yes), in)
	if errors.Is(err, errRefused) {
		return next.HandleInitialize(middleware.WithStackValue(ctx, usesCBOR{}, false), in)
	}
	return out, meta, err
}

func isCBOR(ctx context.Context) bool {
	yes, _ := middleware.GetStackValue(ctx, usesCBOR{}).(bool)
	return yes
}

// inJSON are the calls that take a time. The service wants milliseconds where RPC
// v2 writes seconds; they are rare and small, so they go as JSON.
var inJSON = map[string]bool{"GetShardIterator": true}

func (p *cbor) SerializeRequest(ctx context.Context, schema *smithy.OperationSchema, in smithy.Serializable, req *smithyhttp.Request) error {
	if !isCBOR(ctx) {
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
	kind := resp.Header.Get("Content-Type")
	answersCBOR := strings.Contains(kind, "cbor")
	switch {
	case answersCBOR && resp.StatusCode < 300:
		p.proved.Store(true)
	case answersCBOR:
	case isCBOR(ctx) && resp.StatusCode < 300: // in CBOR, whatever it says
	case isCBOR(ctx) && !p.proved.Load() && resp.StatusCode < 500 && strings.Contains(kind, "json"): // not a captive portal
		p.refused.Store(true)
		return errRefused
	default: // JSON; or a proxy or load balancer answers as it likes
		return p.json.DeserializeResponse(ctx, schema, types, resp, out)
	}
	return p.Protocol.DeserializeResponse(ctx, schema, types, resp, lenient{out})
}
